// What a service can do wrong: refuse, be silent, never end, send bombs. The program gets a plain answer, the
// report says whose fault it was.
#include <doctest/doctest.h>

#include <sys/socket.h>

#include <chrono>
#include <string>
#include <vector>

#include "tests/way_out/gateway_samples.hpp"
#include "tests/way_out/gateway_stage.hpp"

using namespace gateway_stage;
using config::Secret;
using sandbox::GatewayPlan;
using sandbox::ModelUse;
using std::chrono::milliseconds;

namespace {

constexpr auto good = R"({"type":"message","usage":{"input_tokens":10,"output_tokens":2}})";

using Headers = std::vector<std::pair<std::string, std::string>>;

void answer(httplib::Response& response, int status, const std::string& body, const Headers& headers = {}) {
    response.status = status;
    for (const auto& [name, value] : headers) response.set_header(name, value);
    response.set_content(body, "application/json");
}

bool has_key(const httplib::Request& request, const std::string& key) {
    return request.get_header_value("x-api-key") == key;
}

void two_keys(config::ModelProvider& provider) { provider.keys = {Secret(key_one), Secret(key_two)}; }

constexpr auto overloaded = R"({"error":{"message":"Overloaded"}})";

}  // namespace

TEST_CASE("a key that is refused is set aside and the next one taken, and the program does not notice") {
    Service service([&](const httplib::Request& request, httplib::Response& response) {
        has_key(request, key_one) ? answer(response, 401, overloaded) : answer(response, 200, good);
    });
    Stage stage(service.url(), config::ModelApi::anthropic, two_keys);
    for (int i = 0; i < 3; ++i) {
        const auto reply = stage.call(messages_path, whole);
        CHECK(reply.status == 200);
        CHECK(reply.body == good);
    }
    CHECK(service.arrived().size() == 4);  // the first key was tried once
    const auto report = stage.report_at_end();
    CHECK(report.used == ModelUse{3, 30, 0, 6, 180});
    CHECK_FALSE(report.parked_until);
    CHECK(stage.halts == 0);
}

TEST_CASE("what a service forbids one request is no reason to set a key aside for all") {
    Service service(
        [](const httplib::Request&, httplib::Response& response) { answer(response, 403, overloaded); });
    Stage stage(service.url(), config::ModelApi::anthropic, two_keys);
    for (std::size_t calls = 1; calls <= 3; ++calls) {
        const auto reply = stage.call(messages_path, whole);
        CHECK(reply.status == 403);
        CHECK(reply.body == overloaded);
        CHECK(service.arrived().size() == calls);
    }
    CHECK_FALSE(stage.report_at_end().parked_until);
    CHECK(stage.halts == 0);
}

TEST_CASE("when every key is refused the program is told, and the service is to blame, not the program") {
    std::atomic<bool> mended{false};
    Service service([&](const httplib::Request&, httplib::Response& response) {
        mended ? answer(response, 200, good) : answer(response, 401, overloaded);
    });
    Stage stage(service.url(), config::ModelApi::anthropic, two_keys);
    CHECK(stage.call(messages_path, whole).status == 401);
    CHECK(service.arrived().size() == 2);
    CHECK(stage.report().service_failed);
    CHECK(stage.report().last_fault.find("401") != std::string::npos);
    CHECK_FALSE(stage.report().parked_until);
    mended = true;  // the operator renewed a key at the service
    CHECK(stage.call(messages_path, whole).status == 200);
    CHECK_FALSE(stage.report_at_end().service_failed);
    CHECK(stage.halts == 0);
}

TEST_CASE("a short wait is passed on with its time, and the next call is forwarded") {
    std::atomic<int> calls{0};
    Service service([&](const httplib::Request&, httplib::Response& response) {
        ++calls == 1 ? answer(response, 429, overloaded, {{"retry-after", "1"}})
                     : answer(response, 200, good);
    });
    Stage stage(service.url());
    const auto reply = stage.call(messages_path, whole);
    CHECK(reply.status == 429);
    CHECK(reply.head.find("retry-after: 1\r\n") != std::string::npos);
    CHECK(reply.body == overloaded);
    CHECK(stage.call(messages_path, whole).status == 200);
    const auto report = stage.report_at_end();
    CHECK_FALSE(report.parked_until);
    CHECK_FALSE(report.service_failed);
    CHECK(stage.halts == 0);
    CHECK(report.used == ModelUse{2, 10, 0, 2, 60});
}

