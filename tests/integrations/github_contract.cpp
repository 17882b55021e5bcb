// The same verbs against the practice forge, a working GitHub look-alike: once with a plain token, once as an
// App.

#include <doctest/doctest.h>

#include <functional>
#include <string>

#include "integrations/forge.hpp"
#include "integrations/github.hpp"
#include "tests/practice_forge/practice_forge.hpp"

using integrations::Permission;
using practice_forge::PracticeForge;
using Kind = integrations::ForgeError::Kind;

namespace {

struct Contract {
    PracticeForge practice;
    practice_forge::KeyPair keys = practice_forge::make_key_pair();
    integrations::RepoRef repo{.forge = "practice", .full_name = "octo/app"};
    std::int64_t issue_number = 0;

    Contract() {
        practice.create_repository(
            {.full_name = "octo/app", .files = {{.path = "README.md", .content = "# App\n"}}});
        practice.add_collaborator("octo/app", "ann", practice_forge::Permission::write);
        practice.add_collaborator("octo/app", "rita", practice_forge::Permission::read);
        practice.add_collaborator("octo/app", "robot", practice_forge::Permission::write);
        practice.add_token("robot", "ghp_practice");
        practice.set_app({.public_key = keys.public_pem});
        issue_number = practice.create_issue("octo/app", "It breaks", "Every time.", "ann", {"agent"});
    }
    std::unique_ptr<integrations::Forge> connect(bool as_app) {
        config::ForgeSettings settings{
            .name = "practice", .api_url = practice.api_url(), .repositories = {"octo/app"}};
        if (as_app) {
            settings.app =
                config::AppCredentials{.app_id = "1", .private_key = config::Secret(keys.private_pem)};
        } else {
            settings.token = config::Secret("ghp_practice");
        }
        // A token that is refused while it is new is tried again, without the wait that real forges want.
        return integrations::connect_github(settings, {.sleep = [](std::chrono::milliseconds) {}});
    }
};

template <typename T>
T must(integrations::ForgeResult<T> result) {
    if (!result) FAIL(result.error().message);
    return *std::move(result);
}
void must(integrations::ForgeResult<void> result) {
    if (!result) FAIL(result.error().message);
}

void one_issue_to_its_pull_request(bool as_app) {
    Contract world;
    auto& practice = world.practice;
    const auto forge = world.connect(as_app);
    const auto us = must(forge->self());
    CHECK(us.login == (as_app ? practice.app_login() : "robot"));

    const auto now = must(forge->repository(world.repo));
    CHECK(now.repo.clone_url == practice.clone_url("octo/app"));
    CHECK(now.head_commit == practice.branches("octo/app").at("main"));
    const integrations::ThreadRef issue{.repo = now.repo, .number = world.issue_number};
    CHECK(must(forge->permission(now.repo, {.login = "ann"})) == Permission::write);
    CHECK(must(forge->permission(now.repo, {.login = "rita"})) == Permission::read);
    CHECK(must(forge->permission(now.repo, {.login = "nobody"})) < Permission::write);

    const auto found = must(forge->labelled("agent"));
    REQUIRE(found.size() == 1);
    CHECK(found[0].issue == issue);

    CHECK(must(forge->issue(issue)).title == "It breaks");
    CHECK(must(forge->closing(issue)).empty());
    must(forge->relabel(issue, {"agent", "absent"}, {"agent-state: queued"}));
    must(forge->relabel(issue, {"agent", "absent"}, {"agent-state: queued"}));
    CHECK(practice.issue("octo/app", issue.number).labels == std::vector<std::string>{"agent-state: queued"});
    must(forge->react(issue, std::nullopt, integrations::Reaction::eyes));
    CHECK(practice.issue("octo/app", issue.number).reactions.at(0).content == "eyes");

    const auto comment = must(forge->say(issue, "job=1 kind=status", "Queued.", ""));
    CHECK(must(forge->say(issue, "job=1 kind=status", "Working.", comment)) == comment);
    CHECK(must(forge->say(issue, "job=1 kind=status", "Done.", "")) == comment);
    REQUIRE(practice.issue("octo/app", issue.number).comments.size() == 1);
    CHECK(practice.issue("octo/app", issue.number).comments[0].body.starts_with("Done."));

    const std::string branch = "agent/issue-" + std::to_string(issue.number) + "-it-breaks";
    const auto head =
        practice.commit_files("octo/app", branch, {{.path = "a.txt", .content = "mended\n"}}, "Mend");
    integrations::Proposal proposal{.repo = now.repo,
                                    .head_branch = branch,
                                    .head_sha = head,
                                    .base_branch = "main",
                                    .title = "Mend it",
                                    .body = "Fixes #" + std::to_string(issue.number),
                                    .draft = true};
    const auto pull = must(forge->propose(proposal));
    CHECK(pull.head_sha == head);
    CHECK(pull.draft);
    proposal.title = "Mend it well";
    const auto again = must(forge->propose(proposal));
    CHECK(again.number == pull.number);
    REQUIRE(practice.pull_requests("octo/app").size() == 1);
    CHECK(practice.pull_requests("octo/app")[0].title == "Mend it well");
    const auto closing = must(forge->closing(issue));
    REQUIRE(closing.size() == 1);
    CHECK(closing[0].number == pull.number);

    const integrations::CheckReport report{.name = "shopfloor",
                                           .head_sha = head,
                                           .external_id = "job-1",
                                           .conclusion = integrations::CheckReport::Conclusion::success,
                                           .title = "All checks passed",
                                           .summary = "fine",
                                           .annotations = {{.path = "a.txt", .message = "look"}},
                                           .details_url = {}};
    must(forge->report_check(now.repo, report));
    must(forge->report_check(now.repo, report));
    if (as_app) {
        REQUIRE(practice.check_runs("octo/app").size() == 1);
        CHECK(practice.check_runs("octo/app")[0].conclusion == "success");
        CHECK(practice.check_runs("octo/app")[0].annotations.size() == 1);
    }
    CHECK(must(forge->git_credential(now.repo)).user == "x-access-token");
}

void others_checks_are_looked_at(bool as_app) {
    Contract world;
    auto& practice = world.practice;
    const auto forge = world.connect(as_app);
    const auto repo = must(forge->repository(world.repo)).repo;
    const auto head = practice.commit_files("octo/app", "b", {{.path = "a.txt", .content = "x\n"}}, "Change");
    CHECK(must(forge->failed_checks(repo, head)).empty());

    must(forge->report_check(repo, {.name = "shopfloor",
                                    .head_sha = head,
                                    .external_id = "job-1",
                                    .conclusion = integrations::CheckReport::Conclusion::failure,
                                    .title = "1 of 1 checks failed",
                                    .summary = "red",
                                    .annotations = {},
                                    .details_url = {}}));
    CHECK(must(forge->failed_checks(repo, head)).empty());

    practice.begin_check("octo/app", head, "test");
    practice.finish_check("octo/app", head, "build", "failure",
                          {{.path = "a.txt",
                            .level = "failure",
                            .title = "a.txt",
                            .message = "expected y",
                            .start_line = 1,
                            .end_line = 1}},
                          "make\nmake: *** [all] Error 1\n");
    practice.set_status("octo/app", head, "ci/old", "failure", "3 of 4 passed");
    CHECK(must(forge->failed_checks(repo, head)).empty());  // `test` goes on
    practice.finish_check("octo/app", head, "test", "success");
    const auto failed = must(forge->failed_checks(repo, head));
    REQUIRE(failed.size() == 2);
    CHECK(failed[0].name == "build");
    CHECK(failed[0].log_tail == "make\nmake: *** [all] Error 1\n");
    REQUIRE(failed[0].annotations.size() == 1);
    CHECK(failed[0].annotations[0].message == "expected y");
    CHECK(failed[1].name == "ci/old");
    CHECK(failed[1].summary == "3 of 4 passed");
    for (const auto& request : practice.requests()) {
        if (request.path.starts_with("/practice/logs/")) CHECK(request.headers.count("authorization") == 0);
    }

    practice.finish_check("octo/app", head, "build", "success");
    practice.set_status("octo/app", head, "ci/old", "success", "4 of 4 passed");
    CHECK(must(forge->failed_checks(repo, head)).empty());
    practice.finish_check("octo/app", head, "build", "timed_out");
    const auto flaky = must(forge->failed_checks(repo, head));
    REQUIRE(flaky.size() == 1);
    CHECK(flaky[0].flaky);
}

}  // namespace

