#include <doctest/doctest.h>
#include <fmt/format.h>

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "tests/scenarios/practice_yard.hpp"

/// The practice forge speaks Gitea's dialect, and Forgejo's: its REST API and git.
using nlohmann::json;
using practice_forge::Dialect;
using practice_forge::Permission;
using practice_yard::Caller;
using practice_yard::Folder;
using practice_yard::git;
using practice_yard::header;
using practice_yard::kRepository;
using practice_yard::malformed;
using practice_yard::repo;
using practice_yard::Yard;

namespace {

/// A yard in Gitea's dialect, with a bot that administrates its repository.
struct Garden : Yard {
    explicit Garden(Dialect dialect = Dialect::gitea) : Yard(dialect) {
        forge.set_app({.slug = "robot"});
        forge.add_token("robot", "token-of-robot");
        forge.add_collaborator(kRepository, "robot", Permission::admin);
        maria = std::make_unique<Caller>(forge, "token-of-maria");
        reader = std::make_unique<Caller>(forge, "token-of-reader");
        robot = std::make_unique<Caller>(forge, "token-of-robot");
    }
    std::unique_ptr<Caller> maria, reader, robot;

    [[nodiscard]] std::string branch(const std::string& name, const std::string& text) {
        return forge.commit_files(kRepository, name, {{"src/a.txt", text}}, "Change", "maria");
    }
    json propose(const std::string& head, const std::string& title, int status = 201) {
        const auto answer = robot->send(
            "POST", repo("/pulls"), {{"head", head}, {"base", "main"}, {"title", title}, {"body", "It."}});
        CHECK(answer.status == status);
        return answer.body;
    }
};

std::string number(const json& thread) { return std::to_string(thread["number"].get<int>()); }

std::string label_id(Caller& caller, const std::string& name) {
    for (const auto& label : caller.send("GET", repo("/labels?limit=50")).body)
        if (label["name"] == name) return std::to_string(label["id"].get<int>());
    FAIL("no such label: " << name);
    return {};
}

}  // namespace

TEST_CASE("Gitea: the server tells its version, and a token whose it is") {
    Garden garden;
    CHECK(garden.forge.dialect() == Dialect::gitea);
    CHECK(garden.forge.api_url() == garden.forge.url() + "/api/v1");
    CHECK(garden.forge.app_login() == "robot");
    Caller nobody(garden.forge, "");
    CHECK(nobody.send("GET", "/version").body["version"] == "1.24.6");
    CHECK(Garden(Dialect::forgejo).robot->send("GET", "/version").body["version"] == "12.0.4+gitea-1.22.0");
    CHECK(garden.robot->send("GET", "/user").body["login"] == "robot");
    CHECK(garden.robot->send("GET", "/user").body["username"] == "robot");
    for (const char* way : {"token token-of-robot", "Bearer token-of-robot"})
        CHECK(nobody.send("GET", "/user", nullptr, {{"Authorization", way}}).status == 200);
    CHECK(nobody.send("GET", "/user").status == 401);
    CHECK(nobody.send("GET", repo("")).status == 404);
    const auto wrong = Caller(garden.forge, "wrong").send("GET", "/version");
    CHECK(wrong.status == 401);
    CHECK(wrong.body["message"] == "user does not exist [uid: 0, name: ]");
    CHECK(garden.robot->send("GET", "/app", nullptr, malformed()).status == 404);
    CHECK(header(garden.robot->send("GET", "/user").headers, "X-RateLimit-Remaining").empty());
    CHECK(header(garden.robot->send("GET", "/user").headers, "ETag").empty());
}

