#include <doctest/doctest.h>

#include <string>

#include "integrations/forge.hpp"
#include "tests/integrations/signing.hpp"

using config::ForgeSettings;
using config::Secret;
using integrations::Delivery;
using integrations::Rejected;
using integrations::Verifier;

namespace {

ForgeSettings settings() {
    return {.name = "work", .webhook_secrets = {Secret("old secret"), Secret("new secret")}};
}

/// With all the names that Gitea and, besides, Forgejo give to one thing.
Delivery delivery(bool forgejo, const std::string& body = R"({"action":"opened"})",
                  const std::string& key = "new secret") {
    const auto signature = forge_tests::hmac_of(key, body);
    Delivery made{.forge = "work", .headers = {{"content-type", "application/json"}}, .body = body};
    for (const std::string maker : {"x-gitea-", "x-gogs-", "x-forgejo-"}) {
        if (maker == "x-forgejo-" && !forgejo) continue;
        made.headers.emplace(maker + "signature", signature);
        made.headers.emplace(maker + "delivery", "f6266f16-1bf3-46a5-9ea4-602e06ead473");
        made.headers.emplace(maker + "event", "issues");
        made.headers.emplace(maker + "event-type", "issue_label");
    }
    made.headers.emplace("x-hub-signature-256", "sha256=" + signature);
    made.headers.emplace("x-github-delivery", "f6266f16-1bf3-46a5-9ea4-602e06ead473");
    made.headers.emplace("x-github-event", "issues");
    return made;
}

Rejected rejection(Delivery given) {
    auto verified = Verifier::gitea(settings(), std::move(given));
    REQUIRE_FALSE(verified.has_value());
    return verified.error();
}

void replace(Delivery& given, const std::string& name, const std::string& value) {
    given.headers.erase(name);
    given.headers.emplace(name, value);
}

}  // namespace

TEST_CASE("a delivery of Gitea or of Forgejo signed with any configured secret is accepted as it is") {
    for (const bool forgejo : {false, true}) {
        for (const auto* key : {"old secret", "new secret"}) {
            const auto verified =
                Verifier::gitea(settings(), delivery(forgejo, "{\"a\": \"\xc3\xbc\"}\n", key));
            REQUIRE(verified.has_value());
            CHECK(verified->body() == "{\"a\": \"\xc3\xbc\"}\n");
            CHECK(verified->forge() == "work");
            CHECK(verified->event_name() == "issues");
            CHECK(verified->delivery_id() == "f6266f16-1bf3-46a5-9ea4-602e06ead473");
            CHECK(verified->hook_id() == "work");
        }
    }
}

TEST_CASE("the signature of a form is over the JSON in it") {
    auto given = delivery(false, R"({"a":"b c"})");
    given.body = "payload=%7B%22a%22%3A%22b+c%22%7D";
    replace(given, "content-type", "application/x-www-form-urlencoded");
    const auto verified = Verifier::gitea(settings(), std::move(given));
    REQUIRE(verified.has_value());
    CHECK(verified->body() == R"({"a":"b c"})");
}

TEST_CASE(
    "a delivery of Gitea that nobody signed, or somebody else, is refused with 401 and the header's name") {
    auto unsigned_one = delivery(false);
    unsigned_one.headers.erase("x-gitea-signature");
    CHECK(rejection(std::move(unsigned_one)).status == 401);
    CHECK(rejection(delivery(false, "{}", "guessed")).status == 401);
    CHECK(rejection(delivery(false, "{}", "guessed")).reason.starts_with("X-Gitea-Signature does not match"));
    CHECK(
        rejection(delivery(true, "{}", "guessed")).reason.starts_with("X-Forgejo-Signature does not match"));
    auto other_body = delivery(false);
    other_body.body += " ";
    CHECK(rejection(std::move(other_body)).status == 401);
    auto short_one = delivery(false);
    replace(short_one, "x-gitea-signature", std::string(63, 'a'));
    CHECK(rejection(std::move(short_one)).reason == "X-Gitea-Signature is not 64 hexadecimal digits");
    auto twice = delivery(false);
    twice.headers.emplace("x-gitea-signature", std::string(64, 'a'));
    CHECK(rejection(std::move(twice)).reason == "X-Gitea-Signature comes more than once");
    // GitHub's header alone, with the right signature: not what Gitea sends.
    auto as_github = delivery(false);
    as_github.headers.erase("x-gitea-signature");
    CHECK(rejection(std::move(as_github)).reason.starts_with("X-Gitea-Signature is missing"));
}

TEST_CASE("where Forgejo's signature stands, Gitea's cannot stand in for it") {
    auto given = delivery(true);
    replace(given, "x-forgejo-signature", std::string(64, '0'));
    CHECK(rejection(std::move(given)).status == 401);
}

TEST_CASE("a signed delivery of Gitea whose headers are no delivery is refused with 400") {
    auto no_id = delivery(false);
    replace(no_id, "x-gitea-delivery", "a b");
    CHECK(rejection(std::move(no_id)).reason.starts_with("X-Gitea-Delivery is not one id"));
    auto no_event = delivery(false);
    no_event.headers.erase("x-gitea-event");
    CHECK(rejection(std::move(no_event)).reason == "X-Gitea-Event is not one event name");
    auto text = delivery(false);
    replace(text, "content-type", "text/plain");
    CHECK(rejection(std::move(text)).status == 415);
}
