#include <doctest/doctest.h>
#include <openssl/evp.h>

#include <array>
#include <chrono>
#include <string>

#include "integrations/forge.hpp"
#include "integrations/forge_signature.hpp"
#include "tests/integrations/signing.hpp"

using config::ForgeSettings;
using config::Secret;
using integrations::Delivery;
using integrations::Rejected;
using integrations::VerifiedDelivery;
using integrations::Verifier;

namespace {

const auto signed_now = std::chrono::system_clock::time_point(std::chrono::seconds(1'780'000'000));
const std::string hook_body = "{\"object_kind\": \"issue\", \"\xc3\xbc\": 1}\n";

std::string base64_text(std::string_view bytes) {
    std::string text(4 * ((bytes.size() + 2) / 3) + 1, '\0');
    text.resize(static_cast<std::size_t>(EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                                                         reinterpret_cast<const unsigned char*>(bytes.data()),
                                                         static_cast<int>(bytes.size()))));
    return text;
}

const std::string signing_key(32, 'k');
const std::string other_key(32, 'o');

ForgeSettings with_tokens() {
    return {.name = "work", .webhook_secrets = {Secret("old secret"), Secret("new secret")}};
}
ForgeSettings with_signing() {
    return {.name = "work",
            .webhook_secrets = {Secret("whsec_" + base64_text(signing_key)), Secret("new secret"),
                                Secret("whsec_" + base64_text(other_key))}};
}

Delivery hook_delivery() {
    return {.forge = "work",
            .headers = {{"content-type", "application/json"},
                        {"x-gitlab-event", "Confidential Issue Hook"},
                        {"x-gitlab-event-uuid", "11111111-1bf3-46a5-9ea4-602e06ead473"},
                        {"x-gitlab-webhook-uuid", "22222222-1bf3-46a5-9ea4-602e06ead473"},
                        {"idempotency-key", "f6266f16-1bf3-46a5-9ea4-602e06ead473"},
                        {"x-gitlab-token", "new secret"}},
            .body = hook_body};
}

void replace_header(Delivery& given, const std::string& name, const std::string& value) {
    given.headers.erase(name);
    given.headers.emplace(name, value);
}

/// As GitLab signs: the id and the time too.
std::string signature(const std::string& key, const std::string& id, const std::string& time,
                      const std::string& text) {
    const auto mac =
        integrations::mac_of_hex(forge_tests::hmac_of(key, id + "." + time + "." + text)).value();
    return "v1," + base64_text({reinterpret_cast<const char*>(mac.data()), mac.size()});
}

Delivery signed_delivery(const std::string& key = signing_key, std::chrono::seconds age = {}) {
    auto made = hook_delivery();
    made.headers.erase("x-gitlab-token");
    const auto time = std::to_string(std::chrono::system_clock::to_time_t(signed_now - age));
    const std::string id = "f6266f16-1bf3-46a5-9ea4-602e06ead473";
    made.headers.emplace("webhook-id", id);
    made.headers.emplace("webhook-timestamp", time);
    made.headers.emplace("webhook-signature", signature(key, id, time, hook_body));
    return made;
}

std::string why_rejected(const ForgeSettings& settings, Delivery given, int status = 401) {
    auto verified = Verifier::gitlab(settings, std::move(given), signed_now);
    REQUIRE_FALSE(verified.has_value());
    CHECK(verified.error().status == status);
    return verified.error().reason;
}

VerifiedDelivery verified(const ForgeSettings& settings, Delivery given) {
    auto made = Verifier::gitlab(settings, std::move(given), signed_now);
    REQUIRE(made.has_value());
    return *std::move(made);
}

}  // namespace

TEST_CASE("a delivery of GitLab with any configured secret token is accepted as it is") {
    for (const auto* token : {"old secret", "new secret"}) {
        auto given = hook_delivery();
        replace_header(given, "x-gitlab-token", token);
        const auto made = verified(with_tokens(), std::move(given));
        CHECK(made.body() == hook_body);
        CHECK(made.forge() == "work");
        CHECK(made.hook_id() == "work");
        CHECK(made.event_name() == "issue");
        CHECK(made.delivery_id() == "f6266f16-1bf3-46a5-9ea4-602e06ead473");
    }
}

TEST_CASE("what a hook of GitLab tells is named as it is meant") {
    const auto name = [](const std::string& header) {
        auto given = hook_delivery();
        replace_header(given, "x-gitlab-event", header);
        return verified(with_tokens(), std::move(given)).event_name();
    };
    CHECK(name("Issue Hook") == "issue");
    CHECK(name("Confidential Note Hook") == "note");
    CHECK(name("Merge Request Hook") == "merge_request");
    CHECK(name("System Hook") == "system");
    CHECK(name("Work Item Hook") == "work_item");
    CHECK(name("Resource Access Token Hook") == "resource_access_token");
}

TEST_CASE("a delivery of GitLab with another token, or none, is refused") {
    auto without = hook_delivery();
    without.headers.erase("x-gitlab-token");
    CHECK(why_rejected(with_tokens(), without).starts_with("X-Gitlab-Token is missing"));
    for (const auto* token : {"", "new secre", "new secrets", "New secret", "old secret new secret"}) {
        auto given = hook_delivery();
        replace_header(given, "x-gitlab-token", token);
        CHECK(why_rejected(with_tokens(), std::move(given)) == "X-Gitlab-Token is no configured secret");
    }
    auto twice = hook_delivery();
    twice.headers.emplace("x-gitlab-token", "new secret");
    CHECK(why_rejected(with_tokens(), std::move(twice)) == "X-Gitlab-Token comes more than once");
    ForgeSettings nothing{.name = "work", .webhook_secrets = {Secret("")}};
    auto empty = hook_delivery();
    replace_header(empty, "x-gitlab-token", "");
    CHECK(why_rejected(nothing, std::move(empty)) == "X-Gitlab-Token is no configured secret");
}

TEST_CASE("an older GitLab's delivery is known by its hook and its words, not by what led to it") {
    const auto id = [](const std::string& hook, const std::string& words, const std::string& led_to_it) {
        auto given = hook_delivery();
        given.headers.erase("idempotency-key");
        replace_header(given, "x-gitlab-webhook-uuid", hook);
        replace_header(given, "x-gitlab-event-uuid", led_to_it);
        given.body = words;
        return verified(with_tokens(), std::move(given)).delivery_id();
    };
    const auto first = id("a", "{}", "1");
    CHECK(first.size() == 64);
    CHECK(id("a", "{}", "2") == first);
    CHECK(id("b", "{}", "1") != first);
    CHECK(id("a", "{ }", "1") != first);
}

TEST_CASE("a signed delivery of GitLab is accepted under any configured signing token") {
    for (const auto& key : {signing_key, other_key}) {
        const auto made = verified(with_signing(), signed_delivery(key));
        CHECK(made.body() == hook_body);
        CHECK(made.delivery_id() == "f6266f16-1bf3-46a5-9ea4-602e06ead473");
    }
    // While tokens are changed there are several signatures, perhaps of another make among them.
    auto several = signed_delivery();
    const auto right = several.headers.find("webhook-signature")->second;
    replace_header(several, "webhook-signature",
                   "v1a,AAAA v1," + base64_text(std::string(32, 'x')) + " " + right);
    CHECK(verified(with_signing(), std::move(several)).event_name() == "issue");
}

TEST_CASE("the time and the id of a signed delivery are signed too, and it grows old") {
    CHECK(verified(with_signing(), signed_delivery(signing_key, std::chrono::seconds(299))).body() ==
          hook_body);
    for (const auto age : {std::chrono::seconds(301), std::chrono::seconds(-301)})
        CHECK(why_rejected(with_signing(), signed_delivery(signing_key, age))
                  .starts_with("webhook-timestamp is more than five minutes"));
    const auto no_match = "webhook-signature does not match under any configured signing token";
    auto other_id = signed_delivery();
    replace_header(other_id, "webhook-id", "a6266f16-1bf3-46a5-9ea4-602e06ead473");
    CHECK(why_rejected(with_signing(), std::move(other_id)) == no_match);
    auto other_time = signed_delivery();
    replace_header(other_time, "webhook-timestamp",
                   std::to_string(std::chrono::system_clock::to_time_t(signed_now) - 1));
    CHECK(why_rejected(with_signing(), std::move(other_time)) == no_match);
    auto other_body = signed_delivery();
    other_body.body += " ";
    CHECK(why_rejected(with_signing(), std::move(other_body)) == no_match);
    auto no_time = signed_delivery();
    replace_header(no_time, "webhook-timestamp", "soon");
    CHECK(why_rejected(with_signing(), std::move(no_time)) == "webhook-timestamp is no number of seconds");
    auto no_id = signed_delivery();
    no_id.headers.erase("webhook-id");
    CHECK(why_rejected(with_signing(), std::move(no_id)).ends_with("do not come once each"));
}

TEST_CASE("a signature of GitLab that is wrong is not made good by the secret token") {
    auto given = signed_delivery(std::string(32, 'x'));
    given.headers.emplace("x-gitlab-token", "new secret");
    CHECK(why_rejected(with_signing(), given) ==
          "webhook-signature does not match under any configured signing token");
    // A hook that has no signing token yet is known by its secret token, as before.
    CHECK(verified(with_signing(), hook_delivery()).event_name() == "issue");
    // And where no signing token is configured, the signature tells nothing.
    CHECK(verified(with_tokens(), std::move(given)).event_name() == "issue");
}

TEST_CASE("a signing token of GitLab is no secret token, and a broken one opens nothing") {
    auto as_token = hook_delivery();
    replace_header(as_token, "x-gitlab-token", "whsec_" + base64_text(signing_key));
    CHECK(why_rejected(with_signing(), std::move(as_token)) == "X-Gitlab-Token is no configured secret");
    const ForgeSettings broken{.name = "work", .webhook_secrets = {Secret("whsec_not base64")}};
    CHECK(why_rejected(broken, signed_delivery()).starts_with("webhook-signature does not match"));
    CHECK(why_rejected(broken, signed_delivery("")).starts_with("webhook-signature does not match"));
}

TEST_CASE("a delivery of GitLab whose headers are no delivery is refused with 400") {
    auto no_id = hook_delivery();
    replace_header(no_id, "idempotency-key", "a b");
    CHECK(why_rejected(with_tokens(), std::move(no_id), 400).starts_with("Idempotency-Key is not one id"));
    auto no_event = hook_delivery();
    no_event.headers.erase("x-gitlab-event");
    CHECK(why_rejected(with_tokens(), std::move(no_event), 400) == "X-Gitlab-Event is not one event name");
    auto text = hook_delivery();
    replace_header(text, "content-type", "text/plain");
    CHECK(why_rejected(with_tokens(), std::move(text), 415).starts_with("Content-Type"));
}

TEST_CASE("base64 is read as it is written, and nothing else passes for it") {
    using integrations::bytes_of_base64;
    CHECK(bytes_of_base64("YQ==").value() == "a");
    CHECK(bytes_of_base64("YWI=").value() == "ab");
    CHECK(bytes_of_base64("YWJj").value() == "abc");
    CHECK(bytes_of_base64("+/+/").value() == "\xfb\xff\xbf");
    for (const auto* text : {"", "YQ", "YQ=", "Y===", "====", "YQ==YQ==", "Y Q=", "YW-j", "YQ=a", " YWJj"})
        CHECK_FALSE(bytes_of_base64(text).has_value());
}