TEST_CASE("Gitea: a repository says what the caller may do, and renamed ones send on with 307") {
    Garden garden;
    const auto seen = garden.reader->send("GET", repo("")).body;
    CHECK(seen["permissions"] == json{{"admin", false}, {"push", false}, {"pull", true}});
    CHECK(garden.robot->send("GET", repo("")).body["permissions"]["admin"] == true);
    CHECK(seen["default_branch"] == "main");
    CHECK(seen["clone_url"] == garden.forge.clone_url(kRepository));
    const auto id = seen["id"].get<int>();
    CHECK(garden.reader->send("GET", fmt::format("/repositories/{}", id)).body["full_name"] == kRepository);

    const auto branch = garden.reader->send("GET", repo("/branches/main")).body;
    CHECK(branch["commit"]["id"] == garden.forge.branches(kRepository).at("main"));
    const auto none = garden.reader->send("GET", repo("/branches/none"));
    CHECK(none.status == 404);
    CHECK(none.body["message"] == "branch does not exist [name: none]");
    CHECK(none.body["url"] == garden.forge.url() + "/api/swagger");
    const auto lost = Garden(Dialect::forgejo).reader->send("GET", repo("/branches/none")).body;
    CHECK(lost["message"] == "The target couldn't be found.");
    CHECK(lost["errors"] == json::array({"branch does not exist [name: none]"}));

    garden.forge.create_repository({.full_name = "acme/other", .files = {{"a", "b"}}});
    garden.forge.create_repository({.full_name = "acme/open", .files = {{"a", "b"}}, .is_private = false});
    const auto mine = garden.robot->send("GET", "/user/repos?limit=1");
    CHECK(mine.body.size() == 1);
    CHECK(header(mine.headers, "X-Total-Count") == "1");
    CHECK(header(mine.headers, "Link").empty());
    const auto found = garden.robot->send("GET", "/repos/search?limit=1");
    CHECK(found.body["ok"] == true);
    CHECK(header(found.headers, "X-Total-Count") == "2");
    CHECK(header(found.headers, "Link") ==
          fmt::format("<{0}/repos/search?limit=1&page=2>; rel=\"next\",<{0}/repos/search?limit=1&page=2>; "
                      "rel=\"last\"",
                      garden.forge.api_url()));

    garden.forge.rename_repository(kRepository, "acme/gadgets");
    const auto moved = garden.robot->send("GET", repo("/issues?state=all"));
    CHECK(moved.status == 307);
    CHECK(header(moved.headers, "Location") == "/api/v1/repos/acme/gadgets/issues?state=all");
    garden.forge.delete_repository("acme/gadgets");
    CHECK(garden.robot->send("GET", "/repos/acme/gadgets").status == 404);
}

TEST_CASE("Gitea: only who administrates a repository learns what others may do there") {
    Garden garden;
    const auto asked = [&](Caller& caller, const std::string& login) {
        return caller.send("GET", repo("/collaborators/" + login + "/permission"));
    };
    CHECK(asked(*garden.robot, "maria").body["permission"] == "write");
    CHECK(asked(*garden.robot, "reader").body["permission"] == "read");
    CHECK(asked(*garden.robot, "acme").body["permission"] == "owner");
    CHECK(asked(*garden.robot, "robot").body["role_name"] == "admin");
    garden.forge.add_token("stranger", "token-of-stranger");
    CHECK(asked(*garden.robot, "stranger").body["permission"] == "none");
    CHECK(asked(*garden.robot, "nobody-at-all").status == 404);
    CHECK(asked(*garden.maria, "Maria").body["permission"] == "write");
    CHECK(asked(*garden.maria, "reader").status == 403);
    garden.forge.add_collaborator(kRepository, "helper", Permission::maintain);
    CHECK(asked(*garden.robot, "helper").body["permission"] == "write");
}

