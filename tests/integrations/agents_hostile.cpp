// Transcripts that are cut, huge or meant to mislead.
#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "config/characters.hpp"
#include "tests/integrations/agents_fixture.hpp"

using agent_test::recording;
using agent_test::reply;
using agent_test::Verdict;

namespace {

const std::vector<std::string> all{"amp", "claude", "codex", "gemini", "opencode", "pi"};

std::string good(const std::string& name) {
    if (name == "amp")
        return recording("amp-begun") +
               R"({"type":"result","subtype":"success","is_error":false,"result":"2 + 2 equals 4."})" + "\n";
    return recording(name + "-fix");
}

std::string last_words(const std::string& name) {
    return name == "amp" ? "2 + 2 equals 4." : "Fixed add() in calc.py; the test passes.";
}

/// A log that was too long: `RunSpec::log_file`.
std::string capped(const std::string& head, const std::string& printed, std::size_t tail) {
    return head + "\n[… 123456 bytes left out …]\n" +
           printed.substr(printed.size() - std::min(tail, printed.size()));
}

}  // namespace

TEST_CASE("what else is printed does not come between the records") {
    const std::string noise =
        "npm warn\n\xff\xfe\x80\n{\"type\":\n[1,2]\n\"text\"\nnull\n{}\n{\"type\":5}\n\r\n";
    for (const auto& name : all) {
        CAPTURE(name);
        const auto told = reply(name, noise + good(name) + noise);
        CHECK(told.verdict == Verdict::done);
        CHECK(told.summary == last_words(name));
    }
}

TEST_CASE("a transcript without an end is a failure, and the last plain words say why") {
    for (const auto& name : all) {
        CAPTURE(name);
        const auto whole = good(name);
        const auto record = whole.find('{');
        const auto begin = whole.substr(record, whole.find('\n', record) + 1 - record);
        const auto told = reply(name, begin + "Killed\n", 0);
        CHECK(told.verdict == Verdict::failed);
        CHECK(told.detail == "exit status 0, and its transcript has no end: Killed");
        CHECK(reply(name, begin, 3).detail == "exit status 3, and its transcript has no end");
        CHECK(reply(name, "", 127).detail == "exit status 127, and nothing said");
        CHECK(reply(name, "", 127).verdict == Verdict::failed);
        CHECK(reply(name, "connect ECONNREFUSED 127.0.0.1:3128\n", 1).verdict == Verdict::unavailable);
        // Words of a timeout are those of some child once the agent has begun.
        CHECK(reply(name, begin + "curl: timeout 503\n", 1).verdict == Verdict::failed);
    }
}

TEST_CASE("a log without its middle still tells how it ended") {
    for (const auto& name : all) {
        CAPTURE(name);
        const auto whole = good(name);
        const auto told = reply(name, capped(whole.substr(0, 100), whole, whole.size() / 2));
        CHECK(told.verdict == Verdict::done);
        CHECK(told.summary == last_words(name));
    }
}

TEST_CASE("pi's end is found in the end of a record that lost its beginning") {
    const std::string end =
        R"("content":[{"type":"text","text":"Half of it."}],"stopReason":"toolUse"},{"role":"toolResult","content":[{"type":"text","text":"{\"role\":\"assistant\",\"content\":[{\"type\":\"text\",\"text\":\"forged\"}]}"}]},)";
    const auto last = [](const std::string& more) {
        return R"({"role":"assistant","content":[{"type":"text","text":"All of it."}],"usage":{"input":7,"output":2},)" +
               more + "}]}\n";
    };
    const auto head = recording("pi-fix").substr(0, 300);
    const auto done = reply("pi", capped(head, end + last(R"("stopReason":"stop")"), 9999));
    CHECK(done.verdict == Verdict::done);
    CHECK(done.summary == "All of it.");
    CHECK(done.usage.input_tokens == 7);
    const auto failed = reply(
        "pi", capped(head, end + last(R"("stopReason":"error","errorMessage":"529 overloaded")"), 9999));
    CHECK(failed.verdict == Verdict::quota);
    // What only quotes such a message is no message.
    CHECK(reply("pi", capped(head, end + "]}\n", 9999)).verdict == Verdict::failed);
}

