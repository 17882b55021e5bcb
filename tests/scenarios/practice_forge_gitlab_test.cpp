#include <doctest/doctest.h>
#include <fmt/format.h>

#include <chrono>
#include <string>
#include <vector>

#include "tests/scenarios/practice_gitlab.hpp"

/// The practice forge speaks GitLab's dialect: who may come in, projects, issues, labels, notes and git.
using nlohmann::json;
using practice_forge::Permission;
using practice_forge::pull_request;
using practice_yard::Caller;
using practice_yard::Folder;
using practice_yard::git;
using practice_yard::header;
using practice_yard::kRepository;
using practice_yard::Lab;
using practice_yard::malformed;
using practice_yard::project;

namespace {

using Lines = std::vector<std::string>;

std::string refusal_of(const practice_yard::Answer& answer) { return answer.body.value("message", ""); }

}  // namespace

TEST_CASE("GitLab: a token says whose it is and until when, in either header") {
    Lab lab;
    CHECK(lab.forge.api_url() == lab.forge.url() + "/api/v4");
    CHECK(lab.forge.app_login() == "robot");
    CHECK(lab.robot->send("GET", "/user").body["username"] == "robot");
    CHECK(lab.robot->send("GET", "/version").body["version"] == "19.3.1-ee");
    Caller nobody(lab.forge, "");
    CHECK(nobody.send("GET", "/user", nullptr, {{"PRIVATE-TOKEN", "token-of-maria"}}).body["username"] ==
          "maria");
    CHECK(refusal_of(nobody.send("GET", "/user")) == "401 Unauthorized");
    CHECK(refusal_of(Caller(lab.forge, "wrong").send("GET", "/user")) == "401 Unauthorized");
    const auto now = std::chrono::system_clock::now();
    lab.forge.add_token("robot", "ends", now + std::chrono::hours(48));
    Caller ending(lab.forge, "ends");
    CHECK(lab.robot->send("GET", "/personal_access_tokens/self").body["expires_at"].is_null());
    CHECK(ending.send("GET", "/personal_access_tokens/self").body["expires_at"].get<std::string>().size() ==
          10);
    lab.forge.shift_clock(std::chrono::hours(72));
    const auto late = ending.send("GET", "/user");
    CHECK(late.status == 401);
    CHECK(late.body["error"] == "invalid_token");
    CHECK(lab.robot->send("GET", "/users?username=Maria").body[0]["username"] == "maria");
    CHECK(lab.robot->send("GET", "/users?username=ghost").body == json::array());
    CHECK(lab.robot->send("GET", "/nothing", nullptr, malformed()).body["error"] == "404 Not Found");
}

TEST_CASE("GitLab: a project is found by its id and by its encoded path, and one that was renamed sends on") {
    Lab lab;
    const auto seen = lab.robot->send("GET", project("")).body;
    CHECK(seen["path_with_namespace"] == kRepository);
    CHECK(seen["http_url_to_repo"] == lab.forge.clone_url(kRepository));
    CHECK(seen["default_branch"] == "main");
    CHECK(seen["archived"] == false);
    CHECK(seen["permissions"]["project_access"]["access_level"] == 50);
    const auto by_id = fmt::format("/projects/{}", seen["id"].get<int>());
    CHECK(lab.reader->send("GET", by_id).body["permissions"]["project_access"]["access_level"] == 10);
    const auto missing = lab.robot->send("GET", "/projects/acme%2Fnone");
    CHECK(missing.status == 404);
    CHECK(refusal_of(missing) == "404 Project Not Found");
    lab.forge.add_token("stranger", "token-of-stranger");
    CHECK(Caller(lab.forge, "token-of-stranger").send("GET", by_id).status == 404);

    lab.forge.rename_repository(kRepository, "acme/tools/gadgets");
    const auto moved = lab.robot->send("GET", project("/issues?state=opened"));
    CHECK(moved.status == 301);
    CHECK(header(moved.headers, "Location") == lab.forge.api_url() + by_id + "/issues?state=opened");
    CHECK(lab.robot->send("GET", "/projects/acme%2Ftools%2Fgadgets").body["id"] == seen["id"]);
    lab.forge.delete_repository("acme/tools/gadgets");
    CHECK(lab.robot->send("GET", by_id).status == 404);
}