TEST_CASE("Gitea: labels are set by names or ids and taken off by ids, and one of a name may be made twice") {
    Garden garden;
    const auto made =
        garden.reader->send("POST", repo("/issues"), {{"title", "It breaks"}, {"body", "Look"}});
    REQUIRE(made.status == 201);
    CHECK(made.body["assignees"].is_null());
    CHECK(made.body["labels"] == json::array());
    const auto issue = repo("/issues/" + number(made.body));
    CHECK(garden.reader->send("POST", repo("/issues"), {{"body", "x"}}, malformed()).body["message"] ==
          "[Title]: Required");

    const json label = {{"name", "agent"}, {"color", "#ff0000"}};
    CHECK(garden.reader->send("POST", repo("/labels"), label).status == 403);
    const auto first = garden.robot->send("POST", repo("/labels"), label);
    CHECK(first.status == 201);
    CHECK(first.body["color"] == "ff0000");
    CHECK(garden.robot->send("POST", repo("/labels"), label).status == 201);
    CHECK(garden.robot->send("POST", repo("/labels"), {{"name", "x"}, {"color", "red"}}).status == 422);

    CHECK(garden.reader->send("POST", issue + "/labels", {{"labels", {"agent"}}}).status == 403);
    CHECK(garden.robot->send("POST", issue + "/labels", {{"labels", {"agent", "absent"}}}).body.size() == 1);
    CHECK(garden.forge.issue(kRepository, 1).labels == std::vector<std::string>{"agent"});
    CHECK(garden.robot->send("POST", issue + "/labels", {{"labels", {"agent", first.body["id"]}}}).status ==
          400);
    CHECK(garden.robot->send("PUT", issue + "/labels", {{"labels", {"bug", "enhancement"}}}).body.size() ==
          2);
    const auto bug = issue + "/labels/" + label_id(*garden.robot, "bug");
    CHECK(garden.robot->send("DELETE", bug).status == 204);
    CHECK(garden.robot->send("DELETE", bug).status == 204);
    CHECK(garden.robot->send("DELETE", issue + "/labels/999999").status == 422);
    CHECK(garden.robot->send("DELETE", issue + "/labels").status == 204);
    CHECK(garden.robot->send("GET", issue + "/labels").body == json::array());

    garden.forge.add_label(kRepository, 1, "agent", "maria");
    garden.forge.remove_label(kRepository, 1, "agent", "maria");
    std::vector<std::string> record;
    for (const auto& entry : garden.robot->send("GET", issue + "/timeline?limit=50").body)
        record.push_back(fmt::format(
            "{} {} {}{}", entry["type"].get<std::string>(), entry["user"]["login"].get<std::string>(),
            entry["body"] == "1" ? "+" : "-", entry["label"]["name"].get<std::string>()));
    CHECK(record == std::vector<std::string>{"label robot +agent", "label robot -agent", "label robot +bug",
                                             "label robot +enhancement", "label robot -bug",
                                             "label robot -enhancement", "label maria +agent",
                                             "label maria -agent"});
}

TEST_CASE("Gitea: names of labels that there are not filter nothing") {
    Garden garden;
    garden.forge.create_issue(kRepository, "One", "", "maria", {"agent"});
    garden.forge.create_issue(kRepository, "Two", "", "maria");
    (void)garden.branch("b", "three\n");
    garden.propose("b", "Three");
    const auto titles = [&](const std::string& query) {
        std::vector<std::string> all;
        for (const auto& issue : garden.robot->send("GET", repo("/issues?" + query)).body)
            all.push_back(issue["title"]);
        return all;
    };
    using Titles = std::vector<std::string>;
    CHECK(titles("state=open") == Titles{"Three", "Two", "One"});
    CHECK(titles("type=issues&labels=agent") == Titles{"One"});
    CHECK(titles("type=issues&labels=agent,absent") == Titles{"One"});
    CHECK(titles("type=issues&labels=absent") == Titles{"Two", "One"});
    CHECK(titles("type=pulls") == Titles{"Three"});
    CHECK(titles("since=2099-01-01T00:00:00%2B02:00").empty());
    CHECK(titles("since=2020-01-01T00:00:00Z&type=issues").size() == 2);
    CHECK(garden.robot->send("GET", repo("/issues?since=yesterday")).status == 422);
    const auto page = garden.robot->send("GET", repo("/issues?limit=2&page=2"));
    CHECK(page.body.size() == 1);
    CHECK(header(page.headers, "X-Total-Count") == "3");
    CHECK(header(page.headers, "Link").find("page=1>; rel=\"prev\"") != std::string::npos);
}

