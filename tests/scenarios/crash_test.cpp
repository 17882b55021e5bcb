// The daemon is killed when something has been done at the forge that its ledger does not say yet, and people
// go on meanwhile.
#include <doctest/doctest.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "tests/scenarios/factory.hpp"
#include "tests/scenarios/hostile.hpp"
#include "tests/scenarios/scene.hpp"

using practice_forge::Fault;
using practice_forge::PracticeForge;
using scenarios::Asked;
using scenarios::can_run;
using scenarios::contains;
using scenarios::Factory;
using scenarios::maintainer;
using scenarios::Plan;
using scenarios::repository;
using scenarios::Scene;

namespace {

using namespace std::chrono_literals;

const std::string branch = "agent/issue-1-words-are-missing";

Plan plan() {
    return {.files = {{.path = "tests/run.sh", .content = "true\n"}, {.path = "words", .content = "one\n"}},
            .agents = {{"worker", "echo more >> words"}},
            .process = true};
}

/// What these requests do is done, but nobody is told of it for so long that one can kill who asks.
void answers_late(PracticeForge& forge, Asked asked, int skip = 0) {
    forge.fail(at(
        asked,
        {.name = "late", .kind = Fault::Kind::latency, .skip = skip, .after_effect = true, .latency = 6s}));
}

bool happens(const std::function<bool()>& condition) { return PracticeForge::eventually(condition, 60s); }

std::string push_by_hand(PracticeForge& forge) {
    return forge.commit_files(repository, branch, {{.path = "mine", .content = "by hand\n"}}, "By hand",
                              maintainer);
}

/// The daemon is killed as soon as its first branch is at the forge. Returns the issue.
std::int64_t killed_after_the_push(Factory& factory) {
    answers_late(factory.forge, Asked::push);
    const auto issue = factory.ask("Words are missing");
    REQUIRE(happens([&] { return factory.forge.branches(repository).contains(branch); }));
    factory.kill();
    return issue;
}

/// A job that was killed after the push, and is stopped before it can look at the forge again; then the
/// daemon has another start, and the forge is up.
void stopped_then_swept(Factory& factory, std::int64_t issue) {
    factory.forge.fail({.name = "down", .path = "*.git/*", .times = -1});
    factory.start();
    factory.forge.comment(repository, issue, "/agent stop", maintainer);
    REQUIRE(happens([&] { return contains(factory.status(issue), "Stopped by"); }));
    factory.stop();
    factory.forge.clear_faults();
    factory.start();
}

bool is_cleaned(const Factory& factory) {
    return happens(
        [&] { return scenarios::of_job(factory.state_dir() / "ledger.sqlite", "branch_cleaned") == "1"; });
}

}  // namespace

TEST_CASE(
    "a pull request that was opened just before a crash, pushed to and ended by people is the only one") {
    if (!can_run("bubblewrap")) return;
    for (const bool merged : {false, true}) {
        CAPTURE(merged);
        Factory factory(plan());
        auto& forge = factory.forge;
        answers_late(forge, Asked::open_pull_request);
        const auto issue = factory.ask("Words are missing");
        REQUIRE(happens([&] { return !forge.pull_requests(repository).empty(); }));
        factory.kill();
        const auto proposal = forge.pull_requests(repository).front();
        const auto theirs = push_by_hand(forge);
        if (merged)
            (void)forge.merge(repository, proposal.number, maintainer);
        else
            forge.close(repository, proposal, maintainer);
        factory.start();
        CHECK(happens([&] {
            return contains(factory.status(issue), merged ? "was merged" : "closed without merging");
        }));
        CHECK(forge.pull_requests(repository).size() == 1);
        CHECK(forge.branches(repository).at(branch) == theirs);
    }
}

TEST_CASE("a pull request that people opened again before its branch was taken away keeps it") {
    if (!can_run("bubblewrap")) return;
    Factory factory(plan());
    auto& forge = factory.forge;
    const auto issue = factory.ask("Words are missing");
    REQUIRE(factory.reaches(issue, "review"));
    const auto proposal = factory.pull_request_of(issue).value();
    forge.fail({.name = "down", .path = "*.git/*", .times = -1});
    forge.close(repository, proposal, maintainer);
    REQUIRE(happens([&] { return contains(factory.status(issue), "closed without merging"); }));
    factory.stop();
    forge.clear_faults();
    REQUIRE(forge.reopen(repository, proposal, maintainer));
    forge.fail(at(Asked::what_was_said,  // the sweep asks that when it is done with branches
                  {.name = "looked", .kind = Fault::Kind::latency, .after_effect = true}));
    factory.start();
    REQUIRE(happens([&] { return forge.faults_left("looked") == 0; }));
    CHECK(forge.branches(repository).contains(branch));
    CHECK(forge.pull_requests(repository).front().open);
}

