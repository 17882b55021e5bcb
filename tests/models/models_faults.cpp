#include <doctest/doctest.h>

#include <chrono>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>

#include "tests/models/caller.hpp"
#include "tests/practice_model/practice_model.hpp"

/// What goes wrong when it is told to, and how often.

using models::Caller;
using models::on_each;
using nlohmann::json;
using practice_model::Api;
using practice_model::Fault;
using practice_model::PracticeModel;
using Kind = Fault::Kind;

namespace {

constexpr std::size_t mebibyte = 1U << 20;

practice_model::Script talk() {
    return {.steps = {practice_model::say(std::string(600, 'w'))},
            .costs = practice_model::Usage{.input = 9, .output = 3}};
}

/// What arrived of an answer before its end, or before `enough`.
struct Arrived {
    std::string text;
    std::size_t bytes = 0;
    bool ended_well = false;
};

Arrived receive(const PracticeModel& model, const Caller& caller, std::size_t enough,
                std::chrono::milliseconds patience = std::chrono::seconds(20)) {
    httplib::Client client(model.url());
    client.set_read_timeout(patience);
    Arrived arrived;
    httplib::Request request;
    request.method = "POST";
    request.path = caller.path();
    request.headers = caller.headers();
    request.body = caller.body();
    request.headers.emplace("Content-Type", "application/json");
    request.content_receiver = [&](const char* data, std::size_t size, std::uint64_t, std::uint64_t) {
        arrived.bytes += size;
        if (arrived.text.size() < mebibyte) arrived.text.append(data, size);
        return arrived.bytes < enough;
    };
    arrived.ended_well = client.send(request).error() == httplib::Error::Success;
    return arrived;
}

std::string message_of(const json& body) { return body.at("error").at("message"); }

}  // namespace

TEST_CASE("an error comes as often as it was told to, then the answer") {
    on_each([](Api api, bool streamed) {
        for (const int status : {400, 401, 402, 429, 500, 503, 529}) {
            CAPTURE(status);
            PracticeModel model;
            model.play(talk());
            model.fail({.status = status, .times = 2, .retry_after = std::chrono::seconds(7)});
            Caller caller(model, api, streamed);
            for (int i = 0; i < 2; ++i) {
                const auto refused = caller.raw();
                REQUIRE(refused);
                CHECK(refused->status == status);
                CHECK(refused->get_header_value("retry-after") == "7");
                CHECK(message_of(json::parse(refused->body)) == "a fault of practice");
            }
            CHECK(caller.ask().complete);
            CHECK(model.faults_left() == 0);
            CHECK(model.usage("a-key").requests == 1);
        }
    });
}

TEST_CASE("each dialect has its own words for an error") {
    const auto error_of = [](Api api, int status) {
        PracticeModel model;
        model.play(talk());
        model.fail({.status = status});
        const auto result = Caller(model, api, false).raw();
        REQUIRE(result);
        return json::parse(result->body).at("error");
    };
    CHECK(error_of(Api::anthropic, 429).at("type") == "rate_limit_error");
    CHECK(error_of(Api::anthropic, 529).at("type") == "overloaded_error");
    CHECK(error_of(Api::chat, 429).at("code") == "rate_limit_exceeded");
    CHECK(error_of(Api::responses, 500).at("type") == "server_error");
    CHECK(error_of(Api::gemini, 429).at("status") == "RESOURCE_EXHAUSTED");
    CHECK(error_of(Api::gemini, 503).at("code") == 503);
}

TEST_CASE("a fault can wait for its step and its script") {
    PracticeModel model;
    model.play({.name = "short", .steps = {practice_model::shell("true"), practice_model::say("Done.")}});
    model.fail({.status = 503, .times = Fault::always, .script = "another"});
    model.fail({.status = 500, .script = "short", .step = 1});
    Caller caller(model, Api::anthropic, true);
    caller.go_on(caller.ask());
    const auto refused = caller.raw();
    REQUIRE(refused);
    CHECK(refused->status == 500);
    CHECK(model.requests().at(1).fault == Kind::status);
    CHECK(caller.ask().words == "Done.");
    CHECK(model.faults_left() == Fault::always);
}

TEST_CASE("a key can be told back to who sent it") {
    on_each([](Api api, bool streamed) {
        PracticeModel model;
        model.play(talk());
        model.fail({.status = 401, .echo_key = true});
        const auto result = Caller(model, api, streamed, "canary-key").raw();
        REQUIRE(result);
        CHECK(message_of(json::parse(result->body)).find("canary-key") != std::string::npos);
        CHECK(result->get_header_value("x-received-key") == "canary-key");
    });
}

