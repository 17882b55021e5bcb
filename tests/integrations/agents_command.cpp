#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

#include "config/characters.hpp"
#include "integrations/agents.hpp"
#include "tests/integrations/git_test_server.hpp"

using integrations::AgentReply;
using Verdict = integrations::AgentReply::Verdict;

namespace {

AgentReply reply(const std::string& printed, int exit_code = 0) {
    const auto* agent = integrations::find_agent("command");
    REQUIRE(agent != nullptr);
    return agent->reply(printed, exit_code);
}

}  // namespace

TEST_CASE("every adapter is there, and an unknown one is not") {
    CHECK(integrations::agent_names() ==
          std::vector<std::string_view>{"command", "amp", "claude", "codex", "gemini", "opencode", "pi"});
    for (const auto name : integrations::agent_names()) CHECK(integrations::find_agent(name) != nullptr);
    CHECK(integrations::find_agent("") == nullptr);
    CHECK(integrations::find_agent("Command") == nullptr);
}

TEST_CASE("the prompt goes in on stdin and never into the arguments") {
    const config::AgentProfile profile{
        .name = "fast", .command = {"sh", "-c", "fix"}, .model = "m-1", .environment = {{"A", "1"}}};
    const std::string prompt = "Fix `$(id)`\n--help\n";
    const auto command = integrations::find_agent("command")->command({.prompt = prompt, .profile = profile});
    CHECK(command.argv == std::vector<std::string>{"sh", "-c", "fix"});
    CHECK(command.standard_input == prompt);
    CHECK(command.environment == std::map<std::string, std::string>{{"A", "1"}, {"SHOPFLOOR_MODEL", "m-1"}});
    CHECK(command.home_files.empty());
    const config::AgentProfile plain{.name = "plain", .command = {"true"}};
    CHECK(integrations::find_agent("command")->command({.prompt = "", .profile = plain}).environment.empty());
}

TEST_CASE("a program of one's own is told of model, gateway and effort") {
    const config::ModelProvider provider{.name = "main"};
    const config::Model model{.name = "m-2"};
    const integrations::ModelAccess models{
        .base_url = "http://127.0.0.1:3128/main", .key = "k", .provider = provider, .model = model};
    const config::AgentProfile profile{.name = "own",
                                       .command = {"fix"},
                                       .provider = "main",
                                       .effort = "deep",
                                       .arguments = {"--all"},
                                       .environment = {{"SHOPFLOOR_MODEL_KEY", "mine"}}};
    const auto command =
        integrations::find_agent("command")->command({.prompt = "x", .profile = profile, .models = &models});
    CHECK(command.argv == std::vector<std::string>{"fix", "--all"});
    CHECK(command.environment ==
          std::map<std::string, std::string>{{"SHOPFLOOR_EFFORT", "deep"},
                                             {"SHOPFLOOR_MODEL", "m-2"},
                                             {"SHOPFLOOR_MODEL_KEY", "mine"},
                                             {"SHOPFLOOR_MODEL_URL", "http://127.0.0.1:3128/main"}});
}

TEST_CASE("plain output asks when its last paragraph does") {
    const auto asks = reply("building\n\nThe port is not said.\nQUESTION: Which port?\nAnd which host?\n");
    CHECK(asks.verdict == Verdict::asks);
    CHECK(asks.question == "Which port?\nAnd which host?");
    CHECK(asks.summary == "The port is not said.");
    const auto apart = reply("building\n\nThe port is not said.\n\nQUESTION: Which port?\n");
    CHECK(apart.question == "Which port?");
    CHECK(apart.summary == "The port is not said.");
    CHECK(reply("QUESTION: earlier?\n\nDone.\n").verdict == Verdict::done);
    CHECK(reply("It has no QUESTION: inside.\n").verdict == Verdict::done);
    CHECK(reply("QUESTION:\n").verdict == Verdict::done);
    CHECK(reply("QUESTION: x?\n", 1).verdict == Verdict::failed);
    // An account says it in its own way.
    CHECK(reply("{\"summary\":\"QUESTION: x?\"}\n").verdict == Verdict::done);
}

