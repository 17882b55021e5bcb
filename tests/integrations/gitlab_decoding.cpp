#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string>
#include <variant>

#include "integrations/delivery.hpp"
#include "integrations/event.hpp"
#include "integrations/forge_json.hpp"
#include "integrations/gitlab.hpp"

using integrations::Event;
using integrations::Ignored;
using integrations::IssueEnded;
using integrations::LabelsChanged;
using integrations::ThreadRef;
using nlohmann::json;

namespace {

Event decode_hook(const std::string& name, const json& body) {
    return integrations::decode_gitlab(integrations::Replay::stored(
        "work", "work", "id", name, body.is_string() ? body.get<std::string>() : body.dump()));
}

std::string why_hook_ignored(const std::string& name, const json& body) {
    const auto event = decode_hook(name, body);
    REQUIRE(std::holds_alternative<Ignored>(event));
    return std::get<Ignored>(event).why;
}

/// What GitLab sends of who did something where, as far as we read it.
json hook_about(const std::string& kind, const std::string& action) {
    return {{"object_kind", kind},
            {"event_type", kind},
            {"user", {{"id", 5}, {"name", "Ada"}, {"username", "ada"}, {"email", "[REDACTED]"}}},
            {"project",
             {{"id", 41},
              {"name", "App"},
              {"path_with_namespace", "octo/tools/app"},
              {"git_ssh_url", "git@git.example:octo/tools/app.git"},
              {"git_http_url", "https://git.example/octo/tools/app.git"},
              {"default_branch", "main"}}},
            {"object_attributes",
             {{"id", 901}, {"iid", 7}, {"action", action}, {"updated_at", "2026-03-01 14:03:20 UTC"}}},
            {"changes", json::object()}};
}

json label_body(int id, const std::string& title) {
    return {{"id", id}, {"title", title}, {"color", "#ffffff"}, {"type", "ProjectLabel"}};
}

json labels_changed(const json& previous, const json& current) {
    auto body = hook_about("issue", "update");
    body["labels"] = current;
    body["changes"]["labels"] = {{"previous", previous}, {"current", current}};
    return body;
}

json note_hook(const std::string& on, const std::string& type = "") {
    auto body = hook_about("note", "create");
    body["object_attributes"] = {{"id", 66},
                                 {"note", "/agent run"},
                                 {"noteable_type", on},
                                 {"type", type.empty() ? json() : json(type)},
                                 {"system", false},
                                 {"internal", false},
                                 {"action", "create"},
                                 {"created_at", "2026-03-01T14:03:20.123Z"}};
    body[on == "MergeRequest" ? "merge_request" : "issue"] = {{"id", 902}, {"iid", 8}};
    return body;
}

json reviewed(const json& before, const json& now) {
    auto body = hook_about("merge_request", "update");
    body["reviewers"] = now;
    body["changes"]["reviewers"] = {{"previous", before}, {"current", now}};
    return body;
}

json reviewer(int id, const std::string& state) {
    return {{"id", id}, {"username", "u" + std::to_string(id)}, {"state", state}, {"re_requested", false}};
}

const integrations::RepoRef app_project{.forge = "work",
                                        .id = "41",
                                        .full_name = "octo/tools/app",
                                        .clone_url = "https://git.example/octo/tools/app.git",
                                        .default_branch = "main",
                                        .installation = {}};
const ThreadRef app_issue{.repo = app_project, .number = 7};
const ThreadRef app_request{.repo = app_project, .number = 7, .kind = ThreadRef::Kind::pull_request};
const integrations::Person ada_there{.login = "ada", .id = "5"};
const auto when_updated = integrations::parse_timestamp("2026-03-01T14:03:20Z");
const std::string failed_sha(40, 'd');

}  // namespace