TEST_CASE("with a plain token the failed checks of others are seen, with their logs") {
    others_checks_are_looked_at(false);
}

TEST_CASE("as an App the failed checks of others are seen, with their logs") {
    others_checks_are_looked_at(true);
}

TEST_CASE("a conflict that arises after the pull request was opened is seen") {
    Contract world;
    auto& practice = world.practice;
    const auto forge = world.connect(true);
    const auto repo = must(forge->repository(world.repo)).repo;
    practice.commit_files("octo/app", "b", {{.path = "README.md", .content = "ours\n"}}, "Ours");
    const auto number = practice.open_pull_request("octo/app", "b", "main", "Ours", "", "ann");
    CHECK(must(forge->pull_request(repo, number)).conflicts == false);
    practice.commit_files("octo/app", "main", {{.path = "README.md", .content = "theirs\n"}}, "Theirs");
    CHECK(must(forge->pull_request(repo, number)).conflicts == true);
}

TEST_CASE("an App that was uninstalled, or whose repository was taken from it, is told so") {
    Contract world;
    world.practice.create_repository({.full_name = "octo/other", .files = {{.path = "a", .content = "b\n"}}});
    const auto forge = world.connect(true);
    const auto repo = must(forge->repository(world.repo)).repo;
    const auto other = must(forge->repository({.forge = "practice", .full_name = "octo/other"})).repo;
    world.practice.remove_from_installation("octo/other");
    CHECK_FALSE(forge->repository(other).has_value());
    CHECK(forge->repository(repo).has_value());
    world.practice.uninstall_app();
    CHECK(forge->repository(repo).error().kind == Kind::gone);
    CHECK(forge->repository(world.repo).error().kind == Kind::gone);
}