TEST_CASE("a question is found although a model made its mark bold") {
    for (const std::string line :
         {"QUESTION: Why?", "**QUESTION:** Why?", "  *QUESTION:* Why?", "__QUESTION:__ Why?"}) {
        CAPTURE(line);
        CHECK(reply("So far.\n" + line + "\n").question == "Why?");
        CHECK(reply("So far.\n" + line + "\n").summary == "So far.");
    }
    CHECK(reply("QUESTION: *How* many?\n").question == "*How* many?");
    CHECK(reply("QUESTION: one?\nQUESTION: two?\n").question == "one?\nQUESTION: two?");
}

TEST_CASE("without an account the last paragraph is the summary") {
    CHECK(reply("reading\n\nFixed the parser.\nTwo lines.\n\n").summary == "Fixed the parser.\nTwo lines.");
    CHECK(reply("only one line").summary == "only one line");
    CHECK(reply("a\n  \t\nb\r\nc\r\n").summary == "b\nc");
    CHECK(reply("").summary.empty());
    CHECK(reply("\n\n").summary.empty());
    CHECK(reply("").verdict == Verdict::done);
}

TEST_CASE("an account in the last JSON line tells summary and usage") {
    const auto full = reply(
        "noise\n{\"summary\":\"old\"}\nmore noise\n"
        "{\"summary\":\"**Fixed** "
        "it\",\"usage\":{\"input_tokens\":10,\"cached_tokens\":3,\"output_tokens\":5,\"cost_usd\":0.25},"
        "\"other\":[1]}\r\n"
        "bye\n");
    CHECK(full.verdict == Verdict::done);
    CHECK(full.summary == "**Fixed** it");
    CHECK(full.usage ==
          integrations::Usage{.input_tokens = 10, .cached_tokens = 3, .output_tokens = 5, .cost_usd = 0.25});
    CHECK(reply("{\"usage\":{\"output_tokens\":5}}\n").usage.output_tokens == 5);
    CHECK_FALSE(reply("{\"usage\":{\"output_tokens\":5}}\n").usage.cost_usd.has_value());
    CHECK(reply("{\"summary\":null,\"question\":null,\"usage\":null}\n").summary.empty());
}

TEST_CASE("a question is asked only by a program that ended well") {
    const std::string line = "{\"question\":\"Which port?\",\"summary\":\"\"}\n";
    CHECK(reply(line).verdict == Verdict::asks);
    CHECK(reply(line).question == "Which port?");
    CHECK(reply(line, 1).verdict == Verdict::failed);
    CHECK(reply("{\"question\":\"\"}\n").verdict == Verdict::done);
}

TEST_CASE("exit statuses tell failure from a model service that has no time") {
    const auto failed = reply("one\n\ntwo\nthree\n", 3);
    CHECK(failed.verdict == Verdict::failed);
    CHECK(failed.detail == "exit status 3: one\ntwo\nthree");
    CHECK(reply("429", 75).verdict == Verdict::quota);
    CHECK(reply("no route", 69).verdict == Verdict::unavailable);
    CHECK(reply("x", 137).verdict == Verdict::failed);
    CHECK(reply("", 1).detail == "exit status 1, and nothing said");
    CHECK(reply("done", 0).detail.empty());
    // The account is not part of the last words.
    const auto told = reply("why\n{\"summary\":\"half\",\"usage\":{\"input_tokens\":7}}\n", 1);
    CHECK(told.detail == "exit status 1: why");
    CHECK(told.summary == "half");
    CHECK(told.usage.input_tokens == 7);
}

