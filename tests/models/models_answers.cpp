#include <doctest/doctest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/models/caller.hpp"
#include "tests/practice_model/practice_model.hpp"

/// What the practice model says, and what it writes down.

using models::Caller;
using models::Heard;
using models::on_each;
using nlohmann::json;
using practice_model::Api;
using practice_model::PracticeModel;
using practice_model::Script;
using practice_model::Usage;

namespace {

const Usage costs{.input = 1000, .cached = 200, .output = 50, .thought = 20};

Script mending() {
    return {.steps = {practice_model::shell("make test").saying("I look at it, größer als gedacht."),
                      practice_model::shell("sed -i s/-/+/ calc.py"), practice_model::say("Mended.")},
            .costs = costs};
}

/// Anthropic counts thinking as output and does not say how much of it there was.
Usage as_told(Usage usage, Api api) {
    if (api == Api::anthropic) usage.thought = 0;
    usage.requests = 1;
    return usage;
}

}  // namespace

TEST_CASE("a script is played step by step through each API") {
    on_each([](Api api, bool streamed) {
        PracticeModel model;
        model.play(mending());
        Caller caller(model, api, streamed);

        const Heard first = caller.ask();
        CHECK(first.words == "I look at it, größer als gedacht.");
        CHECK(first.tool == "bash");
        CHECK(first.arguments == json{{"command", "make test"}});
        CHECK(first.complete);
        CHECK(first.usage == as_told(costs, api));
        caller.go_on(first);

        const Heard second = caller.ask();
        CHECK(second.words.empty());
        CHECK(second.arguments == json{{"command", "sed -i s/-/+/ calc.py"}});
        caller.go_on(second);

        const Heard third = caller.ask();
        CHECK(third.words == "Mended.");
        CHECK(third.call.empty());
        CHECK(third.complete);
        caller.go_on(third);

        caller.say("Is there more?");
        CHECK(caller.ask().words == "There is nothing more to do.");
    });
}

TEST_CASE("a request sent again gets the same answer") {
    on_each([](Api api, bool streamed) {
        PracticeModel model;
        model.play(mending());
        Caller caller(model, api, streamed);
        caller.go_on(caller.ask());
        const auto first = caller.raw();
        const auto again = caller.raw();
        REQUIRE(first);
        REQUIRE(again);
        CHECK(first->body == again->body);
        CHECK(first->body.find("calc.py") != std::string::npos);
    });
}

TEST_CASE("half an answer that a caller kept does not count as a step") {
    PracticeModel model;
    model.play({.steps = {practice_model::say("All of it is good."), practice_model::say("Still.")}});
    Caller caller(model, Api::chat, false);
    caller.go_on({.words = "All of"});
    CHECK(caller.ask().words == "All of it is good.");
    caller.go_on({.words = "All of it is good.\n"});
    CHECK(caller.ask().words == "Still.");
}

TEST_CASE("each answer's cost is counted for the key that asked") {
    PracticeModel model;
    model.play(mending());
    on_each([&](Api api, bool streamed) { (void)Caller(model, api, streamed, "key-1").ask(); });
    (void)Caller(model, Api::chat, true, "key-2").ask();
    CHECK(model.usage("key-1") ==
          Usage{.requests = 8, .input = 8000, .cached = 1600, .output = 400, .thought = 160});
    CHECK(model.usage("key-2") ==
          Usage{.requests = 1, .input = 1000, .cached = 200, .output = 50, .thought = 20});
    CHECK(model.usage("key-3") == Usage{});
    CHECK(model.usage().size() == 2);
}

TEST_CASE("a step may cost something of its own, else what was read and said") {
    PracticeModel model;
    model.play({.steps = {practice_model::say("dear").costing({.input = 7, .output = 9})}});
    CHECK(Caller(model, Api::anthropic, false).ask().usage == Usage{.requests = 1, .input = 7, .output = 9});

    model.play({.steps = {practice_model::say(std::string(400, 'a'))}});
    Caller caller(model, Api::anthropic, false);
    CHECK(caller.ask().usage == Usage{.requests = 1, .input = caller.body().size() / 4 + 1, .output = 101});
}

TEST_CASE("a streamed chat completion tells its cost only when asked to") {
    PracticeModel model;
    model.play(mending());
    httplib::Client client(model.url());
    const json body = {{"model", "practice-1"},
                       {"stream", true},
                       {"messages", json::array({{{"role", "user"}, {"content", "Hi"}}})}};
    const auto result = client.Post("/v1/chat/completions", body.dump(), "application/json");
    REQUIRE(result);
    const auto heard = models::heard_of(Api::chat, true, result->body);
    CHECK(heard.complete);
    CHECK_FALSE(heard.told_usage);
    CHECK(model.usage("").requests == 1);
}

TEST_CASE("Gemini streams one JSON array to who did not ask for events") {
    PracticeModel model;
    model.play({.steps = {practice_model::say("One piece after the other.")}});
    httplib::Client client(model.url());
    const auto result = client.Post("/v1beta/models/practice-1:streamGenerateContent",
                                    Caller(model, Api::gemini, true).body(), "application/json");
    REQUIRE(result);
    std::string words;
    for (const json& part : json::parse(result->body))
        words += part.at("candidates").at(0).at("content").at("parts").at(0).at("text").get<std::string>();
    CHECK(words == "One piece after the other.");
}

