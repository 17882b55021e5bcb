// Budgets that hold: what a call could come to is reserved before it, what is not known is paid in full.
#include <doctest/doctest.h>

#include <sys/socket.h>

#include <cmath>
#include <string>
#include <thread>
#include <vector>

#include "tests/way_out/gateway_samples.hpp"
#include "tests/way_out/gateway_stage.hpp"

using namespace gateway_stage;
using sandbox::ModelUse;

namespace {

constexpr auto started =
    "data: "
    "{\"type\":\"message_start\",\"message\":{\"usage\":{\"input_tokens\":10,\"output_tokens\":1}}}\n\n";
constexpr auto word = "data: {\"type\":\"content_block_delta\"}\n\n";

Service::Handler event_stream(std::string text) {
    return [text = std::move(text)](const httplib::Request&, httplib::Response& response) {
        response.set_content(text, "text/event-stream");
    };
}

/// The most that `streamed` can come to.
ModelUse most_of_a_call() {
    Service service(event_stream(""));
    Stage stage(service.url());
    (void)stage.call(messages_path, streamed);
    (void)stage.report_at_end();
    return stage.books.last_reserved();
}

}  // namespace

TEST_CASE(
    "fifty streams at once never spend more than a small budget, and the rest are told that it is spent") {
    Service service([](const httplib::Request&, httplib::Response& response) {
        std::this_thread::sleep_for(std::chrono::milliseconds(5));  // so that they overlap
        response.set_content(std::string(started) + word +
                                 "data: {\"type\":\"message_delta\",\"usage\":{\"output_tokens\":100}}\n\n",
                             "text/event-stream");
    });
    const auto each = most_of_a_call().micro_dollars;
    Stage stage(service.url());
    stage.books.most_micro_dollars = 3 * each;
    std::vector<Program> programs;
    programs.reserve(50);
    for (int i = 0; i < 50; ++i) programs.push_back(stage.connect());
    std::atomic<int> answered{0}, refused{0};
    {
        std::vector<std::jthread> threads;
        threads.reserve(programs.size());
        for (auto& program : programs)
            threads.emplace_back([&] {
                program.post(messages_path, streamed);
                const auto reply = program.reply();
                if (reply.status == 200 && reply.whole) ++answered;
                if (reply.status == 429 && reply.body.find("budget") != std::string::npos &&
                    reply.head.find("x-should-retry: false") != std::string::npos)
                    ++refused;
                program.hang_up();
            });
    }
    CHECK(answered + refused == 50);
    CHECK(answered > 3);  // what a call did not come to, another one has
    CHECK(refused > 0);
    CHECK(stage.books.most_ever() <= 3 * each);
    const auto report = stage.report_at_end();
    CHECK(stage.books.spent().micro_dollars == static_cast<std::uint64_t>(answered) * (10 * 3 + 100 * 15));
    CHECK(report.used == stage.books.spent());
    CHECK(report.used.requests == static_cast<std::uint64_t>(answered));
    CHECK(report.budget_spent);
    CHECK(stage.halts == 1);
    CHECK(service.arrived().size() == static_cast<std::size_t>(answered));
}

TEST_CASE("a call that other calls' reservations keep waiting is let through when they have come to less") {
    std::atomic<bool> go_on{false};
    RawService service([&](int socket, const std::stop_token&) {
        send_all(socket, std::string(stream_head) + chunk(started) + chunk(word));
        (void)eventually([&] { return go_on.load(); });
        send_all(socket, chunk("data: {\"type\":\"message_delta\",\"usage\":{\"output_tokens\":2}}\n\n") +
                             "0\r\n\r\n");
    });
    const auto each = most_of_a_call().micro_dollars;
    Stage stage(service.url());
    stage.books.most_micro_dollars = each + 100;
    auto first = stage.connect();
    first.post(messages_path, streamed);
    (void)first.read_until("content_block");
    auto second = stage.connect();
    second.post(messages_path, streamed);
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    CHECK(service.calls() == 1);
    go_on = true;
    CHECK(first.reply().whole);
    CHECK(second.reply().whole);
    CHECK_FALSE(stage.report_at_end().budget_spent);
}

TEST_CASE("a budget that other calls hold is not spent: the program is told to come again") {
    RawService service([](int socket, const std::stop_token& stop) {
        send_all(socket, stream_head);
        while (!stop.stop_requested()) std::this_thread::sleep_for(std::chrono::milliseconds(5));
    });
    const auto each = most_of_a_call().micro_dollars;
    Stage stage(service.url());
    stage.plan([](sandbox::GatewayPlan& plan) { plan.purse_patience = std::chrono::milliseconds(30); });
    stage.books.most_micro_dollars = each;
    auto first = stage.connect();
    first.post(messages_path, streamed);
    (void)first.read_until("\r\n\r\n");
    const auto later = stage.call(messages_path, streamed);
    CHECK(later.status == 503);
    CHECK(later.head.find("retry-after: 5\r\n") != std::string::npos);
    CHECK_FALSE(stage.report().budget_spent);
    CHECK(stage.halts == 0);
}