TEST_CASE("an account of another shape is just output") {
    for (const std::string line :
         {"{\"summary\":5}", "{\"summary\":[\"x\"]}", "{\"usage\":7}", "{\"usage\":{\"input_tokens\":-1}}",
          "{\"usage\":{\"input_tokens\":1.5}}", "{\"usage\":{\"input_tokens\":99999999999999999999}}",
          "{\"usage\":{\"input_tokens\":1000000000001}}", "{\"usage\":{\"cost_usd\":-0.1}}",
          "{\"usage\":{\"cost_usd\":1e300}}", "{\"usage\":{\"cost_usd\":\"1\"}}", "{\"question\":true}", "{}",
          "{\"summary\":\"x\"", "[{\"summary\":\"x\"}]", "{\"summary\":\"x\"} and more"}) {
        CAPTURE(line);
        const auto told = reply("before\n\n" + line + "\n");
        CHECK(told.summary == line);
        CHECK(told.usage == integrations::Usage{});
        CHECK(told.verdict == Verdict::done);
    }
}

TEST_CASE("hostile output becomes plain text") {
    CHECK(reply("\033[31mred\033[0m \033]0;title\abell \033]8;;http://x\033\\link\033]8;;\033\\ \033(Bset\n")
              .summary == "red bell link set");
    CHECK(reply("10%\r50%\r100%\n").summary == "100%");
    CHECK(reply("a\x01\x02\x7f"
                "b\xc2\x9b"
                "c\n")
              .summary == "abc");
    CHECK(reply("bad \xff\xc0\x80\xed\xa0\x80\xf5 end\n").summary.starts_with("bad \ufffd"));
    CHECK(reply("{\"summary\":\"\\u001b[31mred\\u0000\\u009b\"}\n").summary == "red");
    CHECK(reply("\033]0;never closed\nnext line\n").summary.ends_with("next line"));
    CHECK(reply("ends in \033").summary == "ends in");
    for (int seed = 1; seed <= 300; ++seed) {
        std::string noise;
        unsigned state = static_cast<unsigned>(seed);
        for (int at = 0; at < 400; ++at) {
            state = state * 1664525u + 1013904223u;
            noise += static_cast<char>(state >> 24);
        }
        const auto told = reply(noise, seed % 2);
        CHECK(config::is_utf8(told.summary));
        CHECK(config::is_utf8(told.detail));
        CHECK(told.summary.find('\033') == std::string::npos);
    }
}

TEST_CASE("long output costs little and is cut on code points") {
    std::string marks;
    for (int at = 0; at < 5000; ++at) marks += "\u2713";
    const auto cut = reply(marks);
    CHECK(config::length(cut.summary) == 4000);
    CHECK(cut.summary.ends_with("✓…"));
    CHECK(config::length(reply("{\"summary\":\"" + marks + "\"}").summary) == 4000);
    const auto failed = reply(marks, 1);
    CHECK(failed.detail.starts_with("exit status 1: …✓"));
    CHECK(config::length(failed.detail) == 2000 + std::string_view("exit status 1: ").size());

    // A log at its cap, in one line and in many; the end of it is what counts.
    CHECK(reply(std::string(17 << 20, 'x')).summary.size() < 4100);
    CHECK(reply(std::string(17 << 20, '\n') + "end\n").summary == "end");
    CHECK(reply(std::string(3 << 20, 'x') + "\n\n{\"summary\":\"kept\"}\n").summary == "kept");
    CHECK(reply("{\"summary\":\"" + std::string(300 * 1024, 'y') + "\"}\n")
              .summary.starts_with("{\"summary\""));
    CHECK(reply(std::string(200'000, '{') + std::string(200'000, '}') + "\n\nend").summary.ends_with("end"));
    CHECK(
        reply("{\"summary\":" + std::string(100'000, '[') + std::string(100'000, ']') + "}\n\nend").summary ==
        "end");
}

TEST_CASE("a program that said nothing has failed by its exit status") {
    const auto* agent = integrations::find_agent("command");
    const auto told = agent->reply("", 2);
    CHECK(told.verdict == Verdict::failed);
    CHECK(told.detail == "exit status 2, and nothing said");
}
