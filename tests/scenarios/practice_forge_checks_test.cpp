#include <doctest/doctest.h>
#include <fmt/format.h>

#include <ctime>
#include <fstream>
#include <string>
#include <vector>

#include "tests/scenarios/practice_yard.hpp"

/// The practice forge plays CI, pushes, and what befalls whole repositories.
using nlohmann::json;
using practice_yard::app_token;
using practice_yard::Caller;
using practice_yard::Folder;
using practice_yard::git;
using practice_yard::header;
using practice_yard::kRepository;
using practice_yard::Listener;
using practice_yard::repo;
using practice_yard::with_token;
using practice_yard::Yard;

namespace {

/// A yard that somebody listens to, with a commit that CI looks at.
struct Works : Yard {
    Listener listener;
    practice_forge::KeyPair keys = practice_forge::make_key_pair();
    std::string head;

    Works() {
        forge.set_app({.id = 7, .public_key = keys.public_pem});
        forge.set_hook({.url = listener.url(), .secret = "s"});
        head = forge.commit_files(kRepository, "b", {{"src/a.txt", "three\n"}}, "Three", "maria");
    }
    std::vector<json> told(const std::string& event) {
        REQUIRE(forge.hooks_sent());
        return listener.payloads(event);
    }
    [[nodiscard]] Caller as_app() const {
        const auto now = std::time(nullptr);
        return {forge, app_token(keys.private_pem, 7, now - 60, now + 540)};
    }
    [[nodiscard]] std::string installation_token() const {
        const auto minted = as_app().send("POST", "/app/installations/101/access_tokens");
        REQUIRE(minted.status == 201);
        return minted.body["token"];
    }
    [[nodiscard]] std::string runs(const std::string& query) const {
        return repo("/commits/" + head + "/check-runs" + query);
    }
};

}  // namespace

TEST_CASE("a CI job ends, and its suite is told when no job of the commit goes on") {
    Works works;
    works.forge.begin_check(kRepository, works.head, "test");
    works.forge.finish_check(kRepository, works.head, "build", "failure");
    CHECK(works.told("check_suite").empty());
    CHECK(works.told("check_run").size() == 1);
    works.forge.finish_check(kRepository, works.head, "test", "success");
    auto suites = works.told("check_suite");
    REQUIRE(suites.size() == 1);
    CHECK(suites[0]["action"] == "completed");
    CHECK(suites[0]["check_suite"]["conclusion"] == "failure");
    CHECK(suites[0]["check_suite"]["head_sha"] == works.head);
    CHECK(suites[0]["check_suite"]["app"]["slug"] == "github-actions");

    works.forge.finish_check(kRepository, works.head, "build", "success");
    suites = works.told("check_suite");
    REQUIRE(suites.size() == 2);
    CHECK(suites[1]["check_suite"]["conclusion"] == "success");
    CHECK(suites[1]["check_suite"]["id"] == suites[0]["check_suite"]["id"]);
    Caller maria(works.forge, "token-of-maria");
    CHECK(maria.send("GET", works.runs("")).body["total_count"] == 2);
    CHECK(maria.send("GET", works.runs("?filter=latest")).body["total_count"] == 2);
    const auto every = maria.send("GET", works.runs("?filter=all")).body;
    CHECK(every["total_count"] == 3);
    CHECK(every["check_runs"][0]["conclusion"] == "success");
    CHECK(every["check_runs"][0]["id"] > every["check_runs"][1]["id"]);
}

TEST_CASE("the app's own check has a suite of its own, which is told as well") {
    Works works;
    Caller bot(works.forge, works.installation_token());
    works.forge.finish_check(kRepository, works.head, "build", "success");
    const json run = {{"name", "evidence"},
                      {"head_sha", works.head},
                      {"status", "completed"},
                      {"conclusion", "failure"},
                      {"output", {{"title", "Red"}, {"summary", "red"}}}};
    REQUIRE(bot.send("POST", repo("/check-runs"), run).status == 201);
    const auto suites = works.told("check_suite");
    REQUIRE(suites.size() == 2);
    CHECK(suites[1]["check_suite"]["app"]["slug"] == "shopfloor-practice");
    CHECK(suites[1]["check_suite"]["conclusion"] == "failure");
    const auto theirs = works.forge.check_runs(kRepository).front().id;
    CHECK(bot.send("PATCH", repo(fmt::format("/check-runs/{}", theirs)),
                   {{"output", {{"title", "x"}, {"summary", "x"}}}})
              .status == 403);
}