TEST_CASE("GitLab: lists come in pages, by number or by the last id") {
    Lab lab;
    for (const char* name : {"acme/a", "acme/b"}) {
        lab.forge.create_repository({.full_name = name, .files = {{"a", "b"}}});
        lab.forge.add_collaborator(name, "robot", Permission::write);
    }
    const auto first = lab.robot->send("GET", "/projects?membership=true&per_page=2");
    CHECK(first.body.size() == 2);
    CHECK(header(first.headers, "X-Total") == "3");
    CHECK(header(first.headers, "X-Total-Pages") == "2");
    CHECK(header(first.headers, "X-Next-Page") == "2");
    CHECK(header(first.headers, "Link").find("page=2&per_page=2>; rel=\"next\"") != std::string::npos);
    const auto last = lab.robot->send("GET", "/projects?membership=true&per_page=2&page=2");
    CHECK(last.body.size() == 1);
    CHECK(header(last.headers, "X-Next-Page").empty());
    CHECK(header(last.headers, "Link").find("rel=\"next\"") == std::string::npos);

    std::vector<std::string> found;
    std::string path = "/projects?membership=true&pagination=keyset&order_by=id&sort=asc&per_page=2";
    while (!path.empty()) {
        const auto page = lab.robot->send("GET", path);
        for (const auto& one : page.body) found.push_back(one["path_with_namespace"]);
        const auto link = header(page.headers, "Link");
        CHECK(header(page.headers, "X-Total").empty());
        const auto begin = lab.forge.api_url().size() + 1;
        path = link.empty() ? "" : link.substr(begin, link.find('>') - begin);
    }
    CHECK(found == Lines{kRepository, "acme/a", "acme/b"});
    CHECK(lab.reader->send("GET", "/projects?membership=true").body.size() == 1);
}

TEST_CASE("GitLab: a member has a level, and who is none is not found") {
    Lab lab;
    const auto level = [&](const std::string& login) {
        const auto id = lab.robot->send("GET", "/users?username=" + login).body.at(0)["id"].get<int>();
        const auto answer = lab.robot->send("GET", project(fmt::format("/members/all/{}", id)));
        return answer.status == 200 ? answer.body["access_level"].get<int>() : -answer.status;
    };
    CHECK(level("maria") == 30);
    CHECK(level("reader") == 10);
    CHECK(level("acme") == 50);
    lab.forge.add_token("stranger", "token-of-stranger");
    CHECK(level("stranger") == -404);
    lab.forge.add_collaborator(kRepository, "stranger", Permission::maintain);
    CHECK(level("stranger") == 40);
}

TEST_CASE("GitLab: issues and merge requests count by themselves") {
    Lab lab;
    const auto branch = lab.branch("b", "three\n");
    const auto issue = lab.forge.create_issue(kRepository, "An issue", "", "maria");
    CHECK(issue == 1);
    CHECK(lab.propose("b", "A merge request")["iid"] == 1);
    CHECK(lab.robot->send("GET", project("/issues/1")).body["title"] == "An issue");
    CHECK(lab.robot->send("GET", project("/merge_requests/1")).body["title"] == "A merge request");
    lab.forge.comment(kRepository, 1, "on the issue", "maria");
    lab.forge.comment(kRepository, pull_request(1), "on the request", "maria");
    lab.forge.add_label(kRepository, lab.forge.pull_requests(kRepository).at(0), "bug", "maria");
    CHECK(lab.forge.issue(kRepository, 1).comments.at(0).body == "on the issue");
    CHECK(lab.forge.issue(kRepository, 1).labels.empty());
    CHECK(lab.forge.issue(kRepository, pull_request(1)).comments.at(0).body == "on the request");
    CHECK(lab.forge.issue(kRepository, pull_request(1)).labels == Lines{"bug"});
    CHECK(lab.forge.issue(kRepository, pull_request(1)).is_pull_request);
    lab.forge.close(kRepository, pull_request(1), "maria");
    CHECK(lab.forge.issue(kRepository, 1).open);
    CHECK_FALSE(lab.forge.pull_requests(kRepository).at(0).open);
    CHECK(lab.forge.create_issue(kRepository, "Another", "", "maria") == 2);
    CHECK(lab.robot->send("GET", project("/merge_requests/2")).status == 404);
}

