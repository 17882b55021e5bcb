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
        return integrations::connect_github(settings);
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

}  // namespace

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