TEST_CASE("a job's annotations and log can be read, the log without a credential only") {
    Works works;
    std::vector<practice_forge::Annotation> notes;
    for (int line = 1; line <= 60; ++line)
        notes.push_back({.path = "src/a.txt",
                         .level = "failure",
                         .title = "",
                         .message = fmt::format("line {}", line),
                         .start_line = line,
                         .end_line = line});
    works.forge.finish_check(kRepository, works.head, "build", "failure", notes, "make: *** Error 1\n");
    works.forge.finish_check(kRepository, works.head, "quiet", "failure");
    const auto runs = works.forge.check_runs(kRepository);
    REQUIRE(runs.size() == 2);
    Caller maria(works.forge, "token-of-maria");
    const auto one = repo(fmt::format("/check-runs/{}/annotations", runs[0].id));
    const auto page = maria.send("GET", one + "?per_page=50&page=2");
    REQUIRE(page.body.size() == 10);
    CHECK(page.body[9]["message"] == "line 60");

    const auto log = maria.send("GET", repo(fmt::format("/actions/jobs/{}/logs", runs[0].id)));
    CHECK(log.status == 302);
    const auto address = header(log.headers, "Location");
    REQUIRE(address.starts_with(works.forge.url() + "/practice/logs/"));
    const auto path = address.substr(works.forge.url().size());
    httplib::Client store(works.forge.url());
    CHECK(store.Get(path)->body == "make: *** Error 1\n");
    CHECK(store.Get(path, {{"Authorization", "Bearer token-of-maria"}})->status == 403);
    CHECK(store.Get(path.substr(0, path.size() - 1))->status == 403);
    CHECK(maria.send("GET", repo(fmt::format("/actions/jobs/{}/logs", runs[1].id))).status == 404);
    CHECK(maria.send("GET", repo("/actions/jobs/1/logs")).status == 404);
}

TEST_CASE("others set statuses, and the newest of each context counts") {
    Works works;
    works.forge.set_status(kRepository, works.head, "ci/build", "pending", "running");
    works.forge.set_status(kRepository, works.head, "ci/build", "failure", "broken", "jenkins");
    works.forge.set_status(kRepository, works.head, "ci/lint", "success", "clean");
    const auto told = works.told("status");
    REQUIRE(told.size() == 3);
    CHECK(told[1]["state"] == "failure");
    CHECK(told[1]["sha"] == works.head);
    CHECK(told[1]["sender"]["login"] == "jenkins");
    CHECK(told[1]["branches"][0]["name"] == "b");
    Caller maria(works.forge, "token-of-maria");
    const auto combined = maria.send("GET", repo("/commits/" + works.head + "/status")).body;
    CHECK(combined["state"] == "failure");
    CHECK(combined["total_count"] == 2);
    const auto all = maria.send("GET", repo("/commits/" + works.head + "/statuses")).body;
    REQUIRE(all.size() == 3);
    CHECK(all[0]["context"] == "ci/lint");
    CHECK(all[1]["creator"]["login"] == "jenkins");
}