TEST_CASE("a wait longer than a program should sit through parks the run until then") {
    struct Long {
        int status;
        Headers headers;
        std::string body;
    };
    for (
        const auto& each : std::vector<Long>{
            {429, {{"Retry-After", "3600"}}, overloaded},
            {529, {{"retry-after", "3600"}}, overloaded},
            {503, {{"retry-after", "3600"}}, overloaded},
            {429, {{"retry-after-ms", "3600000"}}, overloaded},
            {429, {{"retry-after", "Thu, 01 Jan 2099 00:00:00 GMT"}}, overloaded},
            {429,
             {},
             R"({"error":{"details":[{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"3600s"}]}})"},
            {429, {}, R"({"error":{"code":"insufficient_quota"}})"},
        }) {
        CAPTURE(each.status);
        CAPTURE(each.body);
        Service service([&](const httplib::Request&, httplib::Response& response) {
            answer(response, each.status, each.body, each.headers);
        });
        Stage stage(service.url());
        CHECK(stage.call(messages_path, whole).status == each.status);
        CHECK(stage.call(messages_path, whole).status == 429);
        CHECK(service.arrived().size() == 1);
        const auto report = stage.report_at_end();
        REQUIRE(report.parked_until);
        const auto wait = *report.parked_until - std::chrono::system_clock::now();
        CHECK(wait > std::chrono::minutes(9));
        CHECK(wait <= std::chrono::days(30));
        CHECK(stage.halts == 1);
    }
}

TEST_CASE("while one key rests the next one is taken") {
    Service service([](const httplib::Request& request, httplib::Response& response) {
        has_key(request, key_one) ? answer(response, 429, overloaded, {{"retry-after", "3600"}})
                                  : answer(response, 200, good);
    });
    Stage stage(service.url(), config::ModelApi::anthropic, two_keys);
    CHECK(stage.call(messages_path, whole).status == 200);
    CHECK(stage.call(messages_path, whole).status == 200);
    CHECK(service.arrived().size() == 3);
    CHECK_FALSE(stage.report_at_end().parked_until);
}

TEST_CASE("while all keys rest for a short time a call is told when to come back, and is not forwarded") {
    Service service([](const httplib::Request&, httplib::Response& response) {
        answer(response, 429, overloaded, {{"retry-after", "30"}});
    });
    Stage stage(service.url(), config::ModelApi::anthropic, two_keys);
    CHECK(stage.call(messages_path, whole).status == 429);
    CHECK(service.arrived().size() == 2);
    const auto reply = stage.call(messages_path, whole);
    CHECK(reply.status == 503);
    CHECK(reply.head.find("retry-after: ") != std::string::npos);
    CHECK(reply.head.find("x-should-retry: true") != std::string::npos);
    CHECK(service.arrived().size() == 2);
    CHECK_FALSE(stage.report_at_end().parked_until);
    CHECK(stage.halts == 0);
}

TEST_CASE("a fault of the service is passed on, tried once, unpaid, and remembered until a call succeeds") {
    std::atomic<int> calls{0};
    Service service([&](const httplib::Request&, httplib::Response& response) {
        ++calls == 1 ? answer(response, 500, R"({"error":{"message":"internal"}})")
                     : answer(response, 200, good);
    });
    Stage stage(service.url(), config::ModelApi::anthropic, two_keys);
    auto program = stage.connect();
    program.post(messages_path, whole);
    const auto reply = program.reply();
    CHECK(reply.status == 500);
    CHECK(reply.body == R"({"error":{"message":"internal"}})");
    CHECK(eventually([&] { return stage.report().service_failed; }));
    CHECK(stage.report().last_fault.find("500: internal") != std::string::npos);
    CHECK(calls == 1);
    program.post(messages_path, whole);
    CHECK(program.reply().status == 200);
    program.hang_up();
    const auto report = stage.report_at_end();
    CHECK_FALSE(report.service_failed);
    CHECK(report.used == ModelUse{2, 10, 0, 2, 60});
}

TEST_CASE("a service that is not there is a bad gateway, and costs nothing") {
    Stage stage("http://127.0.0.1:1");
    const auto reply = stage.call(messages_path, whole);
    CHECK(reply.status == 502);
    CHECK(reply.body.find("api_error") != std::string::npos);
    const auto report = stage.report_at_end();
    CHECK(report.service_failed);
    CHECK(report.used == ModelUse{.requests = 1});
}

TEST_CASE("a service that takes a call and says nothing is given up in time") {
    for (const auto& body : {streamed, whole}) {
        RawService service([](int, const std::stop_token& stop) {
            while (!stop.stop_requested()) std::this_thread::sleep_for(milliseconds(5));
        });
        Stage stage(service.url());
        stage.plan([](GatewayPlan& plan) { plan.first_byte = milliseconds(100); });
        const auto reply = stage.call(messages_path, body);
        CHECK(reply.status == 504);
        CHECK(reply.body.find("timeout_error") != std::string::npos);
        const auto report = stage.report_at_end();
        CHECK(report.service_failed);
        // It may have been made and lost; of a stream, something on the way may have held back the beginning.
        CHECK(report.used == stage.books.last_reserved());
    }
}