TEST_CASE("tokens are counted without an answer") {
    PracticeModel model;
    httplib::Client client(model.url());
    const auto claude = client.Post("/v1/messages/count_tokens", std::string(39, 'x'), "application/json");
    REQUIRE(claude);
    CHECK(json::parse(claude->body) == json{{"input_tokens", 10}});
    const auto gemini =
        client.Post("/v1beta/models/practice-1:countTokens", std::string(39, 'x'), "application/json");
    REQUIRE(gemini);
    CHECK(json::parse(gemini->body) == json{{"totalTokens", 10}});
    CHECK(model.usage().empty());
}

TEST_CASE("a title for the conversation is no step of the script") {
    on_each([](Api api, bool streamed) {
        PracticeModel model;
        model.play(mending());
        model.fail({.status = 500});
        Caller titles(model, api, streamed);
        titles.without_tools();
        CHECK(titles.ask().words == "ok");
        CHECK(model.faults_left() == 1);
        CHECK_FALSE(model.requests().at(0).step.has_value());
        CHECK(model.usage("a-key").requests == 1);
    });
}

TEST_CASE("the latest script that fits what the user said is played") {
    PracticeModel model;
    model.play({.name = "any", .steps = {practice_model::say("for all")}});
    model.play(
        {.name = "cellar", .when = {"issue 7", "cellar"}, .steps = {practice_model::say("for the cellar")}});
    Caller caller(model, Api::responses, true);
    CHECK(caller.ask().words == "for all");
    caller.say("It is about issue 7.");
    CHECK(caller.ask().words == "for all");
    caller.say("Look into the cellar.");
    CHECK(caller.ask().words == "for the cellar");
    model.play({.name = "cellar", .when = {"issue 8"}, .steps = {practice_model::say("another")}});
    CHECK(caller.ask().words == "for all");
    CHECK(model.requests().at(2).script == "cellar");
}

TEST_CASE("a question is put as agents are told to put it") {
    PracticeModel model;
    model.play({.steps = {practice_model::ask("Red or \"blue\"?")}});
    const auto words = Caller(model, Api::anthropic, true).ask().words;
    CHECK(words.ends_with("\nQUESTION: Red or \"blue\"?"));
}

TEST_CASE("every request is written down, without its content") {
    PracticeModel model;
    model.play(mending());
    Caller caller(model, Api::gemini, true, "key-1");
    const auto answer = caller.raw();
    REQUIRE(answer);
    const auto requests = model.requests();
    REQUIRE(requests.size() == 1);
    const auto& request = requests.front();
    CHECK(request.method == "POST");
    CHECK(request.path == "/v1beta/models/practice-1:streamGenerateContent");
    CHECK(request.query == "alt=sse");
    CHECK(request.headers.find("x-goog-api-key")->second == "key-1");
    CHECK(request.key == "key-1");
    CHECK(request.api == Api::gemini);
    CHECK(request.model == "practice-1");
    CHECK(request.script == "script");
    CHECK(request.step == 0);
    CHECK(request.streamed);
    CHECK(request.status == 200);
    CHECK(request.request_bytes == caller.body().size());
    CHECK(request.answer_bytes == answer->body.size());
}

TEST_CASE("a key is found wherever it stands") {
    PracticeModel model;
    model.accept_keys({"good"});
    model.play({.steps = {practice_model::say("Hello.")}});
    const auto body = Caller(model, Api::gemini, false).body();
    const auto status = [&](const std::string& query, const httplib::Headers& headers) {
        httplib::Client client(model.url());
        const auto result = client.Post("/v1beta/models/practice-1:generateContent" + query, headers, body,
                                        "application/json");
        return result ? result->status : 0;
    };
    CHECK(status("", {{"x-api-key", "good"}}) == 200);
    CHECK(status("", {{"x-goog-api-key", "good"}}) == 200);
    CHECK(status("", {{"Authorization", "Bearer good"}}) == 200);
    CHECK(status("?key=good", {}) == 200);
    CHECK(status("?key=bad", {}) == 401);
    CHECK(status("", {}) == 401);
    CHECK(model.usage("good").requests == 4);
    CHECK(model.usage().size() == 1);
}

TEST_CASE("what is no request of a model API is told in the dialect's words") {
    PracticeModel model;
    httplib::Client client(model.url());
    const auto post = [&](const std::string& path, const std::string& body) {
        const auto result = client.Post(path, body, "application/json");
        REQUIRE(result);
        return std::pair(result->status, json::parse(result->body));
    };
    CHECK(post("/v1/embeddings", "{}").first == 404);
    CHECK(post("/v1/messages", "{\"messages\":").first == 400);
    CHECK(post("/v1/messages", "[]").second.at("error").at("type") == "invalid_request_error");
    CHECK(post("/v1/responses", "{}").second.at("error").at("type") == "invalid_request_error");
    CHECK(post("/v1beta/models/m:generateContent", "7").second.at("error").at("status") ==
          "INVALID_ARGUMENT");
    CHECK(post("/v1/chat/completions", R"({"messages": []})").first == 404);  // there is no script
}