TEST_CASE("whoever moves a branch, it is told, and the pull request at it follows") {
    Works works;
    auto& forge = works.forge;
    const auto main = forge.branches(kRepository).at("main");
    CHECK(works.told("push").at(0)["created"] == true);
    CHECK(works.told("push").at(0)["before"] == std::string(40, '0'));
    CHECK(works.told("push").at(0)["commits"].size() == 1);
    const auto number = forge.open_pull_request(kRepository, "b", "main", "Three", "", "maria");

    const Folder folder;
    REQUIRE(git(folder.path, "clone -q " + with_token(forge, "token-of-maria") + " work"));
    const auto work = folder.path / "work";
    REQUIRE(git(work, "checkout -q b"));
    REQUIRE(git(work, "commit -q --allow-empty -m more"));
    REQUIRE(git(work, "push -q origin b HEAD:refs/heads/c HEAD:refs/tags/v1 HEAD:refs/shopfloor/kept"));
    auto told = works.told("push");
    REQUIRE(told.size() == 3);  // what is no branch is no news here
    CHECK(told[1]["ref"] == "refs/heads/b");
    CHECK(told[1]["before"] == works.head);
    CHECK(told[1]["after"] == forge.branches(kRepository).at("b"));
    CHECK(told[1]["forced"] == false);
    CHECK(told[1]["sender"]["login"] == "maria");
    CHECK(told[2]["ref"] == "refs/heads/c");
    CHECK(works.told("pull_request").back()["action"] == "synchronize");

    REQUIRE(git(work, "commit -q --amend --allow-empty -m else"));
    REQUIRE(git(work, "push -q --force origin b :c"));
    told = works.told("push");
    REQUIRE(told.size() == 5);
    CHECK(told[3]["forced"] == true);
    CHECK(told[4]["deleted"] == true);
    CHECK(told[4]["after"] == std::string(40, '0'));
    forge.protect_branch(kRepository, "b");
    REQUIRE(git(work, "commit -q --allow-empty -m refused"));
    CHECK_FALSE(git(work, "push -q origin b"));
    CHECK(works.told("push").size() == 5);

    const auto merged = forge.merge(kRepository, number, "maria");
    told = works.told("push");
    REQUIRE(told.size() == 6);
    CHECK(told[5]["ref"] == "refs/heads/main");
    CHECK(told[5]["before"] == main);
    CHECK(told[5]["after"] == merged);
}

TEST_CASE("a pull request's conflicts are found out anew when its base moves") {
    Works works;
    const auto number = works.forge.open_pull_request(kRepository, "b", "main", "Three", "", "maria");
    Caller maria(works.forge, "token-of-maria");
    const auto pull = repo(fmt::format("/pulls/{}", number));
    CHECK(maria.send("GET", pull).body["mergeable"] == true);
    works.forge.commit_files(kRepository, "main", {{"src/a.txt", "four\n"}}, "Four");
    CHECK(maria.send("GET", pull).body["mergeable"] == false);
    works.forge.commit_files(kRepository, "b", {{"src/a.txt", "four\n"}}, "Four too");
    CHECK(maria.send("GET", pull).body["mergeable"] == true);
}

TEST_CASE("a locked issue lets only those talk who may push") {
    Works works;
    const auto issue = works.forge.create_issue(kRepository, "Heated", "", "maria");
    works.forge.lock(kRepository, issue, "maria");
    CHECK(works.told("issues").back()["action"] == "locked");
    CHECK(works.told("issues").back()["issue"]["locked"] == true);
    const auto comments = repo(fmt::format("/issues/{}/comments", issue));
    CHECK(Caller(works.forge, "token-of-reader").send("POST", comments, {{"body", "hi"}}).status == 403);
    CHECK(Caller(works.forge, "token-of-maria").send("POST", comments, {{"body", "hi"}}).status == 201);
}

TEST_CASE("a transferred issue is another repository's, and its old address leads there") {
    Works works;
    works.forge.create_repository({.full_name = "acme/other", .files = {{"a", "b\n"}}});
    const auto issue = works.forge.create_issue(kRepository, "Elsewhere", "", "maria", {"bug", "mine"});
    works.forge.comment(kRepository, issue, "It is about the other one.", "maria");
    const auto there = works.forge.transfer_issue(kRepository, issue, "acme/other", "maria");
    const auto told = works.told("issues");
    CHECK(told.at(told.size() - 2)["action"] == "transferred");
    CHECK(told.at(told.size() - 2)["repository"]["full_name"] == kRepository);
    CHECK(told.at(told.size() - 2)["changes"]["new_issue"]["number"] == there);
    CHECK(told.back()["action"] == "opened");
    CHECK(told.back()["repository"]["full_name"] == "acme/other");
    const auto now = works.forge.issue("acme/other", there);
    CHECK(now.title == "Elsewhere");
    CHECK(now.labels == std::vector<std::string>{"bug"});
    CHECK(now.comments.size() == 1);
    CHECK_THROWS(works.forge.issue(kRepository, issue));

    works.forge.add_collaborator("acme/other", "maria", practice_forge::Permission::write);
    Caller maria(works.forge, "token-of-maria");
    const auto moved = maria.send("GET", repo(fmt::format("/issues/{}", issue)));
    CHECK(moved.status == 301);
    const auto address = header(moved.headers, "Location");
    REQUIRE(address.starts_with(works.forge.api_url()));
    CHECK(maria.send("GET", address.substr(works.forge.api_url().size())).body["title"] == "Elsewhere");
}

