#include <doctest/doctest.h>

#include <chrono>
#include <string>

#include "integrations/forge.hpp"
#include "tests/integrations/signing.hpp"

using config::ForgeSettings;
using config::Secret;
using integrations::Delivery;
using integrations::Rejected;
using integrations::Verifier;

namespace {

std::string sign(const std::string& key, const std::string& body) {
    return "sha256=" + forge_tests::hmac_of(key, body);
}

ForgeSettings settings() {
    return {.name = "github", .webhook_secrets = {Secret("old secret"), Secret("new secret")}};
}

Delivery delivery(std::string body = R"({"zen":"Keep it logically awesome."})",
                  const std::string& key = "new secret") {
    const auto signature = sign(key, body);
    return {.forge = "github",
            .headers = {{"x-hub-signature-256", signature},
                        {"x-github-delivery", "72d3162e-cc78-11e3-81ab-4c9367dc0958"},
                        {"x-github-event", "ping"},
                        {"x-github-hook-id", "292430182"},
                        {"content-type", "application/json"}},
            .body = std::move(body)};
}

Rejected rejection(Delivery given) {
    auto verified = Verifier::github(settings(), std::move(given));
    REQUIRE_FALSE(verified.has_value());
    return verified.error();
}

void replace(Delivery& given, const std::string& name, const std::string& value) {
    given.headers.erase(name);
    given.headers.emplace(name, value);
}

}  // namespace

TEST_CASE("a delivery signed with GitHub's documented example is accepted") {
    // https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries#testing-the-webhook-payload-validation
    const ForgeSettings example{.name = "github", .webhook_secrets = {Secret("It's a Secret to Everybody")}};
    auto given = delivery("Hello, World!");
    replace(given, "x-hub-signature-256",
            "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17");
    CHECK(Verifier::github(example, std::move(given)).has_value());
}

TEST_CASE(
    "while secrets are rotated, each configured one is good, and what was signed comes through unchanged") {
    for (const auto* key : {"old secret", "new secret"}) {
        const auto verified = Verifier::github(settings(), delivery("{\"a\": \"\xc3\xbc\"}\r\n", key));
        REQUIRE(verified.has_value());
        CHECK(verified->body() == "{\"a\": \"\xc3\xbc\"}\r\n");
        CHECK(verified->forge() == "github");
        CHECK(verified->event_name() == "ping");
        CHECK(verified->hook_id() == "292430182");
        CHECK(verified->delivery_id() == "72d3162e-cc78-11e3-81ab-4c9367dc0958");
    }
    CHECK(rejection(delivery("{}", "a retired secret")).status == 401);
}

TEST_CASE("whatever is wrong with the signature is answered 401, and the reason names the header") {
    auto none = delivery();
    none.headers.erase("x-hub-signature-256");
    CHECK(rejection(none).status == 401);
    CHECK(rejection(none).reason.find("X-Hub-Signature-256 is missing") != std::string::npos);

    auto only_sha1 = none;
    only_sha1.headers.emplace("x-hub-signature", "sha1=7d38cdd689735b008b3c702edd92eea23791c5f6");
    CHECK(rejection(only_sha1).status == 401);
    CHECK(rejection(only_sha1).reason.find("SHA-1") != std::string::npos);

    auto doubled = delivery();
    doubled.headers.emplace("x-hub-signature-256", sign("wrong", doubled.body));
    CHECK(rejection(doubled).status == 401);
    CHECK(rejection(doubled).reason.find("X-Hub-Signature-256 comes more than once") != std::string::npos);

    const auto right = sign("new secret", delivery().body);
    const auto digits = right.substr(7);
    for (const auto& wrong :
         {right.substr(0, right.size() - 1), right.substr(0, right.size() - 2), right + "0", digits,
          "sha1=" + digits, "SHA256=" + digits, " " + right, right.substr(0, 70) + "g", std::string(),
          std::string("sha256="), right + "," + right}) {
        CAPTURE(wrong);
        auto given = delivery();
        replace(given, "x-hub-signature-256", wrong);
        CHECK(rejection(given).status == 401);
        CHECK(rejection(given).reason.find("X-Hub-Signature-256") != std::string::npos);
    }
    for (std::size_t at = 7; at < right.size(); at += 9) {
        auto given = delivery();
        auto flipped = right;
        flipped[at] = flipped[at] == '0' ? '1' : '0';
        replace(given, "x-hub-signature-256", flipped);
        CHECK(rejection(given).status == 401);
    }
}

TEST_CASE("one changed byte of the body, or none of it, is a wrong signature") {
    auto changed = delivery();
    changed.body[3] ^= 1;
    CHECK(rejection(changed).status == 401);
    auto emptied = delivery();
    emptied.body.clear();
    CHECK(rejection(emptied).status == 401);
}

TEST_CASE("an empty secret verifies nothing") {
    const ForgeSettings open{.name = "github", .webhook_secrets = {Secret("")}};
    auto given = delivery("{}", "");
    CHECK_FALSE(Verifier::github(open, std::move(given)).has_value());
    CHECK_FALSE(Verifier::github({.name = "github"}, delivery()).has_value());
}

TEST_CASE("a signed delivery without a usable id or event name is answered 400") {
    for (const auto* name : {"x-github-delivery", "x-github-event"}) {
        CAPTURE(name);
        auto missing = delivery();
        missing.headers.erase(name);
        CHECK(rejection(missing).status == 400);
        auto doubled = delivery();
        doubled.headers.emplace(name, "again");
        CHECK(rejection(doubled).status == 400);
        for (const std::string wrong : {"", "a b", "../x", "ab\n", "ä"}) {
            auto given = delivery();
            replace(given, name, wrong);
            CHECK(rejection(given).status == 400);
        }
    }
    auto longest = delivery();
    replace(longest, "x-github-delivery", std::string(100, 'a'));
    CHECK(Verifier::github(settings(), std::move(longest)).has_value());
    auto too_long = delivery();
    replace(too_long, "x-github-delivery", std::string(101, 'a'));
    CHECK(rejection(too_long).status == 400);
    auto hook = delivery();
    replace(hook, "x-github-hook-id", "12x");
    CHECK(rejection(hook).status == 400);
}

TEST_CASE("a delivery without a hook id is told apart by its route") {
    auto given = delivery();
    given.headers.erase("x-github-hook-id");
    CHECK(Verifier::github(settings(), std::move(given))->hook_id() == "github");
}

TEST_CASE("a form is unpacked after its bytes were verified") {
    auto form = delivery("x=1&payload=%7B%22zen%22%3A+%22a%2Bb%26c%22%7D&y=2");
    replace(form, "content-type", "application/x-www-form-urlencoded");
    const auto verified = Verifier::github(settings(), std::move(form));
    REQUIRE(verified.has_value());
    CHECK(verified->body() == R"({"zen": "a+b&c"})");

    for (const std::string broken : {"payloads=1", "", "payload=%7", "payload=%zz", "a=payload=1"}) {
        CAPTURE(broken);
        auto given = delivery(broken);
        replace(given, "content-type", "application/x-www-form-urlencoded");
        CHECK(rejection(given).status == 400);
    }
}

TEST_CASE("only the two content types that GitHub sends are taken") {
    auto text = delivery();
    replace(text, "content-type", "text/plain");
    CHECK(rejection(text).status == 415);
    auto none = delivery();
    none.headers.erase("content-type");
    CHECK(rejection(none).status == 415);
    auto utf8 = delivery();
    replace(utf8, "content-type", "Application/JSON ; charset=utf-8");
    CHECK(Verifier::github(settings(), std::move(utf8)).has_value());
}
