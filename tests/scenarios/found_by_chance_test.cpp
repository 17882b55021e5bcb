// What random events found (random_events_test.cpp), each as the few steps that it takes.
#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

#include "tests/scenarios/factory.hpp"
#include "tests/scenarios/hostile.hpp"
#include "tests/scenarios/post_office.hpp"
#include "tests/scenarios/scene.hpp"

using practice_forge::Fault;
using practice_forge::PracticeForge;
using scenarios::can_run;
using scenarios::contains;
using scenarios::Factory;
using scenarios::maintainer;
using scenarios::Plan;
using scenarios::repository;
using scenarios::Scene;

namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

Plan plan_of(const std::string& does) {
    return {.files = {{.path = "tests/run.sh", .content = "true\n"}, {.path = "words", .content = "none\n"}},
            .agents = {{"worker", does}},
            .process = true};
}

/// Its webhooks are handed over by hand.
Plan plan_of_post(const std::string& does) {
    auto plan = plan_of(does);
    plan.process = false;
    return plan;
}

bool carries(Factory& factory, std::int64_t issue, std::string_view label) {
    return std::ranges::count(factory.forge.issue(repository, issue).labels, label) == 1;
}

/// The webhook, and also where a sweep came first: nothing is left to be decided on.
bool is_heard(const Factory& factory) {
    return PracticeForge::eventually(
        [&] { return scenarios::rows_of(factory.state_dir() / "ledger.sqlite").at("inbox") == 0; });
}

}  // namespace

TEST_CASE("locks that a killed daemon left in its mirror are not in the way of the next one") {
    if (!can_run("bubblewrap")) return;
    Scene scene(plan_of("date +%N >> words"));
    scene.factory.stop();
    for (const auto& mirror : fs::directory_iterator(scene.factory.state_dir() / "mirrors" /
                                                     scene.factory.settings().forges.front().name)) {
        const auto pushed = mirror.path() / "refs/shopfloor/push/refs/heads" / scene.proposal.head_branch;
        fs::create_directories(pushed.parent_path());
        for (const auto& locked : {pushed, mirror.path() / "config", mirror.path() / "packed-refs"})
            std::ofstream(locked.string() + ".lock") << "";
    }
    scene.factory.start();
    scene.factory.forge.comment(repository, scene.proposal, "/agent refine say more", maintainer);
    CHECK(scene.gets_new_commit());
}

TEST_CASE(
    "a label set again on an issue whose pull request came of several tries leaves its state label on") {
    if (!can_run("bubblewrap")) return;
    Factory factory(plan_of("date +%N >> words"));
    auto& forge = factory.forge;
    const auto issue = forge.create_issue(repository, "Words are missing", "Please.", maintainer);
    forge.comment(repository, issue, "/agent run x2", maintainer);
    REQUIRE(factory.reaches(issue, "review"));
    forge.add_label(repository, issue, "agent", maintainer);
    REQUIRE(PracticeForge::eventually([&] { return !factory.answers(issue).empty(); }));
    REQUIRE(PracticeForge::eventually([&] { return !carries(factory, issue, "agent"); }));
    CHECK(factory.reaches(issue, "review"));
}

TEST_CASE(
    "a label that cannot be taken off for a while takes no state label of the issue's next job with it") {
    if (!can_run("bubblewrap")) return;
    Factory factory(plan_of("sleep 2; date +%N >> words"));
    auto& forge = factory.forge;
    forge.fail(scenarios::at_label_off(forge, repository, "agent:worker", {.name = "stuck", .times = 2}));
    const auto issue = factory.ask("Words are missing", "Please.", "agent:worker");
    REQUIRE(PracticeForge::eventually([&] { return contains(factory.status(issue), "Working"); }));
    forge.comment(repository, issue, "/agent stop", maintainer);
    REQUIRE(PracticeForge::eventually([&] { return contains(factory.status(issue), "Stopped"); }));
    forge.comment(repository, issue, "/agent run", maintainer);
    REQUIRE(factory.reaches(issue, "review"));
    REQUIRE(PracticeForge::eventually([&] { return forge.faults_left("stuck") == 0; }, 60s));
    REQUIRE(PracticeForge::eventually([&] { return !carries(factory, issue, "agent:worker"); }, 60s));
    CHECK(factory.reaches(issue, "review"));
}