TEST_CASE("GitLab: labels are set and taken off in one request, and the record keeps who did it") {
    Lab lab;
    lab.forge.create_issue(kRepository, "It breaks", "Look", "reader", {"agent"});
    const auto one = project("/issues/1");
    const auto changed =
        lab.robot->send("PUT", one, {{"add_labels", "agent-state: queued,bug"}, {"remove_labels", "agent"}});
    CHECK(changed.status == 200);
    CHECK(changed.body["labels"] == json::array({"agent-state: queued", "bug"}));
    CHECK(lab.robot->send("PUT", one + "?remove_labels=bug,absent").body["labels"] ==
          json::array({"agent-state: queued"}));
    std::vector<std::string> record;
    for (const auto& entry : lab.robot->send("GET", one + "/resource_label_events").body)
        record.push_back(fmt::format("{} {} {}", entry["user"]["username"].get<std::string>(),
                                     entry["action"].get<std::string>(),
                                     entry["label"]["name"].get<std::string>()));
    CHECK(record == Lines{"reader add agent", "robot remove agent", "robot add agent-state: queued",
                          "robot add bug", "robot remove bug"});
    CHECK(lab.reader->send("PUT", one, {{"title", "Mine"}}).status == 200);
    lab.forge.create_issue(kRepository, "Another's", "", "maria");
    CHECK(lab.reader->send("PUT", project("/issues/2"), {{"title", "Mine"}}).status == 403);
    CHECK(lab.robot->send("PUT", one, {{"state_event", "close"}}).body["state"] == "closed");
    CHECK_FALSE(lab.forge.issue(kRepository, 1).open);
    CHECK(lab.robot->send("PUT", one, {{"state_event", "reopen"}}).body["state"] == "opened");
    CHECK(lab.robot->send("PUT", one, {{"state_event", "burn"}}, malformed()).body["error"] ==
          "state_event does not have a valid value");
    const auto blank = lab.robot->send("PUT", one, {{"title", ""}});
    CHECK(blank.status == 400);
    CHECK(blank.body["message"]["title"][0] == "can't be blank");
    CHECK(lab.robot->send("PUT", one, {{"discussion_locked", true}}).body["discussion_locked"] == true);

    const json label = {{"name", "agent"}, {"color", "#ff0000"}};
    CHECK(lab.reader->send("POST", project("/labels"), label).status == 403);
    const auto again = lab.robot->send("POST", project("/labels"), label);
    CHECK(again.status == 409);
    CHECK(refusal_of(again) == "Label already exists");
    CHECK(
        lab.robot->send("POST", project("/labels"), {{"name", "new"}, {"color", "#00f000"}}).body["color"] ==
        "#00f000");
    CHECK(lab.robot->send("GET", project("/labels?per_page=100")).body.size() == 5);
    lab.forge.delete_issue(kRepository, 1, "maria");
    const auto gone = lab.robot->send("GET", one);
    CHECK(gone.status == 404);
    CHECK(refusal_of(gone) == "404 Not found");
}

TEST_CASE("GitLab: issues are found by labels, state and time, in one project or in all") {
    Lab lab;
    lab.forge.create_issue(kRepository, "One", "", "maria", {"agent", "bug"});
    lab.forge.create_issue(kRepository, "Two", "", "maria", {"agent"});
    lab.forge.create_issue(kRepository, "Three", "", "robot");
    lab.forge.close(kRepository, 2, "maria");
    lab.forge.create_repository({.full_name = "acme/hidden", .files = {{"a", "b"}}});
    lab.forge.create_issue("acme/hidden", "Hidden", "", "maria", {"agent"});
    const auto titles = [&](const std::string& path) {
        Lines all;
        for (const auto& issue : lab.robot->send("GET", path).body) all.push_back(issue["title"]);
        return all;
    };
    CHECK(titles(project("/issues")) == Lines{"Three", "Two", "One"});
    CHECK(titles(project("/issues?labels=agent&state=opened")) == Lines{"One"});
    CHECK(titles(project("/issues?labels=agent,absent")).empty());
    CHECK(titles(project("/issues?order_by=updated_at&sort=asc")) == Lines{"One", "Three", "Two"});
    CHECK(titles(project("/issues?updated_after=2099-01-01T00:00:00.000Z")).empty());
    CHECK(titles(project("/issues?updated_after=2020-01-01T00:00:00%2B02:00")).size() == 3);
    CHECK(titles("/issues?scope=all&labels=agent") == Lines{"Two", "One"});
    CHECK(titles("/issues") == Lines{"Three"});
    const auto when =
        lab.robot->send("GET", project("/issues?updated_after=yesterday"), nullptr, malformed());
    CHECK(when.status == 400);
    CHECK(when.body["error"] == "updated_after is invalid");
}

