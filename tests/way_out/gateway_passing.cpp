// What passes and how: streams piece by piece, the key put in, nothing of the program's credentials, nothing
// of the service's keys back.
#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "tests/way_out/gateway_stage.hpp"

using namespace gateway_stage;
using config::ModelApi;
using nlohmann::json;

namespace {

const std::string streamed_hello = R"({"model":"good-model","max_tokens":50,"stream":true,"messages":[]})";

constexpr std::string_view answer_json =
    R"({"type":"message","usage":{"input_tokens":10,"output_tokens":2}})";

Service::Handler answers(std::string_view body = answer_json) {
    return [body = std::string(body)](const httplib::Request&, httplib::Response& response) {
        response.set_content(body, "application/json");
    };
}

}  // namespace

TEST_CASE("a program reads the first event of a stream before the service has sent the second") {
    std::atomic<bool> first_was_read{false};
    RawService service([&](int socket, const std::stop_token&) {
        send_all(socket, std::string(stream_head) + chunk("data: {\"n\":1}\n\n"));
        // Would last for ever were the first event held back.
        CHECK(eventually([&] { return first_was_read.load(); }));
        send_all(socket, chunk("data: {\"n\":2}\n\n") + "0\r\n\r\n");
    });
    Stage stage(service.url());
    auto program = stage.connect();
    program.post("/svc/v1/messages", streamed_hello);
    const auto first = program.read_until("\"n\":1}\n\n");
    CHECK(first.find("\"n\":2") == std::string::npos);
    CHECK(first.find("text/event-stream") != std::string::npos);
    first_was_read = true;
    const auto reply = program.reply();
    CHECK(reply.status == 200);
    CHECK(reply.body == "data: {\"n\":1}\n\ndata: {\"n\":2}\n\n");
    CHECK(reply.whole);
}

TEST_CASE("one connection carries call after call") {
    Service service(answers());
    Stage stage(service.url());
    auto program = stage.connect();
    for (int i = 0; i < 5; ++i) {
        program.post("/svc/v1/messages", streamed_hello);
        const auto reply = program.reply();
        CHECK(reply.status == 200);
        CHECK(reply.body == answer_json);
    }
    program.hang_up();
    CHECK(stage.report_at_end().used.requests == 5);
}

TEST_CASE("the service gets the real key and nothing of the credentials that came") {
    struct Way {
        ModelApi api;
        std::string target, body, header, value, at_service;
    };
    const std::vector<Way> ways{
        {ModelApi::anthropic, "/svc/v1/messages?beta=true", streamed_hello, "x-api-key", key_one,
         "/v1/messages?beta=true"},
        {ModelApi::openai, "/svc/v1/chat/completions", streamed_hello, "Authorization",
         std::string("Bearer ") + key_one, "/v1/chat/completions"},
        {ModelApi::openai, "/svc/v1/responses", streamed_hello, "Authorization",
         std::string("Bearer ") + key_one, "/v1/responses"},
        {ModelApi::gemini, "/svc/v1beta/models/good-model:streamGenerateContent?key=worthless&alt=sse", "{}",
         "x-goog-api-key", key_one, "/v1beta/models/good-model:streamGenerateContent?alt=sse"},
    };
    for (const auto& way : ways) {
        CAPTURE(way.target);
        Service service(answers());
        Stage stage(service.url(), way.api);
        const auto reply = stage.call(way.target, way.body,
                                      "Authorization: Bearer worthless\r\nX-Api-Key: worthless\r\n"
                                      "x-goog-api-key: worthless\r\napi-key: worthless\r\n"
                                      "Cookie: worthless\r\nProxy-Authorization: worthless\r\n"
                                      "X-Forwarded-For: worthless\r\nUser-Agent: agent/1\r\n"
                                      "anthropic-beta: context-1m-2025-08-07, tools-2025, fast-mode-x\r\n");
        CHECK(reply.status == 200);
        const auto arrived = service.arrived();
        REQUIRE(arrived.size() == 1);
        CHECK(arrived[0].target == way.at_service);
        const auto& headers = arrived[0].headers;
        CHECK(headers.count(way.header) == 1);
        CHECK(headers.find(way.header)->second == way.value);
        CHECK(headers.find("User-Agent")->second == "agent/1");
        CHECK(headers.find("Accept-Encoding")->second == "identity");
        CHECK(headers.find("anthropic-beta")->second == "tools-2025");
        for (const auto& [name, value] : headers) {
            CAPTURE(name);
            CHECK(value.find("worthless") == std::string::npos);
        }
    }
}