TEST_CASE("a label set or taken off on GitLab is told by its id") {
    CHECK(decode_hook("issue",
                      labels_changed(json::array({label_body(1, "bug")}),
                                     json::array({label_body(1, "defect"), label_body(2, "agent")}))) ==
          Event(integrations::IssueLabelled{
              .issue = app_issue, .label = "agent", .by = ada_there, .at = when_updated}));
    CHECK(decode_hook("issue", labels_changed(json::array({label_body(2, "agent"), label_body(1, "bug")}),
                                              json::array({label_body(1, "bug")}))) ==
          Event(integrations::IssueUnlabelled{
              .issue = app_issue, .label = "agent", .by = ada_there, .at = when_updated}));
    // Written anew, the label stays what it is.
    CHECK(why_hook_ignored("issue", labels_changed(json::array({label_body(1, "bug")}),
                                                   json::array({label_body(1, "defect")}))) ==
          "an issue whose labels did not change");
    CHECK(why_hook_ignored("issue", hook_about("issue", "update")) == "an issue whose labels did not change");
}

TEST_CASE("several labels changed at once on GitLab, or told in part, are asked for") {
    const Event changed = LabelsChanged{.issue = app_issue, .by = ada_there, .at = when_updated};
    CHECK(decode_hook("issue", labels_changed(json::array({label_body(1, "bug")}),
                                              json::array({label_body(2, "agent")}))) == changed);
    auto in_part = labels_changed(json::array(), json::array({label_body(2, "agent")}));
    in_part["changes"]["labels"]["current"].push_back({{"id", 3}});
    CHECK(decode_hook("issue", in_part) == changed);
}

TEST_CASE("an issue of GitLab that is opened with a label is labelled, be it a task or confidential") {
    auto body = hook_about("issue", "open");
    CHECK(why_hook_ignored("issue", body) == "an issue whose labels did not change");
    body["labels"] = json::array({label_body(2, "agent")});
    const Event labelled = integrations::IssueLabelled{
        .issue = app_issue, .label = "agent", .by = ada_there, .at = when_updated};
    CHECK(decode_hook("issue", body) == labelled);
    body["object_kind"] = "work_item";
    CHECK(decode_hook("work_item", body) == labelled);
    body["event_type"] = "confidential_issue";
    CHECK(decode_hook("issue", body) == labelled);
    body["labels"].push_back(label_body(3, "bug"));
    CHECK(decode_hook("issue", body) ==
          Event(LabelsChanged{.issue = app_issue, .by = ada_there, .at = when_updated}));
}

TEST_CASE("an issue of GitLab that was closed, moved or locked has ended") {
    using How = IssueEnded::How;
    const auto ended = [](How how) {
        return Event(IssueEnded{.issue = app_issue, .how = how, .by = ada_there, .at = when_updated});
    };
    auto body = hook_about("issue", "close");
    CHECK(decode_hook("issue", body) == ended(How::closed));
    body["object_attributes"]["moved_to_id"] = 77;
    CHECK(decode_hook("issue", body) == ended(How::transferred));
    auto locked = hook_about("issue", "update");
    locked["changes"]["discussion_locked"] = {{"previous", nullptr}, {"current", true}};
    CHECK(decode_hook("issue", locked) == ended(How::locked));
    locked["changes"]["discussion_locked"]["current"] = false;
    CHECK(why_hook_ignored("issue", locked) == "an issue whose labels did not change");
    CHECK(why_hook_ignored("issue", hook_about("issue", "reopen")) == "issue.reopen is not for us");
}

TEST_CASE("a note on GitLab is told with where it stands, once, and not when nobody said it to all") {
    integrations::CommentCreated said{.thread = {.repo = app_project, .number = 8},
                                      .comment_id = "66",
                                      .body = "/agent run",
                                      .by = ada_there,
                                      .at = when_updated};
    CHECK(decode_hook("note", note_hook("Issue")) == Event(said));
    auto before_16_11 = note_hook("Issue");
    before_16_11["object_attributes"].erase("action");
    CHECK(decode_hook("note", before_16_11) == Event(said));
    said.thread.kind = ThreadRef::Kind::pull_request;
    CHECK(decode_hook("note", note_hook("MergeRequest", "DiscussionNote")) == Event(said));
    CHECK(why_hook_ignored("note", note_hook("MergeRequest", "DiffNote")) == "a note beside a line");
    CHECK(why_hook_ignored("note", note_hook("Commit")) == "a note on neither an issue nor a merge request");
    auto edited = note_hook("Issue");
    edited["object_attributes"]["action"] = "update";
    CHECK(why_hook_ignored("note", edited) == "note.update is not for us");
    for (const auto* mark : {"system", "internal"}) {
        auto body = note_hook("Issue");
        body["object_attributes"][mark] = true;
        CHECK(std::holds_alternative<Ignored>(decode_hook("note", body)));
    }
}