TEST_CASE("a repository's new name, new owner and end are told") {
    Works works;
    works.forge.rename_repository(kRepository, "acme/gadgets");
    auto told = works.told("repository");
    REQUIRE(told.size() == 1);
    CHECK(told[0]["action"] == "renamed");
    CHECK(told[0]["changes"]["repository"]["name"]["from"] == "widgets");
    CHECK(told[0]["repository"]["full_name"] == "acme/gadgets");
    works.forge.rename_repository("acme/gadgets", "octo/gadgets");
    told = works.told("repository");
    REQUIRE(told.size() == 2);
    CHECK(told[1]["action"] == "transferred");
    CHECK(told[1]["changes"]["owner"]["from"]["user"]["login"] == "acme");
    Caller maria(works.forge, "token-of-maria");
    CHECK(maria.send("GET", repo("/issues")).status == 301);
    CHECK(maria.send("GET", "/repos/acme/gadgets/issues").status == 301);

    const Folder folder;
    REQUIRE(git(folder.path, "clone -q " + with_token(works.forge, "token-of-maria") + " work"));
    REQUIRE(git(folder.path / "work", "commit -q --allow-empty -m x"));
    works.forge.archive_repository("octo/gadgets");
    CHECK(works.told("repository").back()["action"] == "archived");
    CHECK(maria.send("GET", "/repos/octo/gadgets").body["archived"] == true);
    CHECK(maria.send("POST", "/repos/octo/gadgets/issues", {{"title", "x"}}).status == 403);
    CHECK_FALSE(git(folder.path / "work", "push -q origin HEAD:refs/heads/late"));
    works.forge.delete_repository("octo/gadgets");
    CHECK(works.told("repository").back()["action"] == "deleted");
    CHECK(maria.send("GET", "/repos/octo/gadgets").status == 404);
}

TEST_CASE("a repository taken out of the installation is out of the app's sight and hearing") {
    Works works;
    works.forge.create_repository({.full_name = "acme/other", .files = {{"a", "b\n"}}});
    Caller bot(works.forge, works.installation_token());
    CHECK(bot.send("GET", "/repos/acme/other").status == 200);
    works.forge.remove_from_installation("acme/other");
    const auto told = works.told("installation_repositories");
    REQUIRE(told.size() == 1);
    CHECK(told[0]["repositories_removed"][0]["full_name"] == "acme/other");
    CHECK_FALSE(told[0].contains("repository"));
    CHECK(bot.send("GET", "/repos/acme/other").status == 404);
    CHECK(bot.send("GET", "/installation/repositories").body["total_count"] == 1);
    CHECK(works.as_app().send("GET", "/repos/acme/other/installation").status == 404);
    CHECK(works.as_app()
              .send("POST", "/app/installations/101/access_tokens", {{"repositories", {"other"}}})
              .status == 422);
    const auto heard = works.listener.heard().size();
    works.forge.create_issue("acme/other", "Unheard", "", "maria");
    REQUIRE(works.forge.hooks_sent());
    CHECK(works.listener.heard().size() == heard);
    works.forge.create_issue(kRepository, "Heard", "", "maria");
    CHECK(works.told("issues").back()["issue"]["title"] == "Heard");
}

TEST_CASE("an app that was uninstalled is refused everywhere and hears nothing more") {
    Works works;
    const auto token = works.installation_token();
    Caller bot(works.forge, token);
    CHECK(bot.send("GET", repo("")).status == 200);
    works.forge.uninstall_app();
    const auto told = works.told("installation");
    REQUIRE(told.size() == 1);
    CHECK(told[0]["action"] == "deleted");
    CHECK(told[0]["installation"]["id"] == 101);
    CHECK(told[0]["repositories"][0]["full_name"] == kRepository);
    CHECK(bot.send("GET", repo("")).status == 401);
    CHECK(works.as_app().send("POST", "/app/installations/101/access_tokens").status == 404);
    CHECK(works.as_app().send("GET", "/app/installations").body.empty());
    CHECK(works.as_app().send("GET", repo("/installation")).status == 404);
    const Folder folder;
    CHECK_FALSE(git(folder.path, "clone -q " + with_token(works.forge, token) + " none"));
    works.forge.create_issue(kRepository, "Unheard", "", "maria");
    CHECK(works.told("issues").empty());
}