TEST_CASE("a key that the service echoes never reaches the program") {
    const std::string key = key_one;
    // As a service may show it: bare, in base64 alone, in base64 of "user:" before it.
    const std::vector<std::string> shapes{key, "c2stY2FuYXJ5LW9uZS0wMTIzNDU2Nzg5YWJjZGVm",
                                          "dXNlcjpzay1jYW5hcnktb25lLTAxMjM0NTY3ODlhYmNkZWY="};
    for (const auto& shape : shapes) {
        for (std::size_t cut = 0; cut <= shape.size(); cut += 3) {
            CAPTURE(shape);
            CAPTURE(cut);
            RawService service([&](int socket, const std::stop_token&) {
                send_all(socket, std::string(stream_head.substr(0, stream_head.size() - 2)) +
                                     "request-id: <" + shape + ">\r\n\r\n" +
                                     chunk("before " + shape.substr(0, cut)));
                std::this_thread::sleep_for(std::chrono::milliseconds(2));
                send_all(socket, chunk(shape.substr(cut) + " after") + "0\r\n\r\n");
            });
            Stage stage(service.url());
            const auto reply = stage.call("/svc/v1/messages", streamed_hello);
            CHECK(reply.whole);
            CHECK(reply.body.starts_with("before "));
            CHECK(reply.body.ends_with(" after"));
            CHECK(reply.body.size() == shape.size() + 13);
            CHECK(reply.head.find("request-id: <") != std::string::npos);
            for (const auto* part : {"canary", "2FuYXJ", "YW5hcn", "jYW5hc"}) {
                CHECK(reply.body.find(part) == std::string::npos);
                CHECK(reply.head.find(part) == std::string::npos);
            }
        }
    }
}

TEST_CASE("a key in an error of the service is not shown, nor remembered") {
    Service service([](const httplib::Request&, httplib::Response& response) {
        response.status = 401;
        response.set_content(std::string(R"({"error":{"message":"Incorrect API key: )") + key_one + "\"}}",
                             "application/json");
    });
    Stage stage(service.url());
    const auto reply = stage.call("/svc/v1/messages", streamed_hello);
    CHECK(reply.status == 401);
    CHECK(reply.body.find("Incorrect API key: ***") != std::string::npos);
    CHECK(reply.body.find("canary") == std::string::npos);
    const auto report = stage.report_at_end();
    CHECK(report.last_fault.find("Incorrect API key: ***") != std::string::npos);
    CHECK(report.last_fault.find("canary") == std::string::npos);
    CHECK(stage.record().find("canary") == std::string::npos);
}

TEST_CASE("of the service's headers only the harmless ones come back") {
    Service service([](const httplib::Request&, httplib::Response& response) {
        response.set_header("Set-Cookie", "session=1");
        response.set_header("request-id", "req_1");
        response.set_header("anthropic-ratelimit-requests-remaining", "7");
        response.set_header("X-Internal", "secret place");
        response.set_content(std::string(answer_json), "application/json");
    });
    Stage stage(service.url());
    const auto reply = stage.call("/svc/v1/messages", streamed_hello);
    CHECK(reply.head.find("request-id: req_1") != std::string::npos);
    CHECK(reply.head.find("anthropic-ratelimit-requests-remaining: 7") != std::string::npos);
    CHECK(reply.head.find("set-cookie") == std::string::npos);
    CHECK(reply.head.find("x-internal") == std::string::npos);
}

TEST_CASE("a program that asks for models is told those of its run, without a call") {
    Service service(answers());
    for (const auto api : {ModelApi::anthropic, ModelApi::openai}) {
        Stage stage(service.url(), api);
        auto program = stage.connect();
        program.send("GET /svc/v1/models HTTP/1.1\r\nHost: localhost\r\n\r\n");
        const auto reply = program.reply();
        CHECK(reply.status == 200);
        const auto listing = json::parse(reply.body);
        REQUIRE(listing["data"].size() == 1);
        CHECK(listing["data"][0]["id"] == "good-model");
        CHECK(stage.report().used.requests == 0);
    }
    CHECK(service.arrived().empty());
}

TEST_CASE("each call is written down without a word of what was said") {
    Service service(
        answers(R"({"type":"message","content":"ANSWER","usage":{"input_tokens":10,"output_tokens":2}})"));
    Stage stage(service.url());
    auto program = stage.connect();  // one connection: its lines are in order
    program.post("/svc/v1/messages",
                 R"({"model":"good-model","max_tokens":5,"messages":[{"role":"user","content":"PROMPT"}]})");
    CHECK(program.reply().status == 200);
    program.post("/svc/v1/files", "{}");
    CHECK(program.reply().status == 404);
    stage.stop();
    const auto text = stage.record();
    for (const auto* unseen : {"ANSWER", "PROMPT", key_one}) CHECK(text.find(unseen) == std::string::npos);
    const auto end = text.find('\n');
    const auto call = json::parse(text.substr(0, end));
    CHECK(call["endpoint"] == "messages");
    CHECK(call["model"] == "good-model");
    CHECK(call["status"] == 200);
    CHECK(call["input_tokens"] == 10);
    CHECK(call["micro_dollars"] == 60);
    CHECK(call["milliseconds"].is_number_unsigned());
    const auto refused = json::parse(text.substr(end + 1));
    CHECK(refused["status"] == 404);
    CHECK(refused["refused"].get<std::string>().find("/v1/files") != std::string::npos);
}

TEST_CASE("everything ends promptly when it is told to stop") {
    RawService service([](int, const std::stop_token& stop) {
        while (!stop.stop_requested()) std::this_thread::sleep_for(std::chrono::milliseconds(5));
    });
    Stage stage(service.url());
    auto waiting = stage.connect();  // for an answer
    waiting.post("/svc/v1/messages", streamed_hello);
    auto idle = stage.connect();
    auto half = stage.connect();
    half.send("POST /svc/v1/mess");
    REQUIRE(eventually([&] { return service.calls() == 1; }));
    stage.stop();  // joins every connection: would hang otherwise
    CHECK(waiting.ended());
    CHECK(idle.ended());
    CHECK(half.ended());
    CHECK(stage.books.open() == 0);
    CHECK_FALSE(stage.report().service_failed);
}
