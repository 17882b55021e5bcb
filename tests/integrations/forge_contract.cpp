#include "tests/integrations/forge_contract.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using forge_tests::Contract;
using forge_tests::must;
using forge_tests::on_each;
using forge_tests::Way;
using forge_tests::ways;
using integrations::Permission;
using Kind = integrations::ForgeError::Kind;

namespace {

void one_issue_to_its_pull_request(const Way& way) {
    Contract world(way);
    auto& practice = world.practice;
    const auto forge = world.connect();
    const auto us = must(forge->self());
    CHECK(us.login == world.our_login());

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
    CHECK(practice.pull_requests("octo/app")[0].title.ends_with("Mend it well"));
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
    if (way.as_app) {
        REQUIRE(practice.check_runs("octo/app").size() == 1);
        CHECK(practice.check_runs("octo/app")[0].conclusion == "success");
        CHECK(practice.check_runs("octo/app")[0].annotations.size() == 1);
    }
    CHECK(must(forge->git_credential(now.repo)).user == world.git_user());
}

void others_checks_are_looked_at(const Way& way) {
    Contract world(way);
    auto& practice = world.practice;
    const auto forge = world.connect();
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
    // Elsewhere jobs are told of by commit statuses alone.
    if (way.on_github() || way.on_gitlab()) CHECK(failed[0].log_tail == "make\nmake: *** [all] Error 1\n");
    if (way.on_github()) {
        REQUIRE(failed[0].annotations.size() == 1);
        CHECK(failed[0].annotations[0].message == "expected y");
    }
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

void a_conflict_is_seen(const Way& way) {
    Contract world(way);
    auto& practice = world.practice;
    const auto forge = world.connect();
    const auto repo = must(forge->repository(world.repo)).repo;
    practice.commit_files("octo/app", "b", {{.path = "README.md", .content = "ours\n"}}, "Ours");
    const auto number = practice.open_pull_request("octo/app", "b", "main", "Ours", "", "ann");
    const auto conflicts = [&] {  // a forge may take its time to find out
        for (int look = 0; look < 10; ++look) {
            const auto said = must(forge->pull_request(repo, number)).conflicts;
            if (said) return *said;
            world.now += std::chrono::seconds(31);
        }
        FAIL("it never says whether there is a conflict");
        return false;
    };
    CHECK_FALSE(conflicts());
    practice.commit_files("octo/app", "main", {{.path = "README.md", .content = "theirs\n"}}, "Theirs");
    CHECK(conflicts());
}

void faults_are_told_apart(const Way& way) {
    Contract world(way);
    const auto forge = world.connect();
    const integrations::ThreadRef issue{.repo = world.repo, .number = world.issue_number};
    REQUIRE(forge->issue(issue).has_value());  // an App has its token now
    world.practice.fail({.name = "down", .kind = practice_forge::Fault::Kind::status, .status = 503});
    CHECK(forge->issue(issue).error().kind == Kind::unreachable);
    world.practice.fail({.name = "broken", .kind = practice_forge::Fault::Kind::wrong_json});
    CHECK(forge->issue(issue).error().kind == Kind::unreachable);
    CHECK(forge->issue(issue).has_value());
    CHECK(forge->issue({.repo = world.repo, .number = 4711}).error().kind == Kind::gone);
    world.practice.fail({.name = "limit", .kind = practice_forge::Fault::Kind::secondary_limit});
    const auto limited = forge->issue(issue);
    REQUIRE_FALSE(limited.has_value());
    CHECK(limited.error().kind == Kind::rate_limited);
    CHECK(limited.error().retry_at.value() > std::chrono::system_clock::now() + std::chrono::seconds(50));
    world.practice.forget_requests();
    CHECK(forge->issue(issue).error().kind == Kind::rate_limited);
    CHECK(world.practice.requests().empty());
}

}  // namespace

TEST_CASE("every forge takes an issue all the way to its pull request") {
    on_each(&one_issue_to_its_pull_request);
}

TEST_CASE("on every forge the failed checks of others are seen") { on_each(&others_checks_are_looked_at); }

TEST_CASE("on every forge a conflict that arises after the pull request was opened is seen") {
    on_each(&a_conflict_is_seen);
}

TEST_CASE("every forge's rate limits park the caller, and its faults are told apart") {
    on_each(&faults_are_told_apart);
}

TEST_CASE("an App that was uninstalled, or whose repository was taken from it, is told so") {
    Contract world(ways[0]);
    world.practice.create_repository({.full_name = "octo/other", .files = {{.path = "a", .content = "b\n"}}});
    const auto forge = world.connect();
    const auto repo = must(forge->repository(world.repo)).repo;
    const auto other = must(forge->repository({.forge = "practice", .full_name = "octo/other"})).repo;
    world.practice.remove_from_installation("octo/other");
    CHECK_FALSE(forge->repository(other).has_value());
    CHECK(forge->repository(repo).has_value());
    world.practice.uninstall_app();
    CHECK(forge->repository(repo).error().kind == Kind::gone);
    CHECK(forge->repository(world.repo).error().kind == Kind::gone);
}

TEST_CASE("as an App the clock of the forge, expired tokens and a renamed repository are no trouble") {
    Contract world(ways[0]);
    world.practice.shift_clock(std::chrono::minutes(25));
    const auto forge = world.connect();
    const auto repo = must(forge->repository(world.repo)).repo;
    const integrations::ThreadRef issue{.repo = repo, .number = world.issue_number};
    CHECK(must(forge->issue(issue)).title == "It breaks");
    world.practice.expire_tokens();
    CHECK(must(forge->issue(issue)).title == "It breaks");
    world.practice.rename_repository("octo/app", "octo/renamed");
    CHECK(must(forge->repository(repo)).repo.full_name == "octo/renamed");
    CHECK(must(forge->issue(issue)).title == "It breaks");
}

TEST_CASE("a renamed repository of Gitea is found under its old name") {
    Contract world(ways[2]);
    const auto forge = world.connect();
    const auto repo = must(forge->repository(world.repo)).repo;
    world.practice.rename_repository("octo/app", "octo/renamed");
    CHECK(must(forge->repository(repo)).repo.full_name == "octo/renamed");
}
