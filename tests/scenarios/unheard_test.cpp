// What people say while nobody listens, or what the forge does not tell of: it is heard all the same, once.
#include <SQLiteCpp/SQLiteCpp.h>
#include <doctest/doctest.h>

#include <chrono>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "bot/sentences.hpp"
#include "tests/scenarios/factory.hpp"
#include "tests/scenarios/hostile.hpp"
#include "tests/scenarios/post_office.hpp"
#include "tests/scenarios/scene.hpp"

using practice_forge::HookFault;
using practice_forge::PracticeForge;
using scenarios::can_run;
using scenarios::contains;
using scenarios::Factory;
using scenarios::maintainer;
using scenarios::Plan;
using scenarios::repository;
using scenarios::Scene;

namespace {

Plan plan_that_is_told_nothing() {
    return {
        .files = {{.path = "tests/run.sh", .content = "true\n"}, {.path = "words", .content = "none\n"}},
        .agents = {{"worker", "echo more >> words"},
                   {"zz-asker",
                    "if grep -q 'in euros'; then echo euros >> words; else echo 'QUESTION: Which?'; fi"}}};
}

std::int64_t jobs_in(const Factory& factory) {
    return scenarios::rows_of(factory.state_dir() / "ledger.sqlite").at("jobs");
}

bool is_in_time(const std::function<bool()>& condition) {
    return PracticeForge::eventually(condition, std::chrono::seconds(60));
}

/// The next daemon has asked the forge what was said, and is done with the answer.
void starts_and_looks(Factory& factory) {
    factory.forge.fail(scenarios::at(
        scenarios::Asked::what_was_said,
        {.name = "looked", .kind = practice_forge::Fault::Kind::latency, .after_effect = true}));
    factory.start();
    REQUIRE(is_in_time([&] { return factory.forge.faults_left("looked") == 0; }));
    std::this_thread::sleep_for(std::chrono::seconds(1));  // what it found is in the inbox by then
    REQUIRE(scenarios::comes_to_rest(factory));
}

/// A pull request that has waited for an hour, when the forge tells of nothing but a push to its base.
struct Waiting {
    Scene scene{plan_that_is_told_nothing()};
    PracticeForge& forge = scene.factory.forge;
    scenarios::PostOffice post{scene.factory};
    std::int64_t push = 0;

    Waiting() {
        forge.commit_files(repository, "main", {{.path = "more", .content = "x\n"}}, "more", maintainer);
        push = post.told("push", 0);
        SQLite::Database ledger(file().string(), SQLite::OPEN_READWRITE, 5000);
        ledger.exec("UPDATE jobs SET state_since = state_since - 3600000");
    }
    [[nodiscard]] std::filesystem::path file() const { return scene.factory.state_dir() / "ledger.sqlite"; }
    /// The bot looks what became of it.
    [[nodiscard]] bool comes_to_be(std::string_view state) const {
        post.hand_over(push);
        return is_in_time([&] { return scenarios::states_of(scene.factory, scene.issue) == state; });
    }
    [[nodiscard]] bool ended_because(std::string_view words) const {
        return contains(scenarios::of_job(file(), "reason"), words);
    }
};

}  // namespace

TEST_CASE("a command that was said while nobody listened is carried out when somebody does, and once") {
    if (!can_run("bubblewrap")) return;
    Factory factory(plan_that_is_told_nothing());
    auto& forge = factory.forge;
    const auto first = factory.ask("Words are missing");
    REQUIRE(factory.reaches(first, "review"));  // a delivery has come: the daemon is known here
    const auto issue = forge.create_issue(repository, "More words", "Please.", maintainer);
    factory.stop();
    forge.script_hook({.kind = HookFault::Kind::vanish, .times = 100});
    forge.comment(repository, issue, "Somebody should do this.", maintainer);
    forge.comment(repository, issue, "/agent run", maintainer);
    factory.start();
    CHECK(factory.reaches(issue, "review"));
    for (int starts = 0; starts < 2; ++starts) {
        factory.stop();
        starts_and_looks(factory);
    }
    CHECK(jobs_in(factory) == 2);
}

TEST_CASE("a wish on a pull request that no delivery told of is heard") {
    if (!can_run("bubblewrap")) return;
    Scene scene(plan_that_is_told_nothing());
    auto& forge = scene.factory.forge;
    scene.factory.stop();
    forge.script_hook({.kind = HookFault::Kind::vanish, .times = 1});
    const auto wish = forge.comment(repository, scene.proposal, "/agent refine say more", maintainer);
    scene.factory.start();
    CHECK(scene.gets_new_commit());
    CHECK(is_in_time([&] { return scene.reactions(wish).size() == 2; }));
    CHECK(scene.words() == "none\nmore\nmore\n");
}