TEST_CASE("Gitea: comments are listed whole, edited with 200, and of a lost issue the server breaks") {
    Garden garden;
    const auto issue = garden.forge.create_issue(kRepository, "Talk", "", "maria");
    const auto comments = repo(fmt::format("/issues/{}/comments", issue));
    for (int i = 0; i < 60; ++i) garden.forge.comment(kRepository, issue, fmt::format("{}", i), "maria");
    const auto all = garden.robot->send("GET", comments + "?limit=10");
    CHECK(all.body.size() == 60);
    CHECK(header(all.headers, "X-Total-Count") == "60");
    const auto said = garden.reader->send("POST", comments, {{"body", "on it"}});
    REQUIRE(said.status == 201);
    CHECK(said.body["issue_url"] == fmt::format("{}/{}/issues/{}", garden.forge.url(), kRepository, issue));
    CHECK(said.body["pull_request_url"] == "");
    const auto one = repo(fmt::format("/issues/comments/{}", said.body["id"].get<int>()));
    CHECK(garden.reader->send("PATCH", one, {{"body", "done"}}).status == 200);
    CHECK(garden.forge.issue(kRepository, issue).comments.back().edits == 1);
    CHECK(garden.reader->send("POST", comments, {{"body", ""}}).status == 422);
    const auto first = repo(fmt::format("/issues/comments/{}", all.body[0]["id"].get<int>()));
    CHECK(garden.reader->send("PATCH", first, {{"body", "mine"}}).status == 403);
    CHECK(garden.reader->send("POST", one + "/reactions", {{"content", "eyes"}}).status == 201);
    CHECK(garden.reader->send("POST", one + "/reactions", {{"content", "eyes"}}).status == 200);
    CHECK(garden.reader->send("POST", one + "/reactions", {{"content", "cake"}}).status == 403);
    CHECK(garden.reader->send("DELETE", one).status == 204);
    CHECK(garden.reader->send("GET", one).status == 404);
    const auto reactions = repo(fmt::format("/issues/{}/reactions", issue));
    CHECK(garden.robot->send("GET", reactions).body.is_null());
    CHECK(garden.robot->send("POST", reactions, {{"content", "rocket"}}).status == 201);
    CHECK(garden.robot->send("GET", reactions).body[0]["content"] == "rocket");

    garden.forge.lock(kRepository, issue, "maria");
    CHECK(garden.reader->send("POST", comments, {{"body", "still?"}}).status == 403);
    CHECK(garden.reader->send("POST", reactions, {{"content", "heart"}}).status == 403);
    CHECK(garden.robot->send("POST", comments, {{"body", "still"}}).status == 201);
    CHECK(garden.robot->send("GET", repo(fmt::format("/issues/{}", issue))).body["is_locked"] == true);
    garden.forge.delete_issue(kRepository, issue, "maria");
    CHECK(garden.robot->send("GET", repo(fmt::format("/issues/{}", issue))).status == 404);
    CHECK(garden.robot->send("POST", comments, {{"body", "gone"}}).status == 500);
    CHECK_THROWS(garden.forge.transfer_issue(kRepository, issue, kRepository, "maria"));
}

TEST_CASE("Gitea: issues are edited with 201, and archived repositories are locked with 423") {
    Garden garden;
    const auto issue =
        repo(fmt::format("/issues/{}", garden.forge.create_issue(kRepository, "A", "", "maria")));
    CHECK(garden.robot->send("PATCH", issue, {{"state", "closed"}}).status == 201);
    CHECK_FALSE(garden.forge.issue(kRepository, 1).open);
    CHECK(garden.robot->send("PATCH", issue, {{"title", std::string(300, 'x')}}).body["title"] ==
          std::string(254, 'x') + "…");
    const auto refused = garden.reader->send("PATCH", issue, {{"title", "mine"}});
    CHECK(refused.status == 403);
    CHECK(refused.body.is_discarded());
    garden.forge.archive_repository(kRepository);
    CHECK(garden.robot->send("POST", issue + "/comments", {{"body", "x"}}).status == 423);
    CHECK(garden.robot->send("POST", repo("/issues"), {{"title", "x"}}).status == 423);
    CHECK(garden.robot->send("GET", repo("")).body["archived"] == true);
    CHECK(garden.robot->send("POST", issue + "/labels", {{"labels", {"bug"}}}).status == 200);
}

