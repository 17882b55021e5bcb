// What real programs printed, read back. Amp's records are the shapes that its makers show.
#include <doctest/doctest.h>

#include <string>

#include "tests/integrations/agents_fixture.hpp"

using agent_test::recorded;
using agent_test::recording;
using agent_test::reply;
using agent_test::Verdict;
using integrations::Usage;

namespace {

/// The same six requests of 1,000 read, 200 cached and 50 written tokens are told in five ways.
const Usage six_requests{.input_tokens = 6000, .cached_tokens = 1200, .output_tokens = 300, .cost_usd = {}};

/// One that ends as its last line says.
std::string amp_ends(const std::string& result) { return recording("amp-begun") + result + "\n"; }

}  // namespace

TEST_CASE("a fix is summed up in the agent's last words, with what it used") {
    for (const auto name : agent_test::presets) {
        CAPTURE(name);
        const auto told = recorded(name, "fix", 0);
        CHECK(told.verdict == Verdict::done);
        CHECK(told.summary == "Fixed add() in calc.py; the test passes.");
        CHECK(told.question.empty());
        CHECK(told.detail.empty());
        auto usage = told.usage;
        usage.cost_usd.reset();
        CHECK(usage == six_requests);
    }
}

TEST_CASE("the cost is told by the programs that know one") {
    // claude reckons by its own table, opencode and pi by the prices that we give them.
    CHECK(recorded("claude", "fix", 0).usage.cost_usd.value_or(0) == doctest::Approx(0.0381));
    CHECK(recorded("opencode", "fix", 0).usage.cost_usd.value_or(0) == doctest::Approx(0.02286));
    CHECK(recorded("pi", "fix", 0).usage.cost_usd.value_or(0) == doctest::Approx(0.02286));
    CHECK_FALSE(recorded("codex", "fix", 0).usage.cost_usd.has_value());
    CHECK_FALSE(recorded("gemini", "fix", 0).usage.cost_usd.has_value());
}

TEST_CASE("an agent that finds nothing to change is done and says so") {
    for (const auto name : agent_test::presets) {
        CAPTURE(name);
        const auto told = recorded(name, "nochange", 0);
        CHECK(told.verdict == Verdict::done);
        CHECK(told.summary == "Nothing needs to change: add() is not called anywhere.");
        CHECK(told.usage.input_tokens == 2000);
    }
}

TEST_CASE("an agent that ends with a question asks it") {
    for (const auto name : agent_test::presets) {
        CAPTURE(name);
        const auto told = recorded(name, "question", 0);
        CHECK(told.verdict == Verdict::asks);
        CHECK(told.question == "Should add() raise TypeError\nfor strings?");
        CHECK(told.summary == "calc.py subtracts where the test wants a sum.");
    }
}

TEST_CASE("a refused key and an empty account are failures, whatever the exit status") {
    for (const auto name : agent_test::presets) {
        for (const int exit_code : {0, 1, 145}) {
            CAPTURE(name);
            const auto refused = recorded(name, "401", exit_code);
            CHECK(refused.verdict == Verdict::failed);
            CHECK_MESSAGE(refused.detail.find(name == "claude" ? "Invalid API key" : "invalid x-api-key") !=
                              std::string::npos,
                          refused.detail);
            CHECK(refused.summary.empty());
            const auto broke = recorded(name, "402", exit_code);
            CHECK(broke.verdict == Verdict::failed);
            CHECK_MESSAGE(broke.detail.find("Credit balance is too low") != std::string::npos, broke.detail);
        }
    }
}

TEST_CASE("a service that says not now is a quota, one that breaks or is not there is unavailable") {
    for (const auto name : agent_test::presets) {
        CAPTURE(name);
        CHECK(recorded(name, "429", 0).verdict == Verdict::quota);
        CHECK(recorded(name, "500", 0).verdict == Verdict::unavailable);
        CHECK(recorded(name, "unreachable", 0).verdict == Verdict::unavailable);
        CHECK_FALSE(recorded(name, "500", 0).detail.empty());
    }
}

