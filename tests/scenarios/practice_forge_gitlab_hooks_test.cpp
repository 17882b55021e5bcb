#include <doctest/doctest.h>
#include <fmt/format.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <array>
#include <chrono>
#include <set>
#include <string>
#include <vector>

#include "tests/scenarios/practice_gitlab.hpp"

/// The practice forge speaks GitLab's dialect: the webhooks that tell of deeds, and the hook itself.
using nlohmann::json;
using practice_forge::HookFault;
using practice_forge::pull_request;
using practice_yard::Caller;
using practice_yard::header;
using practice_yard::kRepository;
using practice_yard::Lab;
using practice_yard::project;

namespace {

using Lines = std::vector<std::string>;

Lines titles(const json& labels) {
    Lines all;
    for (const auto& label : labels) all.push_back(label["title"]);
    return all;
}

/// Base64 of the HMAC, made apart from the forge's own.
std::string standard_signature(const std::string& key, const std::string& text) {
    std::array<unsigned char, 32> digest{};
    HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
         reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest.data(), nullptr);
    std::array<unsigned char, 64> base64{};
    const int size = EVP_EncodeBlock(base64.data(), digest.data(), static_cast<int>(digest.size()));
    return {base64.begin(), base64.begin() + size};
}

const std::string kHook = project("/hooks/424242");

}  // namespace

