// What calls come to: read out of the answers of all four APIs, whole and streamed, to the micro dollar.
#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "sandbox/gateway_usage.hpp"
#include "tests/way_out/gateway_stage.hpp"

using namespace gateway_stage;
using config::ModelApi;
using sandbox::Endpoint;
using sandbox::ModelUse;
using sandbox::TokenCounts;
using sandbox::UsageReader;

namespace {

struct Told {
    std::string what;
    ModelApi api;
    std::string target;
    std::string request;
    std::string type;
    std::string answer;
    ModelUse comes_to;
};

constexpr auto json_type = "application/json";
constexpr auto events = "text/event-stream";

std::string asking(const std::string& more) {
    return R"({"model":"good-model","max_tokens":500)" + more + "}";
}

// Prices of the stage: 3 in, 0.3 cached, 3.75 written, 15 out.
const std::vector<Told> told{
    {"Messages, whole",
     ModelApi::anthropic,
     "/svc/v1/messages",
     asking(""),
     json_type,
     R"({"type":"message","usage":{"input_tokens":100,"cache_creation_input_tokens":40,"cache_read_input_tokens":1000,
         "cache_creation":{"ephemeral_5m_input_tokens":30,"ephemeral_1h_input_tokens":10},"output_tokens":7}})",
     // 300 + 30 * 3.75 + 10 * 6 + 300 + 105
     {1, 100, 1040, 7, 878}},
    {"Messages, streamed",
     ModelApi::anthropic,
     "/svc/v1/messages",
     asking(R"(,"stream":true)"),
     events,
     "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"usage\":{\"input_tokens\":100,"
     "\"cache_creation_input_tokens\":40,\"cache_read_input_tokens\":1000,\"output_tokens\":1}}}\n\n"
     "event: ping\ndata: {\"type\":\"ping\"}\n\n"
     "data: {\"type\":\"content_block_delta\",\"delta\":{\"text\":\"usage\"}}\n\n"
     "data: {\"type\":\"message_delta\",\"usage\":{\"output_tokens\":7}}\n\n"
     "data: {\"type\":\"message_stop\"}\n\n",
     {1, 100, 1040, 7, 300 + 150 + 300 + 105}},
    {"Chat Completions, whole",
     ModelApi::openai,
     "/svc/v1/chat/completions",
     asking(""),
     json_type,
     R"({"choices":[{}],"usage":{"prompt_tokens":100,"completion_tokens":9,"prompt_tokens_details":{"cached_tokens":64},
         "completion_tokens_details":{"reasoning_tokens":5}}})",
     // 36 * 3 + 64 * 0.3 + 135 = 262.2
     {1, 36, 64, 9, 263}},
    {"Chat Completions, streamed",
     ModelApi::openai,
     "/svc/v1/chat/completions",
     asking(R"(,"stream":true)"),
     events,
     "data: {\"choices\":[{\"delta\":{}}],\"usage\":null}\r\n\r\n"
     "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":100,\"completion_tokens\":9}}\r\n\r\ndata: "
     "[DONE]\r\n\r\n",
     {1, 100, 0, 9, 435}},
    {"Responses, whole",
     ModelApi::openai,
     "/svc/v1/responses",
     asking(""),
     json_type,
     R"({"object":"response","status":"completed","usage":{"input_tokens":100,"output_tokens":9,
         "input_tokens_details":{"cached_tokens":100}}})",
     {1, 0, 100, 9, 165}},
    {"Responses, streamed",
     ModelApi::openai,
     "/svc/v1/responses",
     asking(R"(,"stream":true)"),
     events,
     "event: response.created\ndata: {\"type\":\"response.created\",\"response\":{\"usage\":null}}\n\n"
     "data: {\"type\":\"response.output_text.delta\",\"delta\":\"x\"}\n\n"
     "data: "
     "{\"type\":\"response.incomplete\",\"response\":{\"usage\":{\"input_tokens\":100,\"output_tokens\":9}}}"
     "\n\n",
     {1, 100, 0, 9, 435}},
    {"Gemini, whole",
     ModelApi::gemini,
     "/svc/v1beta/models/good-model:generateContent",
     "{}",
     json_type,
     R"({"candidates":[{}],"usageMetadata":{"promptTokenCount":100,"cachedContentTokenCount":10,
         "candidatesTokenCount":4,"thoughtsTokenCount":5,"toolUsePromptTokenCount":1}})",
     {1, 91, 10, 9, 411}},
    {"Gemini, streamed",
     ModelApi::gemini,
     "/svc/v1beta/models/good-model:streamGenerateContent?alt=sse",
     "{}",
     events,
     "data: {\"candidates\":[{}],\"usageMetadata\":{\"promptTokenCount\":100,\"candidatesTokenCount\":1}}\n\n"
     "data: {\"candidates\":[{}],\"usageMetadata\":{\"promptTokenCount\":100,\"candidatesTokenCount\":4,"
     "\"thoughtsTokenCount\":5}}\n\n",
     {1, 100, 0, 9, 435}},
};

}  // namespace