TEST_CASE("a merge request of GitLab that was merged or closed has ended") {
    CHECK(decode_hook("merge_request", hook_about("merge_request", "merge")) ==
          Event(integrations::PullRequestEnded{
              .pull_request = app_request, .merged = true, .by = ada_there, .at = when_updated}));
    CHECK(decode_hook("merge_request", hook_about("merge_request", "close")) ==
          Event(integrations::PullRequestEnded{
              .pull_request = app_request, .merged = false, .by = ada_there, .at = when_updated}));
    CHECK(why_hook_ignored("merge_request", hook_about("merge_request", "approved")) ==
          "merge_request.approved is not for us");
}

TEST_CASE("a reviewer on GitLab who asks for changes is heard, without which review it is") {
    const Event asked = integrations::ChangesRequested{
        .pull_request = app_request, .review_id = {}, .body = {}, .by = ada_there};
    const auto others = reviewer(6, "requested_changes");
    CHECK(decode_hook("merge_request", reviewed(json::array({others, reviewer(5, "review_started")}),
                                                json::array({others, reviewer(5, "requested_changes")}))) ==
          asked);
    CHECK(decode_hook("merge_request",
                      reviewed(json::array(), json::array({reviewer(5, "requested_changes")}))) == asked);
    const std::string none = "an update of a merge request that asks for no changes";
    CHECK(why_hook_ignored("merge_request", reviewed(json::array({others}), json::array({others}))) == none);
    CHECK(why_hook_ignored("merge_request", reviewed(json::array({reviewer(5, "requested_changes")}),
                                                     json::array({reviewer(5, "requested_changes")}))) ==
          none);
    CHECK(why_hook_ignored("merge_request",
                           reviewed(json::array(), json::array({reviewer(5, "reviewed")}))) == none);
    CHECK(why_hook_ignored("merge_request", hook_about("merge_request", "update")) == none);
}

TEST_CASE("failed pipelines and pushes of GitLab are told") {
    auto pipeline = hook_about("pipeline", "");
    pipeline["object_attributes"] = {{"id", 31}, {"sha", failed_sha}, {"status", "failed"}};
    CHECK(decode_hook("pipeline", pipeline) == Event(integrations::ChecksFailed{app_project, failed_sha}));
    pipeline["object_attributes"]["status"] = "running";
    CHECK(why_hook_ignored("pipeline", pipeline) == "pipeline.running is not for us");

    auto push = hook_about("push", "");
    push.erase("user");
    push.update({{"event_name", "push"},
                 {"ref", "refs/heads/feature/x"},
                 {"after", failed_sha},
                 {"user_id", 5},
                 {"user_username", "ada"}});
    CHECK(decode_hook("push", push) ==
          Event(integrations::BranchPushed{.repo = app_project, .branch = "feature/x", .by = ada_there}));
    push["after"] = std::string(40, '0');
    CHECK(why_hook_ignored("push", push) == "a push that deletes");
}

TEST_CASE("what an instance's hooks tell of a project is told") {
    json body = {{"event_name", "project_transfer"},
                 {"project_id", 41},
                 {"name", "App"},
                 {"path_with_namespace", "else/app"},
                 {"old_path_with_namespace", "octo/tools/app"}};
    const integrations::RepositoryRenamed renamed{
        {.forge = "work", .id = "41", .full_name = "else/app", .clone_url = {}}};
    CHECK(decode_hook("system", body) == Event(renamed));
    body["event_name"] = "project_rename";
    CHECK(decode_hook("system", body) == Event(renamed));
    body["event_name"] = "project_destroy";
    CHECK(decode_hook("system", body) ==
          Event(integrations::AccessEnded{.forge = "work", .installation = {}, .repositories = {"41"}}));
    body["event_name"] = "user_create";
    CHECK(why_hook_ignored("system", body) == "system.user_create is not for us");
    body.erase("project_id");
    body["event_name"] = "project_destroy";
    CHECK(why_hook_ignored("system", body) == "system.project_destroy: no project");
}