TEST_CASE("a stalled service says nothing") {
    on_each([](Api api, bool streamed) {
        PracticeModel model;
        model.play(talk());
        model.fail({.kind = Kind::stall});
        const auto arrived =
            receive(model, Caller(model, api, streamed), mebibyte, std::chrono::milliseconds(200));
        CHECK(arrived.bytes == 0);
        CHECK_FALSE(arrived.ended_well);
        CHECK(model.requests().at(0).status == 0);
        CHECK(model.usage().empty());
    });
}

TEST_CASE("a stalled service that has lost its patience resets the connection") {
    PracticeModel model;
    model.play(talk());
    model.fail({.kind = Kind::stall, .patience = std::chrono::milliseconds(50)});
    Caller caller(model, Api::chat, true);
    CHECK_FALSE(caller.raw());
    CHECK(caller.ask().complete);
}

TEST_CASE("an answer may stop midway, with the connection or without") {
    for (const Kind kind : {Kind::stall_midway, Kind::cut}) {
        on_each([&](Api api, bool streamed) {
            PracticeModel model;
            model.play(talk());
            const auto whole = receive(model, Caller(model, api, streamed), mebibyte);
            REQUIRE(whole.ended_well);
            model.fail({.kind = kind});
            const auto patience =
                kind == Kind::cut ? std::chrono::milliseconds(20'000) : std::chrono::milliseconds(300);
            const auto half = receive(model, Caller(model, api, streamed), mebibyte, patience);
            CHECK_FALSE(half.ended_well);
            CHECK(half.bytes > 0);
            CHECK(half.bytes < whole.bytes);
            CHECK(whole.text.starts_with(half.text));
            CHECK(model.usage("a-key").requests == 2);
        });
    }
}

TEST_CASE("a connection may be reset") {
    on_each([](Api api, bool streamed) {
        PracticeModel model;
        model.play(talk());
        model.fail({.kind = Kind::reset});
        Caller caller(model, api, streamed);
        CHECK_FALSE(caller.raw());
        CHECK(caller.ask().complete);
        CHECK(model.requests().at(0).fault == Kind::reset);
    });
}

TEST_CASE("an answer may go on for ever") {
    on_each([](Api api, bool streamed) {
        PracticeModel model;
        model.play(talk());
        model.fail({.kind = Kind::endless});
        const auto arrived = receive(model, Caller(model, api, streamed), 4 * mebibyte);
        CHECK(arrived.bytes >= 4 * mebibyte);
        if (streamed) CHECK(arrived.text.find("wwww") != std::string::npos);
    });
}

TEST_CASE("a small answer may unpack to a large one") {
    on_each([](Api api, bool streamed) {
        PracticeModel model;
        model.play(talk());
        model.fail({.kind = Kind::gzip_bomb, .times = 2});
        Caller caller(model, api, streamed);
        httplib::Client client(model.url());
        client.set_decompress(false);
        const auto packed = client.Post(caller.path(), caller.headers(), caller.body(), "application/json");
        REQUIRE(packed);
        CHECK(packed->get_header_value("Content-Encoding") == "gzip");
        CHECK(packed->body.size() < mebibyte);
        if (api == Api::chat) CHECK(receive(model, caller, 1024 * mebibyte).bytes == 256 * mebibyte);
    });
}

TEST_CASE("an answer may not say what it cost; it is counted all the same") {
    on_each([](Api api, bool streamed) {
        PracticeModel model;
        model.play(talk());
        model.fail({.kind = Kind::no_usage});
        Caller caller(model, api, streamed);
        const auto silent = caller.ask();
        CHECK(silent.complete);
        CHECK_FALSE(silent.told_usage);
        CHECK(caller.ask().told_usage);
        CHECK(model.usage("a-key") == practice_model::Usage{.requests = 2, .input = 18, .output = 6});
    });
}

TEST_CASE("a slow answer is a good one") {
    on_each([](Api api, bool streamed) {
        PracticeModel model;
        model.play(talk());
        model.fail({.kind = Kind::slow, .patience = std::chrono::milliseconds(200)});
        const auto start = std::chrono::steady_clock::now();
        CHECK(Caller(model, api, streamed).ask().words == std::string(600, 'w'));
        // Rounded down for each part.
        CHECK(std::chrono::steady_clock::now() - start >= std::chrono::milliseconds(100));
    });
}

TEST_CASE("a service that ends lets go of who waits for it") {
    auto model = std::make_unique<PracticeModel>();
    model->play(talk());
    model->fail({.kind = Kind::stall});
    Caller caller(*model, Api::anthropic, true);
    bool answered = true;
    std::jthread waiting([&] { answered = static_cast<bool>(caller.raw()); });
    while (model->requests().empty()) std::this_thread::sleep_for(std::chrono::milliseconds(5));
    model.reset();
    waiting.join();
    CHECK_FALSE(answered);
}