TEST_CASE("what a call came to is read out of the answers of all four APIs, to the micro dollar") {
    for (const auto& each : told) {
        CAPTURE(each.what);
        Service service([&](const httplib::Request&, httplib::Response& response) {
            response.set_content(each.answer, each.type);
        });
        Stage stage(service.url(), each.api);
        const auto reply = stage.call(each.target, each.request);
        CHECK(reply.status == 200);
        CHECK(reply.body == each.answer);
        const auto report = stage.report_at_end();
        CHECK(report.used == each.comes_to);
        CHECK(stage.books.spent() == each.comes_to);
        CHECK_FALSE(report.service_failed);
    }
}

TEST_CASE("however a stream is cut into pieces, the same use is read") {
    for (const auto& each : told) {
        CAPTURE(each.what);
        const auto endpoint = each.api == ModelApi::anthropic                 ? Endpoint::messages
                              : each.api == ModelApi::gemini                  ? Endpoint::generate
                              : each.target.find("chat") != std::string::npos ? Endpoint::chat
                                                                              : Endpoint::responses;
        const auto shape = each.type == events ? UsageReader::Shape::events : UsageReader::Shape::plain;
        std::optional<TokenCounts> first;
        for (std::size_t size = each.answer.size(); size > 0; size = size > 9 ? size / 2 : size - 1) {
            UsageReader reader(endpoint, shape);
            for (std::size_t at = 0; at < each.answer.size(); at += size)
                reader.feed(std::string_view(each.answer).substr(at, size));
            reader.end();
            REQUIRE(reader.counts());
            CHECK(reader.complete());
            if (!first) first = reader.counts();
            CHECK(*reader.counts() == *first);
        }
        CHECK(first->output == each.comes_to.output_tokens);
    }
}

TEST_CASE("an event too long to be read says nothing, and the next one is read") {
    UsageReader reader(Endpoint::chat, UsageReader::Shape::events);
    reader.feed("data: {\"usage\":{\"completion_tokens\":1},\"x\":\"");
    for (int i = 0; i < 9; ++i) reader.feed(std::string(1 << 20, 'x'));
    reader.feed("\"}\n\n");
    CHECK_FALSE(reader.counts());
    reader.feed("data: {\"usage\":{\"completion_tokens\":2}}\n\n");
    REQUIRE(reader.counts());
    CHECK(reader.counts()->output == 2);
}

TEST_CASE("numbers that no service means are not believed") {
    UsageReader reader(Endpoint::chat, UsageReader::Shape::plain);
    reader.feed(R"({"usage":{"prompt_tokens":-5,"completion_tokens":18446744073709551615,
                    "prompt_tokens_details":{"cached_tokens":7}}})");
    reader.end();
    REQUIRE(reader.counts());
    CHECK(reader.counts()->input == 0);
    CHECK(reader.counts()->cached == 0);
    CHECK(reader.counts()->output == 100'000'000);
}

TEST_CASE("money is counted in whole numbers and rounded up once") {
    const config::ModelPrice price{.input = 0.1, .cached = 0.07, .output = 0.3};
    CHECK(sandbox::micro_dollars(price, {.input = 10}) == 1);
    CHECK(sandbox::micro_dollars(price, {.cached = 100}) == 7);
    CHECK(sandbox::micro_dollars(price, {.input = 1, .cached = 1, .output = 1}) == 1);
    CHECK(sandbox::micro_dollars(price, {.written = 10}) == 1);  // as input
    CHECK(sandbox::micro_dollars(price, {.written_hour = 10}) == 2);
    CHECK(sandbox::micro_dollars({.input = 75}, {.input = 100'000'000}) == 7'500'000'000);
    CHECK(sandbox::micro_dollars({.input = 1e9, .output = 1e9},
                                 {.input = UINT64_MAX, .output = UINT64_MAX}) == 200'000'000'000);
}

TEST_CASE("counting tokens is forwarded, counted as a request, and costs nothing") {
    Service service([](const httplib::Request&, httplib::Response& response) {
        response.set_content(R"({"input_tokens":12})", json_type);
    });
    Stage stage(service.url());
    stage.books.most_micro_dollars = 0;
    CHECK(stage.call("/svc/v1/messages/count_tokens", R"({"model":"good-model","messages":[]})").status ==
          200);
    CHECK(service.arrived().at(0).body == R"({"model":"good-model","messages":[]})");
    CHECK(stage.report_at_end().used == ModelUse{.requests = 1});

    Stage gemini(service.url(), ModelApi::gemini);
    CHECK(gemini.call("/svc/v1beta/models/good-model:countTokens", R"({"contents":[]})").status == 200);
    CHECK(gemini.report_at_end().used == ModelUse{.requests = 1});
}
