// What is not even read: paths that are not listed, odd requests, sizes.
#include <doctest/doctest.h>

#include <string>
#include <utility>
#include <vector>

#include "tests/way_out/gateway_samples.hpp"
#include "tests/way_out/gateway_stage.hpp"

using namespace gateway_stage;
using config::ModelApi;

namespace {}  // namespace

TEST_CASE("only the listed paths of the API lead to the service, and the refusal has the API's own shape") {
    Service service(fine());
    struct Path {
        ModelApi api;
        const char *line, *shape;
    };
    const std::vector<Path> paths{
        {ModelApi::anthropic, "POST /svc/v1/files", "not_found_error"},
        {ModelApi::anthropic, "POST /svc/v1/messages/batches", "not_found_error"},
        {ModelApi::anthropic, "POST /svc/v1/messages/", "not_found_error"},
        {ModelApi::anthropic, "POST /svc//v1/messages", "not_found_error"},
        {ModelApi::anthropic, "POST /svc/v1/%6dessages", "not_found_error"},
        {ModelApi::anthropic, "POST /svc/v1/../v1/messages", "not_found_error"},
        {ModelApi::anthropic, "POST /v1/messages", "not_found_error"},
        {ModelApi::anthropic, "POST /other/v1/messages", "not_found_error"},
        {ModelApi::anthropic, "GET /svc/v1/messages", "not_found_error"},
        {ModelApi::anthropic, "DELETE /svc/v1/messages", "not_found_error"},
        {ModelApi::anthropic, "POST /svc/v1/chat/completions", "not_found_error"},
        {ModelApi::anthropic, "POST http://127.0.0.1/svc/v1/messages", "not_found_error"},
        {ModelApi::anthropic, "CONNECT api.example.com:443", "not_found_error"},
        {ModelApi::anthropic, "POST /svc/v1/messages?admin=1", "invalid_request_error"},
        {ModelApi::openai, "POST /svc/v1/files", "invalid_request_error"},
        {ModelApi::openai, "POST /svc/v1/images/generations", "invalid_request_error"},
        {ModelApi::openai, "POST /svc/v1/responses/resp_1/cancel", "invalid_request_error"},
        {ModelApi::openai, "POST /svc/v1/chat/completions?beta=true", "invalid_request_error"},
        {ModelApi::gemini, "POST /svc/v1beta/cachedContents", "NOT_FOUND"},
        {ModelApi::gemini, "POST /svc/v1beta/models/good-model:batchGenerateContent", "NOT_FOUND"},
        {ModelApi::gemini, "POST /svc/v1beta/models/a/b:generateContent", "NOT_FOUND"},
        {ModelApi::gemini, "POST /svc/v1beta/models/:generateContent", "NOT_FOUND"},
        {ModelApi::gemini, "POST /svc/v1beta/models/good-model:streamGenerateContent", "INVALID_ARGUMENT"},
    };
    for (const auto& path : paths) {
        CAPTURE(path.line);
        Stage stage(service.url(), path.api);
        auto program = stage.connect();
        program.send(
            std::string(path.line) +
            " HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}");
        const auto reply = program.reply();
        CHECK((reply.status == 404 || reply.status == 400));
        CHECK(reply.body.find(path.shape) != std::string::npos);
        CHECK(program.ended());
        CHECK(stage.report_at_end().refused == 1);
    }
    CHECK(service.arrived().empty());
}

