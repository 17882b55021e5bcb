#include <doctest/doctest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <variant>

#include "integrations/delivery.hpp"
#include "integrations/event.hpp"
#include "integrations/forge_json.hpp"
#include "integrations/gitea.hpp"

using integrations::Event;
using integrations::Ignored;
using nlohmann::json;

namespace {

Event decode(const std::string& name, const json& body) {
    return integrations::decode_gitea(integrations::Replay::stored(
        "work", "work", "id", name, body.is_string() ? body.get<std::string>() : body.dump()));
}

/// What Gitea sends of an issue, as far as we read it.
json about_issue(const std::string& action) {
    return {{"action", action},
            {"number", 7},
            {"issue",
             {{"id", 901},
              {"number", 7},
              {"title", "It breaks"},
              {"labels", json::array({{{"id", 3}, {"name", "agent"}}})},
              {"pull_request", nullptr},
              {"updated_at", "2026-03-01T15:03:20+01:00"}}},
            {"repository",
             {{"id", 41},
              {"owner", {{"id", 2}, {"login", "octo"}}},
              {"full_name", "octo/app"},
              {"clone_url", "https://git.example/octo/app.git"},
              {"default_branch", "main"}}},
            {"sender", {{"id", 5}, {"login", "ada"}, {"username", "ada"}}}};
}

const integrations::RepoRef repo{.forge = "work",
                                 .id = "41",
                                 .full_name = "octo/app",
                                 .clone_url = "https://git.example/octo/app.git",
                                 .default_branch = "main",
                                 .installation = {}};
const integrations::ThreadRef issue{.repo = repo, .number = 7};
const integrations::ThreadRef pull{
    .repo = repo, .number = 8, .kind = integrations::ThreadRef::Kind::pull_request};
const integrations::Person ada{.login = "ada", .id = "5"};
const auto updated = integrations::parse_timestamp("2026-03-01T14:03:20Z");

json review(const std::string& type) {
    auto body = about_issue("reviewed");
    body.erase("issue");
    body["pull_request"] = {{"number", 8}, {"merged", false}};
    body["review"] = {{"type", type}, {"content", "Please mend it."}};
    return body;
}

std::string why_ignored(const std::string& name, const json& body) {
    const auto event = decode(name, body);
    REQUIRE(std::holds_alternative<Ignored>(event));
    return std::get<Ignored>(event).why;
}

}  // namespace

TEST_CASE("a label set or taken off on Gitea is told as a change of labels, without which one") {
    const Event changed = integrations::LabelsChanged{.issue = issue, .by = ada, .at = updated};
    CHECK(decode("issues", about_issue("label_updated")) == changed);
    auto cleared = about_issue("label_cleared");
    cleared["issue"]["labels"] = nullptr;
    CHECK(decode("issues", cleared) == changed);
    auto pull = about_issue("label_updated");
    pull["issue"]["pull_request"] = {{"merged", false}};
    CHECK(why_ignored("issues", pull) == "labels of a pull request");
}

TEST_CASE("an issue of Gitea that was closed or deleted has ended") {
    using How = integrations::IssueEnded::How;
    CHECK(decode("issues", about_issue("closed")) ==
          Event(integrations::IssueEnded{.issue = issue, .how = How::closed, .by = ada, .at = updated}));
    CHECK(decode("issues", about_issue("deleted")) ==
          Event(integrations::IssueEnded{.issue = issue, .how = How::deleted, .by = ada, .at = updated}));
    CHECK(why_ignored("issues", about_issue("opened")) == "issues.opened is not for us");
}

TEST_CASE("a comment on an issue or a pull request of Gitea is told with where it stands") {
    auto body = about_issue("created");
    body["comment"] = {{"id", 66}, {"body", "/agent run"}, {"created_at", "2026-03-01T14:03:20Z"}};
    body["is_pull"] = false;
    integrations::CommentCreated said{
        .thread = issue, .comment_id = "66", .body = "/agent run", .by = ada, .at = updated};
    CHECK(decode("issue_comment", body) == Event(said));
    body["is_pull"] = true;
    said.thread.kind = integrations::ThreadRef::Kind::pull_request;
    CHECK(decode("issue_comment", body) == Event(said));
    body["action"] = "edited";
    CHECK(why_ignored("issue_comment", body) == "issue_comment.edited is not for us");
}

TEST_CASE("a review on Gitea that asks for changes is told without its number") {
    const Event asked = integrations::ChangesRequested{
        .pull_request = pull, .review_id = {}, .body = "Please mend it.", .by = ada};
    CHECK(decode("pull_request_rejected", review("pull_request_review_rejected")) == asked);
    CHECK(why_ignored("pull_request_approved", review("pull_request_review_approved")) ==
          "event pull_request_approved is not for us");
    // What a review that only comments is called; a comment in the conversation is an `issue_comment`.
    CHECK(why_ignored("pull_request_comment", review("pull_request_review_comment")) ==
          "event pull_request_comment is not for us");
}

TEST_CASE("a pull request of Gitea that was merged or closed has ended") {
    auto body = about_issue("closed");
    body.erase("issue");
    body["pull_request"] = {{"number", 8}, {"merged", true}};
    CHECK(decode("pull_request", body) ==
          Event(integrations::PullRequestEnded{.pull_request = pull, .merged = true, .by = ada}));
    body["pull_request"]["merged"] = false;
    CHECK(decode("pull_request", body) ==
          Event(integrations::PullRequestEnded{.pull_request = pull, .merged = false, .by = ada}));
}

TEST_CASE("pushes, statuses and the end of a repository are told by Gitea as by GitHub") {
    auto push = about_issue("");
    push.erase("action");
    push.erase("issue");
    push["ref"] = "refs/heads/main";
    push["after"] = std::string(40, 'a');
    CHECK(decode("push", push) ==
          Event(integrations::BranchPushed{.repo = repo, .branch = "main", .by = ada}));
    push["after"] = std::string(40, '0');
    CHECK(why_ignored("push", push) == "a push that deletes");

    auto status = push;
    status["state"] = "failure";
    status["sha"] = std::string(40, 'b');
    CHECK(decode("status", status) ==
          Event(integrations::ChecksFailed{.repo = repo, .head_sha = std::string(40, 'b')}));
    status["state"] = "success";
    CHECK(why_ignored("status", status) == "a status that is no failure");

    auto gone = about_issue("deleted");
    gone.erase("issue");
    CHECK(decode("repository", gone) ==
          Event(integrations::AccessEnded{.how = integrations::AccessEnded::How::deleted,
                                          .forge = "work",
                                          .installation = {},
                                          .repositories = {"41"}}));
}

TEST_CASE("a payload of Gitea that is malformed or lacks what counts is ignored with the reason") {
    CHECK(why_ignored("issues", "{") == "issues: not JSON (byte 2)");
    CHECK(why_ignored("issues", "[]") == "issues: not a JSON object");
    for (const auto* member : {"repository", "sender", "issue"}) {
        CAPTURE(member);
        auto body = about_issue("label_updated");
        body.erase(member);
        CHECK_FALSE(why_ignored("issues", body).empty());
    }
    auto elsewhere = about_issue("label_updated");
    elsewhere["repository"]["clone_url"] = "ssh://git@git.example/octo/app.git";
    CHECK(why_ignored("issues", elsewhere) ==
          "issues.label_updated: the clone_url is not http(s) without credentials");
    CHECK(why_ignored("fork", about_issue("")) == "event fork is not for us");
}