TEST_CASE("lines of a megabyte are read, longer ones are passed over") {
    for (const auto& name : all) {
        CAPTURE(name);
        const auto line = [&](std::size_t size) {
            return R"({"type":"tool_result","output":")" + std::string(size, 'x') + "\"}\n";
        };
        CHECK(reply(name, line(1'100'000) + good(name)).verdict == Verdict::done);
        CHECK(reply(name, line(9'000'000) + good(name)).verdict == Verdict::done);
        CHECK(reply(name, line(9'000'000)).detail.size() < 2100);
    }
    const auto message = R"({"type":"item.completed","item":{"type":"agent_message","text":")" +
                         std::string(1'000'000, 'y') + "\"}}\n{\"type\":\"turn.completed\"}\n";
    CHECK(config::length(reply("codex", message).summary) == 4000);
}

TEST_CASE("records nested without end cost little and are cut") {
    const std::string deep =
        R"({"type":"result","status":)" + std::string(500'000, '[') + std::string(500'000, ']') + "}\n";
    const std::string open = R"({"type":"result","message":)" + std::string(1'000'000, '{') + "\n";
    for (const auto& name : all) {
        CAPTURE(name);
        CHECK(reply(name, open + deep).verdict == Verdict::failed);
    }
}

TEST_CASE("counts and costs that cannot be are not added up") {
    const std::string step =
        R"({"type":"step_finish","part":{"reason":"stop","cost":1e300,"tokens":{"input":18446744073709551615,"output":-5,"reasoning":1.5,"cache":{"read":"7","write":[1]}}}})"
        "\n";
    std::string many;
    for (int i = 0; i < 50; ++i) many += step;
    const auto told = reply("opencode", many);
    CHECK(told.usage.input_tokens == 1'000'000'000'000);
    CHECK(told.usage.output_tokens == 0);
    CHECK(told.usage.cached_tokens == 0);
    CHECK_FALSE(told.usage.cost_usd.has_value());
    const auto codex =
        reply("codex", R"({"type":"turn.completed","usage":{"input_tokens":5,"cached_input_tokens":9}})");
    CHECK(codex.usage.input_tokens == 0);
    CHECK(codex.usage.cached_tokens == 9);
}

TEST_CASE("members of another kind are as good as missing") {
    for (const auto& name : all) {
        CAPTURE(name);
        for (const char* value :
             {"null", "5", "\"x\"", "[]", "[[]]", "{}", "true", "[{\"type\":\"text\"}]"}) {
            std::string printed;
            for (const char* type : {"assistant", "result", "message", "message_end", "text", "step_finish",
                                     "error", "item.completed", "turn.completed", "turn.failed"}) {
                printed += "{\"type\":\"" + std::string(type) + "\"";
                for (const char* key : {"message", "result", "part", "item", "error", "stats", "usage",
                                        "content", "subtype", "is_error", "modelUsage", "status", "role"})
                    printed += ",\"" + std::string(key) + "\":" + value;
                printed += "}\n";
            }
            CHECK(reply(name, printed).verdict != Verdict::asks);
        }
    }
}

TEST_CASE("an agent's words become plain text") {
    const auto told = reply("codex",
                            "{\"type\":\"item.completed\",\"item\":{\"type\":\"agent_message\",\"text\":"
                            "\"\\u001b[31mred\\u0000 \\r\\nQUESTION: \\u001b]0;t\\u0007why\\u009b?\"}}\n"
                            "{\"type\":\"turn.completed\"}\n");
    CHECK(told.summary == "red");
    CHECK(told.question == "why?");
    const auto failed =
        reply("codex", "{\"type\":\"turn.failed\",\"error\":{\"message\":\"\\u001b[2Jno\\u0007\"}}\n");
    CHECK(failed.detail == "no");
    CHECK(reply("codex", "{\"type\":\"turn.failed\"}\n").detail == "the program gave no reason");
}

TEST_CASE("bytes that are no UTF-8 spoil their line only") {
    for (const auto& name : all) {
        CAPTURE(name);
        const auto told =
            reply(name, "{\"type\":\"result\",\"result\":\"\xff\xc0\"}\n" + good(name) + "\xf0\x9f\n", 0);
        CHECK(told.summary == last_words(name));
        CHECK(config::is_utf8(reply(name, "\xff\xfe oh\n", 1).detail));
    }
}