TEST_CASE("with a plain token the practice forge takes an issue all the way") {
    one_issue_to_its_pull_request(false);
}

TEST_CASE("as an App the practice forge takes an issue all the way") { one_issue_to_its_pull_request(true); }

TEST_CASE("as an App the clock of the forge, expired tokens and a renamed repository are no trouble") {
    Contract world;
    world.practice.shift_clock(std::chrono::minutes(25));
    const auto forge = world.connect(true);
    const auto repo = must(forge->repository(world.repo)).repo;
    const integrations::ThreadRef issue{.repo = repo, .number = world.issue_number};
    CHECK(must(forge->issue(issue)).title == "It breaks");
    world.practice.expire_tokens();
    CHECK(must(forge->issue(issue)).title == "It breaks");
    world.practice.rename_repository("octo/app", "octo/renamed");
    CHECK(must(forge->repository(repo)).repo.full_name == "octo/renamed");
    CHECK(must(forge->issue(issue)).title == "It breaks");
}

TEST_CASE("the practice forge's rate limits park the caller, and its faults are told apart") {
    Contract world;
    const auto forge = world.connect(false);
    const integrations::ThreadRef issue{.repo = world.repo, .number = world.issue_number};
    world.practice.fail({.name = "down", .kind = practice_forge::Fault::Kind::status, .status = 503});
    CHECK(forge->issue(issue).error().kind == Kind::unreachable);
    world.practice.fail({.name = "broken", .kind = practice_forge::Fault::Kind::wrong_json});
    CHECK(forge->issue(issue).error().kind == Kind::unreachable);
    CHECK(forge->issue(issue).has_value());
    world.practice.fail({.name = "limit", .kind = practice_forge::Fault::Kind::secondary_limit});
    const auto limited = forge->issue(issue);
    REQUIRE_FALSE(limited.has_value());
    CHECK(limited.error().kind == Kind::rate_limited);
    CHECK(limited.error().retry_at.value() > std::chrono::system_clock::now() + std::chrono::seconds(50));
    world.practice.forget_requests();
    CHECK(forge->issue(issue).error().kind == Kind::rate_limited);
    CHECK(world.practice.requests().empty());
}