TEST_CASE("a program that gets over an error has not failed") {
    const std::string error =
        R"({"type":"error","error":{"name":"APIError","data":{"message":"x","statusCode":500}}})";
    CHECK(reply("opencode", error + "\n" + recording("opencode-fix")).verdict == Verdict::done);
    CHECK(reply("pi", recording("pi-500") + recording("pi-fix")).verdict == Verdict::done);
    CHECK(
        reply("codex", "{\"type\":\"error\",\"message\":\"Reconnecting... 1/5\"}\n" + recording("codex-fix"))
            .verdict == Verdict::done);
}

TEST_CASE("amp's answer, its tokens and its helpers") {
    const auto told = amp_ends(
        R"({"type":"result","subtype":"success","duration_ms":9,"is_error":false,"num_turns":2,"result":"2 + 2 equals 4.","session_id":"T-0"})");
    CHECK(reply("amp", told).verdict == Verdict::done);
    CHECK(reply("amp", told).summary == "2 + 2 equals 4.");
    CHECK(reply("amp", told).usage ==
          Usage{.input_tokens = 17'266, .cached_tokens = 12'783, .output_tokens = 44, .cost_usd = {}});
    // A helper's words are not the agent's.
    const auto silent =
        amp_ends(R"({"type":"result","subtype":"success","is_error":false,"session_id":"T-0"})");
    CHECK(reply("amp", silent).summary == "2 + 2 equals 4.");
    const auto asks =
        amp_ends(R"({"type":"result","subtype":"success","is_error":false,"result":"QUESTION: Which sum?"})");
    CHECK(reply("amp", asks).verdict == Verdict::asks);
    CHECK(reply("amp", asks).question == "Which sum?");
}

TEST_CASE("amp's failures, in its records and before them") {
    const auto broke = amp_ends(
        R"({"type":"result","subtype":"error_during_execution","is_error":true,"error":"429 rate limited","session_id":"T-0"})");
    CHECK(reply("amp", broke, 1).verdict == Verdict::quota);
    CHECK(reply("amp", broke, 1).detail == "429 rate limited");
    const auto turns = amp_ends(R"({"type":"result","subtype":"error_max_turns","is_error":true})");
    CHECK(reply("amp", turns).verdict == Verdict::failed);
    CHECK(reply("amp", turns).detail == "error_max_turns");
    const auto far = reply("amp", "Error: Couldn't connect to the Amp server at https://ampcode.com.\n", 1);
    CHECK(far.verdict == Verdict::unavailable);
    CHECK(far.detail == "exit status 1: Error: Couldn't connect to the Amp server at https://ampcode.com.");
    CHECK(reply("amp", "Error: API request for getUserInfo failed: 401\n", 1).verdict == Verdict::failed);
}

TEST_CASE("the subagents of claude are paid for and do not speak for it") {
    const std::string printed =
        R"({"type":"assistant","message":{"model":"m","content":[{"type":"text","text":"mine"}]},"parent_tool_use_id":null})"
        "\n"
        R"({"type":"assistant","message":{"model":"m","content":[{"type":"text","text":"theirs"}]},"parent_tool_use_id":"t1"})"
        "\n"
        R"({"type":"result","subtype":"success","is_error":false,"usage":{"input_tokens":1},"modelUsage":{"m":{"inputTokens":5,"outputTokens":2,"cacheReadInputTokens":3,"cacheCreationInputTokens":4},"h":{"inputTokens":10}}})"
        "\n";
    const auto told = reply("claude", printed);
    CHECK(told.summary == "mine");
    CHECK(told.usage == Usage{.input_tokens = 15, .cached_tokens = 7, .output_tokens = 2, .cost_usd = {}});
}

TEST_CASE("thinking is counted as written, where it is counted apart") {
    const std::string gemini =
        R"({"type":"result","status":"success","stats":{"total_tokens":1500,"input_tokens":1200,"output_tokens":50,"cached":200}})";
    CHECK(reply("gemini", gemini).usage.output_tokens == 300);
    const std::string opencode =
        R"({"type":"step_finish","part":{"reason":"stop","tokens":{"input":10,"output":5,"reasoning":7,"cache":{"read":1,"write":2}}}})";
    CHECK(reply("opencode", opencode).usage ==
          Usage{.input_tokens = 10, .cached_tokens = 3, .output_tokens = 12, .cost_usd = {}});
}