TEST_CASE("requests that HTTP allows and nobody needs are refused") {
    Service service(fine());
    const std::string line = "POST /svc/v1/messages HTTP/1.1\r\n";
    const std::string json_type = "Content-Type: application/json\r\n";
    struct Odd {
        std::string head;
        int status;
    };
    const std::vector<Odd> odd{
        {line + json_type + "Host: api.anthropic.com\r\nContent-Length: 2\r\n", 403},
        {line + json_type + "Content-Length: 2\r\n", 403},
        {line + json_type + "Host: 127.0.0.1\r\nHost: evil.example\r\nContent-Length: 2\r\n", 403},
        {line + json_type + "Host: 127.0.0.1\r\nUpgrade: websocket\r\nContent-Length: 2\r\n", 400},
        {line + json_type + "Host: 127.0.0.1\r\n", 411},
        {line + json_type + "Host: 127.0.0.1\r\nContent-Length: 2\r\nContent-Length: 2\r\n", 411},
        {line + json_type + "Host: 127.0.0.1\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n", 411},
        {line + json_type + "Host: 127.0.0.1\r\nTransfer-Encoding: gzip\r\n", 501},
        {line + json_type + "Host: 127.0.0.1\r\nContent-Length: +2\r\n", 400},
        {line + json_type + "Host: 127.0.0.1\r\nContent-Length: 99999999999999999999\r\n", 413},
        {line + json_type + "Host: 127.0.0.1\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n", 415},
        {line + "Host: 127.0.0.1\r\nContent-Type: multipart/form-data; boundary=x\r\nContent-Length: 2\r\n",
         415},
        {"POST /svc/v1/messages HTTP/1.0\r\n" + json_type + "Host: 127.0.0.1\r\nContent-Length: 2\r\n", 505},
    };
    for (const auto& each : odd) {
        CAPTURE(each.head);
        Stage stage(service.url());
        auto program = stage.connect();
        program.send(each.head + "\r\n{}");
        CHECK(program.reply().status == each.status);
        CHECK(program.ended());
    }
    CHECK(service.arrived().empty());
}

TEST_CASE("a request that would cost memory or stack to read is refused unread") {
    Service service(fine());
    std::string members = R"({"model":"good-model")";
    for (int i = 0; i < 1100; ++i) members += ",\"" + std::to_string(i) + "\":1";
    std::string values = R"({"model":"good-model","x":[0)";
    for (int i = 0; i < 400'000; ++i) values += ",0";
    const std::vector<std::pair<std::string, const char*>> cases{
        {std::string(100'000, '[') + std::string(100'000, ']'), "too deeply"},
        {R"({"model":"good-model","x":)" + std::string(200, '[') + std::string(200, ']') + "}", "too deeply"},
        {members + "}", "too many members"},
        {values + "]}", "too many values"},
        {"not json", "valid JSON"},
        {"{\"model\":\"good-model\",\"x\":\"\xff\"}", "valid JSON"},
        {std::string("{\"model\":\"good-model\"}\0{\"tools\":[{\"type\":\"web_search_1\"}]}", 58),
         "valid JSON"},
        {"\xEF\xBB\xBF{\"model\":\"good-model\"}", "valid JSON"},
        {R"({"model":"good-model","x":1e999})", "does not fit"},
        {"[]", "not a JSON object"},
    };
    for (const auto& [body, why] : cases) {
        CAPTURE(why);
        Stage stage(service.url());
        const auto reply = stage.call(messages_path, body);
        CHECK(reply.status == 400);
        CHECK_MESSAGE(reply.body.find(why) != std::string::npos, reply.body);
    }
    CHECK(service.arrived().empty());
}

TEST_CASE("an oversized request is refused by its head, and by its bytes when the head does not say") {
    Service service(fine());
    Stage stage(service.url());
    stage.plan([](sandbox::GatewayPlan& plan) { plan.request_bytes = 1000; });
    CHECK(stage.call(messages_path, std::string(1001, ' ')).status == 413);
    auto program = stage.connect();
    program.send(
        "POST /svc/v1/messages HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        "Transfer-Encoding: chunked\r\n\r\n");
    for (int i = 0; i < 11; ++i) program.send(chunk(std::string(100, ' ')));
    CHECK(program.reply().status == 413);
    CHECK(service.arrived().empty());

    auto fitting = stage.connect();
    fitting.send(
        "POST /svc/v1/messages HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        "Transfer-Encoding: chunked\r\n\r\n" +
        chunk(R"({"model":)") + chunk(R"("good-model"})") + "0\r\n\r\n");
    CHECK(fitting.reply().status == 200);
}