TEST_CASE("an answer that no delivery told of is heard, and what was said before the question is none") {
    if (!can_run("bubblewrap")) return;
    Factory factory(plan_that_is_told_nothing());
    auto& forge = factory.forge;
    const auto issue = forge.create_issue(repository, "Words are missing", "Please.", maintainer);
    forge.comment(repository, issue, "It was in euros once.", maintainer);
    std::this_thread::sleep_for(std::chrono::milliseconds(1100));  // the forge's clock counts seconds
    forge.add_label(repository, issue, "agent:zz-asker", maintainer);
    REQUIRE(factory.reaches(issue, "waiting"));
    std::this_thread::sleep_for(std::chrono::milliseconds(1100));
    factory.stop();
    starts_and_looks(factory);
    CHECK(forge.issue(repository, issue).labels == std::vector<std::string>{"agent-state: waiting"});
    factory.stop();
    forge.script_hook({.kind = HookFault::Kind::vanish, .times = 1});
    forge.comment(repository, issue, "Please count in euros.", maintainer);
    factory.start();
    CHECK(factory.reaches(issue, "review"));
}

TEST_CASE("a review whose delivery failed is heard where the forge keeps account of it, and once") {
    if (!can_run("bubblewrap")) return;
    Scene scene(plan_that_is_told_nothing());
    auto& forge = scene.factory.forge;
    scene.factory.stop();
    (void)forge.review(repository, scene.proposal.number, "changes_requested", "Say more.", {}, maintainer);
    REQUIRE(forge.hooks_sent());
    const bool told = scenarios::can(scenarios::Ability::tell_what_failed);
    scene.factory.start();
    if (told) CHECK(scene.gets_new_commit());
    for (int starts = 0; starts < 2; ++starts) {
        scene.factory.stop();
        starts_and_looks(scene.factory);
    }
    CHECK(scene.words() == (told ? "none\nmore\nmore\n" : "none\nmore\n"));
}

TEST_CASE("an end that is told when it was undone long since is none") {
    if (!can_run("bubblewrap")) return;
    auto plan = plan_that_is_told_nothing();
    plan.server_hook = true;  // which tells on GitLab that a project moved
    Scene scene(plan);
    auto& forge = scene.factory.forge;
    const scenarios::PostOffice post(scene.factory);
    forge.close(repository, scene.proposal, maintainer);
    REQUIRE(forge.reopen(repository, scene.proposal, maintainer));
    post.hand_over(post.told("pull_request.closed", scene.proposal));
    if (scenarios::can(scenarios::Ability::tell_of_moved_repositories)) {
        forge.rename_repository(repository, "elsewhere/shop");  // which is not served
        const auto moved = post.told("repository.transferred", 0);
        forge.rename_repository("elsewhere/shop", std::string(repository));
        post.hand_over(moved);
    }
    REQUIRE(scenarios::comes_to_rest(scene.factory));
    CHECK(scenarios::states_of(scene.factory, scene.issue) == "review");
}

TEST_CASE("a pull request whose repository is gone without a word ends with that") {
    if (!can_run("bubblewrap")) return;
    const Waiting waiting;
    SUBCASE("deleted") { waiting.forge.delete_repository(repository); }
    SUBCASE("the bot is taken out of it") { waiting.forge.remove_from_installation(repository); }
    CHECK(waiting.comes_to_be("stopped"));
    CHECK(waiting.ended_because(bot::sentence::since_repository_gone));
}

TEST_CASE("a pull request that alone is gone ends as one that was closed") {
    if (!can_run("bubblewrap")) return;
    const Waiting waiting;
    waiting.forge.fail(
        scenarios::at(scenarios::Asked::pull_request, {.name = "gone", .times = -1, .status = 404}));
    CHECK(waiting.comes_to_be("closed"));
    CHECK(waiting.ended_because(bot::sentence::reason_proposal_gone));
}

TEST_CASE("a pull request stays under review when its forge hides it, and does not say whether it is gone") {
    if (!can_run("bubblewrap")) return;
    const Waiting waiting;
    waiting.forge.fail(
        scenarios::at(scenarios::Asked::pull_request, {.name = "gone", .times = 1, .status = 404}));
    waiting.forge.fail(scenarios::at(scenarios::Asked::anything, {.name = "down", .times = -1}));
    waiting.post.hand_over(waiting.push);
    REQUIRE(is_in_time([&] { return waiting.forge.faults_left("gone") == 0; }));
    std::this_thread::sleep_for(std::chrono::seconds(1));
    CHECK(scenarios::states_of(waiting.scene.factory, waiting.scene.issue) == "review");
}

TEST_CASE("what was said before there was a daemon asks nobody") {
    if (!can_run("bubblewrap")) return;
    Factory factory(plan_that_is_told_nothing());
    auto& forge = factory.forge;
    factory.stop();
    std::filesystem::remove(factory.state_dir() / "ledger.sqlite");
    std::filesystem::remove(factory.state_dir() / "ledger.sqlite-wal");
    std::filesystem::remove(factory.state_dir() / "ledger.sqlite-shm");
    const auto old = forge.create_issue(repository, "Words are missing", "Please.", maintainer);
    forge.script_hook({.kind = HookFault::Kind::vanish, .times = 1});
    forge.comment(repository, old, "/agent run", maintainer);
    std::this_thread::sleep_for(std::chrono::milliseconds(1100));
    starts_and_looks(factory);
    CHECK(jobs_in(factory) == 0);
    CHECK(factory.answers(old).empty());
}