TEST_CASE("the account of an access token of GitLab is a bot") {
    for (const auto* login :
         {"project_41_bot_4ffca233d8298ea1", "group_7_bot", "project_41_bot1", "service_account_group_9_ab"})
        CHECK(integrations::is_gitlab_bot(login));
    for (const auto* login : {"ada", "project_bot", "project_x_bot", "group_7", "my_project_41_bot"})
        CHECK_FALSE(integrations::is_gitlab_bot(login));
}

TEST_CASE("a payload of GitLab that is not what it must be is ignored") {
    const auto spoilt = [](const char* where, const char* what, const json& value) {
        auto body = hook_about("issue", "close");
        body[where][what] = value;
        return why_hook_ignored("issue", body);
    };
    CHECK(spoilt("project", "id", nullptr) == "issue.close: no project");
    CHECK(spoilt("project", "path_with_namespace", "octo/../app") ==
          "issue.close: the project's path is not group/name");
    CHECK(spoilt("project", "git_http_url", "https://ada:x@git.example/a.git") ==
          "issue.close: the git_http_url is not http(s) without credentials");
    CHECK(spoilt("user", "username", "") == "issue.close: no user");
    CHECK(spoilt("object_attributes", "iid", 0) == "an issue without a number");
    CHECK(why_hook_ignored("issue", "{") == "issue: not JSON (byte 2)");
    CHECK(why_hook_ignored("wiki_page", "{") == "event wiki_page is not for us");
}

/// Recorded payloads are no part of this project: a folder of them may be named.
TEST_CASE("recorded payloads of GitLab are understood") {
    const char* folder = std::getenv("SHOPFLOOR_GITLAB_SPECS");
    if (folder == nullptr) {
        MESSAGE("SKIPPED: SHOPFLOOR_GITLAB_SPECS names no folder with recorded payloads");
        return;
    }
    const auto recorded = [&](const std::string& file, const std::string& name) {
        std::ifstream stream(std::filesystem::path(folder) / "gitlab-webhooks" / file);
        REQUIRE(stream.is_open());
        return decode_hook(name, std::string(std::istreambuf_iterator<char>(stream), {}));
    };
    const auto closed = recorded("woodpecker.merge_request.Closed.json", "merge_request");
    CHECK_FALSE(std::get<integrations::PullRequestEnded>(closed).merged);
    const auto merged = recorded("woodpecker.merge_request.Merged.json", "merge_request");
    CHECK(std::get<integrations::PullRequestEnded>(merged).merged);
    CHECK(std::get<integrations::PullRequestEnded>(merged).pull_request.repo.full_name ==
          "anbraten/woodpecker-test");
    const auto labelled = recorded("woodpecker.merge_request.LabelsAdded.json", "merge_request");
    CHECK(std::holds_alternative<Ignored>(labelled));
    const auto opened = recorded("go-gitlab.issue.json", "issue");
    CHECK(std::get<integrations::IssueLabelled>(opened).label == "API");
    const auto on_issue = recorded("go-gitlab.note_issue.json", "note");
    CHECK(std::get<integrations::CommentCreated>(on_issue).thread.number == 17);
    CHECK(std::get<integrations::CommentCreated>(on_issue).at.has_value());
    const auto on_request = recorded("go-gitlab.note_merge_request.json", "note");
    CHECK(std::get<integrations::CommentCreated>(on_request).thread.kind == ThreadRef::Kind::pull_request);
    const auto pushed = recorded("go-scm.push_subgroup.json", "push");
    CHECK(std::get<integrations::BranchPushed>(pushed).repo.full_name.find('/') != std::string::npos);
    CHECK(std::get<Ignored>(recorded("go-gitlab.note_commit.json", "note")).why ==
          "a note on neither an issue nor a merge request");
    CHECK(std::get<Ignored>(recorded("go-scm.branch_delete.json", "push")).why == "a push that deletes");
    // Of long ago, when it was not told who did it but by name.
    CHECK(std::get<Ignored>(recorded("go-scm.issue_labeled.json", "issue")).why == "issue.update: no user");
}