TEST_CASE("an answer without a word of its use is paid as if it had come to the most") {
    const auto most = most_of_a_call();
    for (const std::string& text :
         {std::string(), std::string(word), std::string("data: not json\n\n"), std::string(started)}) {
        CAPTURE(text);
        Service service(event_stream(text));
        Stage stage(service.url());
        CHECK(stage.call(messages_path, streamed).status == 200);
        (void)stage.report_at_end();
        // What it has read is known when it began; what it wrote is not.
        const auto expected = text == started ? ModelUse{1, 10, 0, 100, 10 * 3 + 100 * 15} : most;
        CHECK(stage.books.spent() == expected);
    }
}

TEST_CASE("a stream that is cut is paid for what it had read and all it could have written") {
    RawService service([](int socket, const std::stop_token&) {
        send_all(socket, std::string(stream_head) + chunk(started) + chunk(word) + "40\r\ndata: half");
    });
    Stage stage(service.url());
    const auto reply = stage.call(messages_path, streamed);
    CHECK(reply.status == 200);
    CHECK_FALSE(reply.whole);
    CHECK(reply.body.find("content_block") != std::string::npos);
    const auto report = stage.report_at_end();
    CHECK(stage.books.spent() == ModelUse{1, 10, 0, 100, 10 * 3 + 100 * 15});
    CHECK(report.service_failed);
    CHECK(report.last_fault.find("broke off") != std::string::npos);
}

TEST_CASE("an agent that hangs up ends the call at the service and pays for it") {
    std::atomic<bool> was_ended{false};
    RawService service([&](int socket, const std::stop_token&) {
        send_all(socket, std::string(stream_head) + chunk(started));
        char byte = 0;
        while (::recv(socket, &byte, 1, 0) > 0) {
        }  // what is left of the request
        was_ended = true;
    });
    Stage stage(service.url());
    auto program = stage.connect();
    program.post(messages_path, streamed);
    (void)program.read_until("message_start");
    program.hang_up();
    CHECK(eventually([&] { return was_ended.load(); }));
    const auto report = stage.report_at_end();
    CHECK(stage.books.spent() == ModelUse{1, 10, 0, 100, 10 * 3 + 100 * 15});
    CHECK_FALSE(report.service_failed);
}

TEST_CASE("a service that gives up before the first word is not paid") {
    Service service(event_stream(std::string(started) +
                                 "data: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\"}}\n\n"));
    Stage stage(service.url());
    CHECK(stage.call(messages_path, streamed).status == 200);
    const auto report = stage.report_at_end();
    CHECK(stage.books.spent() == ModelUse{.requests = 1});
    CHECK(report.service_failed);
}

TEST_CASE(
    "reserved are the request's bytes and what surrounds them at the dearest price, and the limit of "
    "output") {
    struct Dear {
        std::string more;
        std::uint64_t extra;  ///< tokens besides the bytes
        double price;
        std::uint64_t output;
    };
    const std::vector<Dear> cases{
        {R"("max_tokens":100)", 0, 3.75, 100},
        {R"("max_tokens":999999999)", 0, 3.75, 1000},
        {R"("system":[{"text":"a","cache_control":{"type":"ephemeral", "ttl":"1h"}}])", 0, 6, 1000},
        {R"("max_tokens":9,"system":[{"cache_control":{"\u0074tl" : "1h"}}])", 0, 6, 9},
        {R"("system":"\"ttl\":\"1h\"")", 0, 3.75, 1000},
        {R"("messages":[{"content":[{"type":"image","source":{"type":"base64","data":""}}]}])", 8192, 3.75,
         1000},
        {R"("messages":[{"content":[{"type":"document","source":{"type":"base64","data":""}}]}])", 200'000,
         3.75, 1000},
    };
    for (const auto& each : cases) {
        CAPTURE(each.more);
        Service service(event_stream(""));
        Stage stage(service.url());
        CHECK(stage.call(messages_path, R"({"model":"good-model",)" + each.more + "}").status == 200);
        (void)stage.report_at_end();
        const auto input = service.arrived().at(0).body.size() + 4096 + each.extra;
        const auto most = stage.books.last_reserved();
        CHECK(most.requests == 1);
        CHECK(most.input_tokens == input);
        CHECK(most.output_tokens == each.output);
        CHECK(most.micro_dollars ==
              static_cast<std::uint64_t>(std::ceil(static_cast<double>(input) * each.price)) +
                  each.output * 15);
    }
}

TEST_CASE("what a service tells beyond what was reserved does not tear the books") {
    Service service([](const httplib::Request&, httplib::Response& response) {
        response.set_content(R"({"usage":{"input_tokens":90000000,"output_tokens":90000000}})",
                             "application/json");
    });
    Stage stage(service.url());
    CHECK(stage.call(messages_path, whole).status == 200);
    (void)stage.report_at_end();
    CHECK(stage.books.spent().micro_dollars == stage.books.last_reserved().micro_dollars);
    CHECK(stage.books.spent().tokens() == stage.books.last_reserved().tokens());
}