TEST_CASE("a label that may never be taken off begins one job, whatever the sweeps find") {
    if (!can_run("bubblewrap")) return;
    Factory factory(plan_of("true"));
    auto& forge = factory.forge;
    forge.fail(scenarios::at_label_off(
        forge, repository, "agent",
        {.name = "never", .times = -1, .status = 403, .message = "Resource not accessible by integration"}));
    const auto is_answered = [&](std::int64_t number) {
        return PracticeForge::eventually([&] { return scenarios::states_of(factory, number) == "answered"; },
                                         60s);
    };
    const auto issue = factory.ask("Words are missing", "Please.");
    REQUIRE(is_answered(issue));
    for (int i = 0; i < 2; ++i) {
        factory.stop();
        const auto missed = forge.create_issue(repository, "Words are missing", "Please.", maintainer);
        forge.add_label(repository, missed, "agent", maintainer);
        factory.start();
        REQUIRE(is_answered(missed));  // the sweep has looked at all labels
    }
    CHECK(scenarios::states_of(factory, issue) == "answered");
    CHECK(carries(factory, issue, "agent"));
}

TEST_CASE("a label set again just as it is taken off for what it asked before asks again") {
    if (!can_run("bubblewrap")) return;
    Factory factory(plan_of_post("true"));
    auto& forge = factory.forge;
    const scenarios::PostOffice post(factory);
    forge.fail(scenarios::at_label_off(forge, repository, "agent",
                                       {.name = "slow", .kind = Fault::Kind::latency, .latency = 12s}));
    const auto issue = forge.create_issue(repository, "Words are missing", "Please.", maintainer);
    forge.add_label(repository, issue, "agent", maintainer);
    post.hand_over(post.told("issues.labeled", issue));
    REQUIRE(PracticeForge::eventually([&] { return forge.faults_left("slow") == 0; }, 60s));
    REQUIRE(is_heard(factory));
    forge.remove_label(repository, issue, "agent", maintainer);
    forge.add_label(repository, issue, "agent", maintainer);
    REQUIRE(scenarios::comes_to_rest(factory));
    CHECK_FALSE(carries(factory, issue, "agent"));
    post.hand_over(post.told("issues.labeled", issue));
    CHECK(PracticeForge::eventually(
        [&] { return scenarios::states_of(factory, issue) == "answered answered"; }, 60s));
    post.hand_over_of_another_hook(post.told("issues.labeled", issue));
    REQUIRE(scenarios::comes_to_rest(factory));
    CHECK(scenarios::states_of(factory, issue) == "answered answered");
}

TEST_CASE("a label that people took off and set again is not taken off by what was wished before") {
    if (!can_run("bubblewrap")) return;
    Factory factory(plan_of_post("true"));
    auto& forge = factory.forge;
    const scenarios::PostOffice post(factory);
    forge.fail(scenarios::at_label_off(forge, repository, "agent", {.name = "stuck", .times = 3}));
    const auto issue = forge.create_issue(repository, "Words are missing", "Please.", maintainer);
    forge.add_label(repository, issue, "agent", maintainer);
    post.hand_over(post.told("issues.labeled", issue));
    REQUIRE(PracticeForge::eventually([&] { return forge.faults_left("stuck") < 3; }, 60s));
    REQUIRE(is_heard(factory));
    // While the job is at work its setting again would be answered.
    REQUIRE(
        PracticeForge::eventually([&] { return scenarios::states_of(factory, issue) == "answered"; }, 60s));
    forge.remove_label(repository, issue, "agent", maintainer);
    forge.add_label(repository, issue, "agent", maintainer);
    REQUIRE(scenarios::comes_to_rest(factory));
    // A sweep may have heard of it first: it goes with the job that it asked for, and with no other.
    CHECK(PracticeForge::eventually(
        [&] {
            return carries(factory, issue, "agent") == (scenarios::states_of(factory, issue) == "answered");
        },
        60s));
    post.hand_over(post.told("issues.labeled", issue));
    REQUIRE(PracticeForge::eventually(
        [&] { return scenarios::states_of(factory, issue) == "answered answered"; }, 60s));
    REQUIRE(scenarios::comes_to_rest(factory));
    CHECK_FALSE(carries(factory, issue, "agent"));
    CHECK(carries(factory, issue, "agent-state: done"));
}
