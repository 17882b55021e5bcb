#include "integrations/forge_asked.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <string>
#include <variant>

using integrations::CommentCreated;
using integrations::event_of;
using integrations::Replay;
using integrations::ThreadRef;

namespace {

const integrations::ForgeKind& github() { return *integrations::find_forge_kind("github"); }

CommentCreated comment_asked_for() {
    return {.thread = {.repo = {.forge = "hub",
                                .id = "77",
                                .full_name = "octo/app",
                                .clone_url = "https://example.org/octo/app.git",
                                .default_branch = "main",
                                .installation = "9"},
                       .number = 5,
                       .kind = ThreadRef::Kind::pull_request},
            .comment_id = "123",
            .body = "/agent stop\n\"at\" once: \u00e9",
            .by = {.login = "ann", .id = "4"},
            .at = std::chrono::system_clock::from_time_t(1'790'000'000)};
}

std::string asked_hook() { return integrations::as_delivery(comment_asked_for()).hook_id(); }

}  // namespace

TEST_CASE("a comment that was asked for is the same event after it was stored") {
    const auto said = comment_asked_for();
    const auto delivery = integrations::as_delivery(said);
    CHECK(delivery.forge() == "hub");
    CHECK(std::get<CommentCreated>(event_of(github(), delivery)) == said);
    auto untimed = said;
    untimed.at.reset();
    CHECK(std::get<CommentCreated>(event_of(github(), integrations::as_delivery(untimed))) == untimed);
}

TEST_CASE("the same comment is the same delivery, and another one is another") {
    const auto said = comment_asked_for();
    const auto id = integrations::as_delivery(said).delivery_id();
    auto edited = said;
    edited.body = "/agent run";
    CHECK(integrations::as_delivery(edited).delivery_id() == id);
    auto other = said;
    other.comment_id = "124";
    CHECK(integrations::as_delivery(other).delivery_id() != id);
    auto on_issue = said;  // comments of issues and of merge requests may count apart
    on_issue.thread.kind = ThreadRef::Kind::issue;
    CHECK(integrations::as_delivery(on_issue).delivery_id() != id);
}

TEST_CASE("what cannot be read of what was asked for is no event") {
    for (const char* body : {"", "[]", "{}", "{\"number\": -1}", "{\"number\": \"5\"}"}) {
        CAPTURE(body);
        const auto event =
            event_of(github(), Replay::stored("hub", asked_hook(), "comment-1", "comment", body));
        CHECK(std::holds_alternative<integrations::Ignored>(event));
    }
    CHECK(std::holds_alternative<integrations::Ignored>(
        event_of(github(), Replay::stored("hub", asked_hook(), "comment-1", "issues", "{\"number\": 5}"))));
}

TEST_CASE("what a webhook brought is read in the forge's words") {
    CHECK(std::holds_alternative<integrations::Pinged>(
        event_of(github(), Replay::stored("hub", "12", "d", "ping", "{}"))));
}

TEST_CASE("no webhook can pass for what was asked for, whatever its headers or its forge are called") {
    const auto body = integrations::as_delivery(comment_asked_for()).body();
    const auto event = event_of(github(), Replay::stored("asked", "asked", "comment-1", "comment", body));
    CHECK(std::holds_alternative<integrations::Ignored>(event));
    CHECK(asked_hook().find('\n') != std::string::npos);
}