TEST_CASE("Gitea: the bot is locked out, thrown out or loses a repository, and its token tells so") {
    Garden garden;
    garden.forge.suspend_app();
    CHECK(garden.robot->send("GET", "/user").status == 403);
    garden.forge.unsuspend_app();
    CHECK(garden.robot->send("GET", repo("")).status == 200);
    garden.forge.remove_from_installation(kRepository);
    CHECK(garden.robot->send("GET", repo("")).status == 404);
    CHECK(garden.robot->send("GET", "/user").status == 200);
    garden.forge.uninstall_app();
    CHECK(garden.robot->send("GET", "/user").status == 401);
    CHECK(garden.maria->send("GET", repo("")).status == 200);
}

TEST_CASE("Gitea: faults speak as the server does, and limits are a proxy's") {
    Garden garden;
    garden.forge.fail({.name = "down", .path = "/repos/*", .status = 503, .message = "Maintenance"});
    CHECK(garden.robot->send("GET", repo("")).body["message"] == "Maintenance");
    for (const auto kind :
         {practice_forge::Fault::Kind::primary_limit, practice_forge::Fault::Kind::secondary_limit}) {
        garden.forge.fail({.name = "limit", .kind = kind, .retry_after = std::chrono::seconds(7)});
        const auto limited = garden.robot->send("GET", repo(""));
        CHECK(limited.status == 429);
        CHECK(header(limited.headers, "Retry-After") == "7");
        CHECK(header(limited.headers, "Content-Type") == "text/html");
    }
    garden.forge.set_rate_limit(0);
    CHECK(garden.robot->send("GET", repo("")).status == 429);
    garden.forge.set_rate_limit(100);
    CHECK(garden.robot->send("POST", repo("/issues"), {{"title", 7}}, malformed()).status == 422);
    CHECK(garden.robot->send("GET", repo("")).status == 200);
    CHECK(garden.forge.requests().back().actor == "robot");
    CHECK(garden.forge.requests().back().path == repo(""));
}

TEST_CASE("Gitea: git takes the token as any user's password, or as the user") {
    Garden garden;
    const Folder folder;
    const auto with = [&](const std::string& credential, const std::string& repository = kRepository) {
        auto url = garden.forge.clone_url(repository);
        return url.insert(7, credential + "@");
    };
    std::string said;
    CHECK_FALSE(git(folder.path, "clone -q " + garden.forge.clone_url(kRepository) + " a"));
    CHECK_FALSE(git(folder.path, "clone -q " + with("robot:wrong") + " b"));
    CHECK(git(folder.path, "clone -q " + with("whoever:token-of-robot") + " c"));
    CHECK(git(folder.path, "clone -q " + with("token-of-robot:") + " d"));
    CHECK(git(folder.path, "clone -q " + with("token-of-robot:x-oauth-basic") + " work"));
    REQUIRE(git(folder.path / "work", "commit -q --allow-empty -m x"));
    REQUIRE_MESSAGE(git(folder.path / "work", "push -q origin HEAD:refs/heads/agent/1", &said), said);
    CHECK(garden.forge.branches(kRepository).contains("agent/1"));
    CHECK_FALSE(
        git(folder.path / "work", "push -q " + with("x:token-of-reader") + " HEAD:refs/heads/r", &said));
    CHECK(said.find("403") != std::string::npos);
    garden.forge.protect_branch(kRepository, "main");
    CHECK_FALSE(git(folder.path / "work", "push -q origin HEAD:refs/heads/main", &said));
    CHECK(said.find("Gitea: Not allowed to push to protected branch main") != std::string::npos);
    garden.forge.rename_repository(kRepository, "acme/gadgets");
    CHECK(git(folder.path / "work", "push -q origin HEAD:refs/heads/agent/2"));
    CHECK(garden.forge.branches("acme/gadgets").contains("agent/2"));
    garden.forge.archive_repository("acme/gadgets");
    CHECK_FALSE(git(folder.path / "work", "push -q origin HEAD:refs/heads/agent/3", &said));
    CHECK(said.find("403") != std::string::npos);
    CHECK(git(folder.path, "clone -q " + with("x:token-of-robot", "acme/gadgets") + " read"));
}