TEST_CASE("a branch that was pushed just before a crash goes when its job is stopped") {
    if (!can_run("bubblewrap")) return;
    Factory factory(plan());
    const auto issue = killed_after_the_push(factory);
    stopped_then_swept(factory, issue);
    CHECK(happens([&] { return !factory.forge.branches(repository).contains(branch); }));
}

TEST_CASE("a branch that was pushed just before a crash stays when people have pushed to it") {
    if (!can_run("bubblewrap")) return;
    Factory factory(plan());
    const auto issue = killed_after_the_push(factory);
    const auto theirs = push_by_hand(factory.forge);
    stopped_then_swept(factory, issue);
    REQUIRE(is_cleaned(factory));
    CHECK(factory.forge.branches(repository).at(branch) == theirs);
}

TEST_CASE("a branch that was pushed just before a crash is the job's, whatever people put on top of it") {
    if (!can_run("bubblewrap")) return;
    Factory factory(plan());
    auto& forge = factory.forge;
    const auto issue = killed_after_the_push(factory);
    const auto theirs = push_by_hand(forge);
    factory.start();
    REQUIRE(factory.reaches(issue, "review"));
    CHECK(factory.pull_request_of(issue)->head_branch == branch);
    CHECK(factory.pull_request_of(issue)->head_sha == theirs);
    CHECK(forge.branches(repository).size() == 2);
}

TEST_CASE("a branch that the forge refuses to take away for a while goes later") {
    if (!can_run("bubblewrap")) return;
    Scene scene(plan());
    auto& forge = scene.factory.forge;
    scene.factory.stop();
    forge.close(repository, scene.proposal, maintainer);
    forge.fail({.name = "refused", .path = "*/git-receive-pack", .times = -1, .status = 403});
    forge.fail({.name = "refused", .path = "*.git/info/refs", .times = -1, .status = 401});
    scene.factory.start();
    REQUIRE(happens([&] {
        return contains(scenarios::bytes_of(scene.factory.directory() / "shopfloor.log"),
                        "agent/issue-1-words-are-missing stays");
    }));
    scene.factory.stop();
    CHECK(forge.branches(repository).contains(branch));
    forge.clear_faults();
    scene.factory.start();
    CHECK(happens([&] { return !forge.branches(repository).contains(branch); }));
}

TEST_CASE("a change that was pushed just before a crash is told as done, whatever people put on top of it") {
    if (!can_run("bubblewrap")) return;
    for (const std::string words : {"refine say more", "retry"}) {
        CAPTURE(words);
        Scene scene(plan());
        auto& factory = scene.factory;
        auto& forge = factory.forge;
        // Of another try the first push keeps what was there.
        answers_late(forge, Asked::push, words == "retry" ? 1 : 0);
        forge.comment(repository, scene.proposal, "/agent " + words, maintainer);
        REQUIRE(scene.gets_new_commit());
        factory.kill();
        const auto ours = scene.now().head_sha;
        const auto theirs = push_by_hand(forge);
        factory.start();
        REQUIRE(scene.hears(ours.substr(0, 10)));
        REQUIRE(factory.reaches(scene.issue, "review"));
        CHECK(scene.now().head_sha == theirs);
        CHECK(forge.commit(repository, theirs).parents == std::vector{ours});
        CHECK(forge.branches(repository).size() == 2);
        for (const auto& answer : factory.answers(scene.proposal))
            CHECK_FALSE(contains(answer, "Somebody pushed to"));
        // Asked once more it goes on from what people made of it.
        forge.comment(repository, scene.proposal, "/agent refine say more", maintainer);
        CHECK(happens([&] { return scene.now().head_sha != theirs; }));
        CHECK(forge.commit(repository, scene.now().head_sha).parents == std::vector{theirs});
    }
}