TEST_CASE("GitLab: notes are said, edited and listed, and the forge notes what was done") {
    Lab lab;
    lab.forge.create_issue(kRepository, "Talk", "", "maria");
    const auto notes = project("/issues/1/notes");
    const auto said = lab.reader->send("POST", notes, {{"body", "on it"}});
    REQUIRE(said.status == 201);
    CHECK(said.body["noteable_iid"] == 1);
    CHECK(said.body["system"] == false);
    const auto one = notes + "/" + std::to_string(said.body["id"].get<int>());
    CHECK(lab.reader->send("PUT", one, {{"body", "done"}}).body["body"] == "done");
    CHECK(lab.forge.issue(kRepository, 1).comments.at(0).edits == 1);
    CHECK(lab.maria->send("PUT", one, {{"body", "mine"}}).status == 403);
    CHECK(lab.robot->send("PUT", one, {{"body", "done."}}).status == 200);
    CHECK(lab.robot->send("POST", notes, {{"body", " "}}).status == 400);
    CHECK(lab.robot->send("POST", notes, {{"body", std::string(1'000'001, 'x')}}).status == 400);
    CHECK(lab.robot->send("POST", notes, json::object(), malformed()).body["error"] == "body is missing");

    lab.forge.edit_issue(kRepository, 1, "Walk", std::nullopt, "maria");
    const auto secret = lab.robot->send("POST", notes, {{"body", "Hush"}, {"internal", true}});
    CHECK(secret.body["internal"] == true);
    const auto bodies = [&](Caller& who, const std::string& query) {
        Lines all;
        for (const auto& note : who.send("GET", notes + query).body) all.push_back(note["body"]);
        return all;
    };
    CHECK(bodies(*lab.robot, "") == Lines{"Hush", "changed title from **Talk** to **Walk**", "done."});
    CHECK(bodies(*lab.robot, "?sort=asc&order_by=created_at").front() == "done.");
    CHECK(bodies(*lab.robot, "?activity_filter=only_activity").size() == 1);
    CHECK(bodies(*lab.reader, "?activity_filter=only_comments") == Lines{"done."});
    CHECK(lab.forge.issue(kRepository, 1).comments.size() == 2);  // those of people
    const auto page = lab.robot->send("GET", notes + "?per_page=2");
    CHECK(page.body.size() == 2);
    CHECK(header(page.headers, "X-Next-Page") == "2");
    CHECK(refusal_of(lab.robot->send("GET", project("/issues/7/notes"))) == "404 Not found");
}

TEST_CASE("GitLab: the same emoji twice is refused with 404") {
    Lab lab;
    lab.forge.create_issue(kRepository, "Talk", "", "maria");
    const auto note = lab.forge.comment(kRepository, 1, "hi", "maria");
    for (const auto& on : {std::string("/issues/1"), fmt::format("/issues/1/notes/{}", note)}) {
        const auto awards = project(on + "/award_emoji");
        CHECK(lab.robot->send("POST", awards, {{"name", "eyes"}}).status == 201);
        const auto again = lab.robot->send("POST", awards, {{"name", "eyes"}});
        CHECK(again.status == 404);
        CHECK(refusal_of(again) == "404 Award Emoji Name has already been taken Not Found");
        CHECK(lab.reader->send("POST", awards, {{"name", "thumbsdown"}}).status == 201);
        CHECK(lab.robot->send("GET", awards).body[1]["name"] == "thumbsdown");
        CHECK(lab.robot->send("POST", awards, {{"name", "no such"}}).status == 404);
    }
    CHECK(lab.forge.issue(kRepository, 1).reactions.at(1).content == "-1");
    CHECK(lab.forge.issue(kRepository, 1).comments.at(0).reactions.at(0).content == "eyes");
}

TEST_CASE("GitLab: archived projects are read only, and a locked conversation is one of members") {
    Lab lab;
    lab.forge.create_issue(kRepository, "A", "", "maria");
    lab.forge.lock(kRepository, 1, "maria");
    CHECK(lab.reader->send("POST", project("/issues/1/notes"), {{"body", "still"}}).status == 201);
    lab.forge.archive_repository(kRepository);
    CHECK(refusal_of(lab.robot->send("POST", project("/issues/1/notes"), {{"body", "x"}})) ==
          "403 Forbidden");
    CHECK(lab.robot->send("PUT", project("/issues/1"), {{"title", "x"}}).status == 403);
    CHECK(lab.robot->send("POST", project("/issues/1/award_emoji"), {{"name", "eyes"}}).status == 404);
    CHECK(lab.robot->send("GET", project("")).body["archived"] == true);

    lab.forge.create_repository({.full_name = "acme/open", .files = {{"a", "b"}}, .is_private = false});
    lab.forge.create_issue("acme/open", "A", "", "maria");
    CHECK(lab.reader->send("POST", "/projects/acme%2Fopen/issues/1/notes", {{"body", "x"}}).status == 201);
    lab.forge.lock("acme/open", 1, "acme");
    CHECK(lab.reader->send("POST", "/projects/acme%2Fopen/issues/1/notes", {{"body", "x"}}).status == 403);
}