TEST_CASE("GitLab: a delivery bears its token, its key and where it comes from, and is signed when told to") {
    Lab lab;
    lab.listen();
    lab.forge.create_issue(kRepository, "One", "", "maria");
    const auto first = lab.heard().at(0);
    CHECK(header(first.headers, "X-Gitlab-Event") == "Issue Hook");
    CHECK(header(first.headers, "X-Gitlab-Token") == "s");
    CHECK(header(first.headers, "X-Gitlab-Instance") == lab.forge.url());
    CHECK(header(first.headers, "Idempotency-Key") == lab.forge.deliveries().at(0).guid);
    CHECK(header(first.headers, "X-Gitlab-Event-UUID").size() == 36);
    CHECK(header(first.headers, "X-Gitlab-Webhook-UUID").size() == 36);
    CHECK(header(first.headers, "webhook-signature").empty());

    const std::string key = "0123456789abcdef0123456789abcdef";
    lab.forge.set_hook({.url = lab.listener.url(),
                        .secret = "",
                        .signing_token = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="});
    lab.forge.comment(kRepository, 1, "hi", "maria");
    const auto told = lab.heard().back();
    CHECK(header(told.headers, "X-Gitlab-Token").empty());
    CHECK(header(told.headers, "webhook-id") == header(told.headers, "Idempotency-Key"));
    CHECK(header(told.headers, "X-Gitlab-Webhook-UUID") == header(first.headers, "X-Gitlab-Webhook-UUID"));
    const auto text = header(told.headers, "webhook-id") + "." + header(told.headers, "webhook-timestamp") +
                      "." + told.body;
    CHECK(header(told.headers, "webhook-signature") == "v1," + standard_signature(key, text));
    lab.forge.script_hook({.kind = HookFault::Kind::bad_signature});
    lab.forge.comment(kRepository, 1, "ho", "maria");
    const auto bad = lab.heard().back();
    const auto bad_text =
        header(bad.headers, "webhook-id") + "." + header(bad.headers, "webhook-timestamp") + "." + bad.body;
    CHECK(header(bad.headers, "webhook-signature") != "v1," + standard_signature(key, bad_text));
}

TEST_CASE("GitLab: labels are told with what was before, all of one request at once") {
    Lab lab;
    lab.listen();
    lab.forge.create_issue(kRepository, "One", "Look", "maria", {"agent"});
    CHECK(lab.told() == Lines{"Issue Hook open"});
    CHECK(titles(lab.last()["labels"]) == Lines{"agent"});
    CHECK(lab.last()["changes"] == json::object());
    lab.robot->send("PUT", project("/issues/1"), {{"add_labels", "b,c"}, {"remove_labels", "agent"}});
    const auto told = lab.last();
    CHECK(titles(told["changes"]["labels"]["previous"]) == Lines{"agent"});
    CHECK(titles(told["changes"]["labels"]["current"]) == Lines{"b", "c"});
    CHECK(told["user"]["username"] == "robot");
    CHECK(told["object_attributes"]["iid"] == 1);
    CHECK(told["project"]["path_with_namespace"] == kRepository);
    lab.robot->send("PUT", project("/issues/1"), {{"add_labels", "b"}});  // nothing changes
    lab.forge.edit_issue(kRepository, 1, "Two", std::nullopt, "maria");
    CHECK(lab.last()["changes"]["title"]["previous"] == "One");
    lab.forge.lock(kRepository, 1, "maria");
    CHECK(lab.last()["changes"]["discussion_locked"]["current"] == true);
    lab.forge.close(kRepository, 1, "maria");
    lab.forge.reopen(kRepository, 1, "maria");
    lab.forge.delete_issue(kRepository, 1, "maria");
    CHECK(lab.told() == Lines{"Issue Hook open", "Issue Hook update", "Issue Hook update",
                              "Issue Hook update", "Issue Hook close", "Issue Hook reopen"});
    CHECK(lab.forge.deliveries().at(1).what == "issues.labeled");
    CHECK(lab.forge.deliveries().at(1).thread == 1);
}

TEST_CASE("GitLab: notes are told when they are made and when they are edited, the forge's own are not") {
    Lab lab;
    lab.listen();
    lab.forge.create_issue(kRepository, "One", "", "maria");
    const auto id = lab.forge.comment(kRepository, 1, "hi", "maria");
    const auto made = lab.last();
    CHECK(made["object_attributes"]["id"] == id);
    CHECK(made["object_attributes"]["note"] == "hi");
    CHECK(made["object_attributes"]["noteable_type"] == "Issue");
    CHECK(made["object_attributes"]["system"] == false);
    CHECK(made["issue"]["iid"] == 1);
    lab.forge.edit_comment(kRepository, id, "ho", "maria");
    CHECK(lab.last()["object_attributes"]["note"] == "ho");
    lab.robot->send("POST", project("/issues/1/notes"), {{"body", "hush"}, {"internal", true}});
    CHECK(lab.last()["event_type"] == "confidential_note");
    lab.forge.edit_issue(kRepository, 1, "Two", std::nullopt, "maria");  // makes a note of its own
    lab.robot->send("POST", project("/issues/1/award_emoji"), {{"name", "eyes"}});
    lab.forge.delete_comment(kRepository, id, "maria");
    CHECK(lab.told() == Lines{"Issue Hook open", "Note Hook create", "Note Hook update",
                              "Confidential Note Hook create", "Issue Hook update"});
}

TEST_CASE("GitLab: a merge request's life, its reviews and its pipelines are told") {
    Lab lab;
    const auto head = lab.branch("b", "three\n");
    lab.listen();
    lab.propose("b", "Mend it");
    CHECK(lab.last()["object_attributes"]["last_commit"]["id"] == head);
    lab.forge.comment(kRepository, pull_request(1), "hi", "maria");
    CHECK(lab.last()["merge_request"]["iid"] == 1);
    CHECK(lab.forge.deliveries().back().on_pull_request);
    CHECK(lab.last()["object_attributes"]["noteable_type"] == "MergeRequest");
    const auto pushed = lab.branch("b", "four\n");
    CHECK(lab.last()["object_attributes"]["oldrev"] == head);
    CHECK(lab.last()["object_attributes"]["last_commit"]["id"] == pushed);
    lab.forge.review(kRepository, 1, "changes_requested", "No.",
                     {{.path = "src/a.txt", .line = 1, .body = "Why?"}}, "maria");
    const auto asked = lab.last();
    CHECK(asked["changes"]["reviewers"]["previous"] == json::array());
    CHECK(asked["changes"]["reviewers"]["current"][0]["state"] == "requested_changes");
    lab.forge.review(kRepository, 1, "approved", "", {}, "maria");
    lab.forge.finish_check(kRepository, pushed, "test", "failure");
    const auto failed = lab.last();
    CHECK(failed["object_attributes"]["sha"] == pushed);
    CHECK(failed["builds"][0]["name"] == "test");
    CHECK(failed["merge_request"]["iid"] == 1);
    lab.forge.set_status(kRepository, pushed, "other", "success", "");
    lab.forge.merge(kRepository, 1, "maria");
    CHECK(lab.last()["after"] == lab.forge.branches(kRepository).at("main"));
    CHECK(lab.told() == Lines{"Merge Request Hook open", "Note Hook create", "Push Hook -",
                              "Merge Request Hook update", "Note Hook create", "Note Hook create",
                              "Merge Request Hook update", "Merge Request Hook approved",
                              "Pipeline Hook failed", "Pipeline Hook failed", "Merge Request Hook merge",
                              "Push Hook -"});

    // Before 19.3 nothing told that a reviewer asks for changes.
    Lab older;
    (void)older.branch("b", "three\n");
    older.propose("b", "Mend it");
    older.forge.set_hook({.url = older.listener.url(), .secret = "s", .tells_reviews = false});
    older.forge.review(kRepository, 1, "changes_requested", "No.", {}, "maria");
    CHECK(older.told() == Lines{"Note Hook create"});
}

TEST_CASE(
    "GitLab: a group's hook tells the same by itself, a server's hook of renamed and deleted projects") {
    Lab lab;
    lab.forge.set_hook({.url = lab.listener.url(), .secret = "s", .group_too = true, .instance_too = true});
    lab.forge.create_issue(kRepository, "One", "", "maria");
    const auto both = lab.heard();
    REQUIRE(both.size() == 2);
    CHECK(both[0].body == both[1].body);
    for (const char* name : {"Idempotency-Key", "X-Gitlab-Webhook-UUID"})
        CHECK(header(both[0].headers, name) != header(both[1].headers, name));
    CHECK(lab.robot->send("GET", kHook + "/events").body.size() == 1);
    lab.forge.rename_repository(kRepository, "acme/gadgets");
    const auto renamed = lab.last();
    CHECK(renamed["event_name"] == "project_rename");
    CHECK(renamed["old_path_with_namespace"] == kRepository);
    CHECK(renamed["path_with_namespace"] == "acme/gadgets");
    lab.forge.delete_repository("acme/gadgets");
    CHECK(lab.last()["event_name"] == "project_destroy");
    CHECK(header(lab.heard().back().headers, "X-Gitlab-Event") == "System Hook");
}

TEST_CASE("GitLab: what failed is listed, and is sent again only when asked, five times a minute") {
    Lab lab;
    lab.listen();
    CHECK(lab.maria->send("GET", project("/hooks")).status == 403);
    const auto hook = lab.robot->send("GET", project("/hooks")).body.at(0);
    CHECK(hook["id"] == 424242);
    CHECK(hook["alert_status"] == "executable");
    CHECK(hook["disabled_until"].is_null());
    CHECK(hook["issues_events"] == true);
    lab.listener.status = 500;
    lab.forge.create_issue(kRepository, "One", "", "maria");
    REQUIRE(lab.forge.hooks_sent());
    lab.listener.status = 202;
    lab.forge.script_hook({.kind = HookFault::Kind::lose});
    lab.forge.comment(kRepository, 1, "lost", "maria");
    lab.forge.comment(kRepository, 1, "heard", "maria");
    CHECK(lab.heard().size() == 2);
    const auto events = kHook + "/events";
    CHECK(lab.robot->send("GET", events).body.size() == 3);
    const auto failed = lab.robot->send("GET", events + "?status=server_failure").body;
    REQUIRE(failed.size() == 2);
    CHECK(failed[0]["response_status"] == "internal error");
    CHECK(failed[0]["trigger"] == "note_hooks");
    CHECK(failed[1]["response_status"] == "500");
    CHECK(failed[1]["request_data"]["object_kind"] == "issue");
    CHECK(failed[1]["request_headers"]["X-Gitlab-Token"] == "[REDACTED]");
    const auto key = failed[1]["request_headers"]["Idempotency-Key"].get<std::string>();
    const auto resend = [&](const json& event) {
        return lab.robot->send("POST", events + fmt::format("/{}/resend", event["id"].get<int>()));
    };
    const auto sent = resend(failed[1]);
    CHECK(sent.status == 201);
    CHECK(sent.body["response_status"] == 202);
    CHECK(header(lab.heard().back().headers, "Idempotency-Key") == key);
    CHECK(lab.robot->send("GET", events + "?status=successful").body.size() == 2);
    for (int i = 0; i < 4; ++i) CHECK(resend(failed[0]).status == 201);
    CHECK(resend(failed[0]).status == 429);
    lab.forge.shift_clock(std::chrono::seconds(61));
    CHECK(resend(failed[0]).status == 201);
    lab.forge.shift_clock(std::chrono::hours(24 * 8));
    CHECK(lab.robot->send("GET", events).body.empty());
}

TEST_CASE("GitLab: a hook that fails four times in a row is disabled for a while, and forty times for good") {
    Lab lab;
    lab.forge.set_hook({.url = lab.listener.url(), .secret = "s", .disables_itself = true});
    lab.forge.create_issue(kRepository, "One", "", "maria");
    const auto say = [&] {
        lab.forge.comment(kRepository, 1, "hi", "maria");
        return lab.heard().size();
    };
    const auto alert = [&] { return lab.robot->send("GET", kHook).body["alert_status"]; };
    CHECK(say() == 2);
    lab.listener.status = 400;
    for (int i = 0; i < 3; ++i) say();
    CHECK(alert() == "executable");
    CHECK(say() == 6);
    CHECK(alert() == "temporarily_disabled");
    CHECK(lab.robot->send("GET", kHook).body["disabled_until"].is_string());
    CHECK(say() == 6);
    lab.forge.shift_clock(std::chrono::seconds(61));
    CHECK(alert() == "executable");
    CHECK(say() == 7);
    lab.forge.shift_clock(std::chrono::seconds(61 + 61));
    CHECK(alert() == "temporarily_disabled");  // for two minutes now
    lab.listener.status = 202;
    lab.forge.ping();
    CHECK(lab.heard().size() == 8);
    CHECK(alert() == "executable");
    CHECK(say() == 9);
    lab.forge.disable_hook();
    CHECK(alert() == "disabled");
    lab.forge.shift_clock(std::chrono::hours(1000));
    CHECK(say() == 9);
    lab.forge.ping();
    CHECK(lab.heard().size() == 10);
    lab.listener.status = 500;
    for (int i = 0; i < 40; ++i) {
        say();
        lab.forge.shift_clock(std::chrono::hours(1000 + 25 * (i + 1)));
    }
    CHECK(alert() == "disabled");
    lab.forge.disable_hook(std::chrono::seconds(60));
    CHECK(alert() == "temporarily_disabled");

    Lab own;  // an own server never disables by itself
    own.listen();
    own.listener.status = 500;
    for (int i = 0; i < 5; ++i) own.forge.create_issue(kRepository, "One", "", "maria");
    CHECK(own.heard().size() == 5);
}

TEST_CASE("GitLab: an issue that is moved to another project is closed, and a new one is there") {
    Lab lab;
    lab.forge.create_repository({.full_name = "acme/other"});
    const auto issue = lab.forge.create_issue(kRepository, "One", "Please.", "maria");
    lab.listen();
    const auto there = lab.forge.transfer_issue(kRepository, issue, "acme/other", "maria");
    CHECK(lab.told() == Lines{"Issue Hook open", "Issue Hook close"});
    CHECK_FALSE(lab.forge.issue(kRepository, issue).open);
    const auto moved = lab.forge.issue("acme/other", there);
    CHECK(moved.open);
    CHECK(moved.title == "One");
    CHECK(moved.body == "Please.");
}