TEST_CASE("a stream that falls silent, or never ends, or trickles for ever, is cut") {
    struct Bad {
        const char* fault;
        RawService::Script script;
        std::function<void(GatewayPlan&)> limit;
    };
    const std::vector<Bad> cases{
        {"fell silent",
         [](int socket, const std::stop_token& stop) {
             send_all(socket, std::string(stream_head) + chunk("data: 1\n\n"));
             while (!stop.stop_requested()) std::this_thread::sleep_for(milliseconds(5));
         },
         [](GatewayPlan& plan) { plan.between_bytes = milliseconds(100); }},
        {"longer than 100000 bytes",
         [](int socket, const std::stop_token& stop) {
             send_all(socket, stream_head);
             char byte = 0;
             while (!stop.stop_requested() && ::recv(socket, &byte, 1, MSG_DONTWAIT) != 0)
                 send_all(socket, chunk(std::string(1000, 'x')));
         },
         [](GatewayPlan& plan) { plan.answer_bytes = 100'000; }},
        {"took longer",
         [](int socket, const std::stop_token& stop) {
             send_all(socket, stream_head);
             for (char byte = 0; !stop.stop_requested() && ::recv(socket, &byte, 1, MSG_DONTWAIT) != 0;) {
                 send_all(socket, chunk("x"));
                 std::this_thread::sleep_for(milliseconds(5));
             }
         },
         [](GatewayPlan& plan) { plan.whole_call = milliseconds(200); }},
    };
    for (const auto& bad : cases) {
        CAPTURE(bad.fault);
        RawService service(bad.script);
        Stage stage(service.url());
        stage.plan(bad.limit);
        const auto reply = stage.call(messages_path, streamed);
        CHECK(reply.status == 200);
        CHECK_FALSE(reply.whole);
        const auto report = stage.report_at_end();
        CHECK(report.service_failed);
        CHECK_MESSAGE(report.last_fault.find(bad.fault) != std::string::npos, report.last_fault);
        CHECK(report.used == stage.books.last_reserved());
    }
}

TEST_CASE("an answer that HTTP would make a trap of is a bad gateway") {
    struct Trap {
        std::string answer, fault;
    };
    const std::string head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n";
    for (const auto& trap : std::vector<Trap>{
             {head + "Content-Encoding: gzip\r\nContent-Length: 100\r\n\r\n\x1f\x8b", "compressed"},
             {head + "Content-Encoding: br\r\nTransfer-Encoding: chunked\r\n\r\n", "compressed"},
             {"HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/\r\nContent-Length: 0\r\n\r\n",
              "redirect"},
             {"HTTP/1.1 307 Temporary\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n", "redirect"},
             {"HTTP/1.1 204 No Content\r\n\r\n", "without content"},
             {"HTTP/1.1 999 Odd\r\nContent-Length: 0\r\n\r\n", "status 999"},
             {"SSH-2.0-OpenSSH_9.2\r\n", "does not answer"},
             {"HTTP/1.1 200 OK\r\nX: " + std::string(200'000, 'x'), "larger than is read"},
         }) {
        CAPTURE(trap.fault);
        RawService service([&](int socket, const std::stop_token&) { send_all(socket, trap.answer); });
        Stage stage(service.url());
        const auto reply = stage.call(messages_path, streamed);
        CHECK(reply.status == 502);
        CHECK(reply.body.find("169.254") == std::string::npos);
        const auto report = stage.report_at_end();
        CHECK(report.service_failed);
        CHECK_MESSAGE(report.last_fault.find(trap.fault) != std::string::npos, report.last_fault);
        CHECK(service.calls() == 1);
    }
}

TEST_CASE("a program that sends slowly, or takes nothing, does not hold a call for ever") {
    RawService service([](int socket, const std::stop_token& stop) {
        send_all(socket, stream_head);
        for (char byte = 0; !stop.stop_requested() && ::recv(socket, &byte, 1, MSG_DONTWAIT) != 0;)
            send_all(socket, chunk(std::string(60'000, 'x')));
    });
    Stage stage(service.url());
    stage.plan([](GatewayPlan& plan) { plan.between_bytes = milliseconds(150); });
    auto slow = stage.connect();
    slow.send(
        "POST /svc/v1/messages HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        "Content-Length: 50\r\n\r\n{");
    CHECK(slow.reply().status == 408);

    auto deaf = stage.connect();
    deaf.post(messages_path, streamed);  // and reads nothing
    REQUIRE(eventually([&] { return service.calls() == 1; }));
    CHECK(eventually([&] { return stage.books.open() == 0; }));
    CHECK_FALSE(stage.report_at_end().service_failed);
}