TEST_CASE("GitLab: the bot is blocked, its token revoked, and faults speak as the server does") {
    Lab lab;
    lab.forge.suspend_app();
    CHECK(refusal_of(lab.robot->send("GET", "/user")) == "403 Forbidden - Your account has been blocked.");
    lab.forge.unsuspend_app();
    lab.forge.fail({.name = "down", .path = "/projects/*", .status = 503, .message = "Maintenance"});
    CHECK(refusal_of(lab.robot->send("GET", project(""))) == "Maintenance");
    using practice_forge::Fault;
    lab.forge.fail(
        {.name = "limit", .kind = Fault::Kind::primary_limit, .retry_after = std::chrono::seconds(7)});
    const auto limited = lab.robot->send("GET", project(""));
    CHECK(limited.status == 429);
    CHECK(header(limited.headers, "Retry-After") == "7");
    CHECK(header(limited.headers, "RateLimit-Remaining") == "0");
    CHECK(limited.body.is_discarded());
    lab.forge.fail({.name = "notes", .kind = Fault::Kind::secondary_limit});
    CHECK(lab.robot->send("GET", project("")).body["message"].contains("error"));
    lab.forge.create_issue(kRepository, "A", "", "maria");
    lab.forge.fail({.name = "lost", .kind = Fault::Kind::reset, .method = "POST", .after_effect = true});
    CHECK(lab.robot->send("POST", project("/issues/1/notes"), {{"body", "said"}}).status == 0);
    CHECK(lab.forge.issue(kRepository, 1).comments.size() == 1);
    lab.forge.set_rate_limit(0);
    CHECK(lab.robot->send("GET", project("")).status == 429);
    lab.forge.set_rate_limit(100);
    lab.forge.remove_from_installation(kRepository);
    CHECK(lab.robot->send("GET", project("")).status == 404);
    lab.forge.uninstall_app();
    CHECK(lab.robot->send("GET", "/user").status == 401);
}

TEST_CASE("GitLab: git takes the token as any user's password") {
    Lab lab;
    const Folder folder;
    const auto with = [&](const std::string& credential) {
        auto url = lab.forge.clone_url(kRepository);
        return url.insert(7, credential + "@");
    };
    std::string said;
    CHECK_FALSE(git(folder.path, "clone -q " + lab.forge.clone_url(kRepository) + " a"));
    CHECK_FALSE(git(folder.path, "clone -q " + with("oauth2:wrong") + " b"));
    CHECK_FALSE(git(folder.path, "clone -q " + with("oauth2:token-of-reader") + " c", &said));  // a guest
    CHECK(git(folder.path, "clone -q " + with("oauth2:token-of-robot") + " work"));
    REQUIRE(git(folder.path / "work", "commit -q --allow-empty -m x"));
    REQUIRE_MESSAGE(git(folder.path / "work", "push -q origin HEAD:refs/heads/agent/1", &said), said);
    CHECK(lab.robot->send("GET", project("/repository/branches/agent%2F1")).body["commit"]["id"] ==
          lab.forge.branches(kRepository).at("agent/1"));
    CHECK(refusal_of(lab.robot->send("GET", project("/repository/branches/none"))) == "404 Branch Not Found");
    const auto commit = lab.robot->send("GET", project("/repository/commits/agent%2F1")).body;
    CHECK(commit["title"] == "x");
    CHECK(refusal_of(lab.robot->send("GET", project("/repository/commits/none"))) == "404 Commit Not Found");
    CHECK(lab.reader->send("GET", project("/repository/branches/main")).status == 403);
    lab.forge.protect_branch(kRepository, "main");
    CHECK_FALSE(git(folder.path / "work", "push -q origin HEAD:refs/heads/main", &said));
    CHECK(said.find("You are not allowed to push code to protected branches") != std::string::npos);
    lab.forge.rename_repository(kRepository, "acme/gadgets");
    CHECK(git(folder.path / "work", "push -q origin HEAD:refs/heads/agent/2"));
}
