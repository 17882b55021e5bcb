#include <doctest/doctest.h>

#include <string>

#include "tests/scenarios/factory.hpp"
#include "tests/scenarios/hostile.hpp"

using practice_forge::PracticeForge;
using scenarios::can_run;
using scenarios::contains;
using scenarios::Factory;
using scenarios::repository;

TEST_CASE("red checks go back to the agent with their output until they are green") {
    if (!can_run("bubblewrap")) return;
    // The agent only does the second half when it has read what the first check run printed.
    Factory factory(
        {.files = {{.path = "tests/run.sh",
                    .content = "test -f a && { test -f b || { echo b-is-missing; exit 1; }; }\n"}},
         .recipe = "checks:\n  - name: tests\n    run: sh tests/run.sh\nrounds: 1\n",
         .agents = {
             {"worker",
              "prompt=$(cat); touch a; case $prompt in *b-is-missing*) touch b;; esac; echo done > c"}}});
    const auto issue = factory.ask("Make both");
    REQUIRE(factory.reaches(issue, "review"));
    const auto proposal = factory.pull_request_of(issue);
    REQUIRE(proposal);
    CHECK_FALSE(proposal->draft);
    CHECK(factory.forge.file(repository, proposal->head_sha, "c") == "done\n");
}

TEST_CASE("a change that breaks a required check is a draft that names it") {
    if (!can_run("bubblewrap")) return;
    Factory factory({.files = {{.path = "tests/run.sh", .content = "test ! -f broken\n"}},
                     .recipe = "checks:\n  - name: the suite\n    run: sh tests/run.sh\nrounds: 0\n",
                     .agents = {{"worker", "touch broken; echo x > broken"}}});
    const auto issue = factory.ask("Break it");
    REQUIRE(factory.reaches(issue, "review"));
    const auto proposal = factory.pull_request_of(issue);
    REQUIRE(proposal);
    CHECK(proposal->draft);
    CHECK(contains(proposal->body, "the suite"));
    REQUIRE_FALSE(factory.forge.check_runs(repository).empty());
    CHECK(factory.forge.check_runs(repository).front().conclusion == "failure");
}

TEST_CASE("a red advisory check does not make a draft") {
    if (!can_run("bubblewrap")) return;
    Factory factory({.recipe = "checks:\n  - name: style\n    run: exit 1\n    required: false\n",
                     .agents = {{"worker", "echo x > new"}}});
    const auto issue = factory.ask("Anything");
    REQUIRE(factory.reaches(issue, "review"));
    CHECK_FALSE(factory.pull_request_of(issue)->draft);
}

TEST_CASE("an agent that weakens the tests is found out by the base revision's tests") {
    if (!can_run("bubblewrap")) return;
    Factory factory({.files = {{.path = "value", .content = "1\n"},
                               {.path = "tests/run.sh", .content = "test $(cat value) = 1\n"}},
                     .recipe = "checks:\n  - name: tests\n    run: sh tests/run.sh\n",
                     .agents = {{"worker", "echo 2 > value; echo true > tests/run.sh"}}});
    const auto issue = factory.ask("Two");
    REQUIRE(factory.reaches(issue, "review"));
    const auto proposal = factory.pull_request_of(issue);
    REQUIRE(proposal);
    CHECK(contains(proposal->body, "tests/run.sh"));
    CHECK(factory.log("job-1/base-tests-1.log").empty());  // it printed nothing, and failed:
    CHECK(contains(proposal->body, "base"));
}

TEST_CASE("a check that differs between two runs of the same tree is called flaky") {
    if (!can_run("bubblewrap")) return;
    // Too young a tree fails, and by the second run it is old enough.
    Factory factory({.recipe = "checks:\n  - name: tests\n    run: test ! -f born || test $(( $(date +%s) - "
                               "$(cat born) )) -gt 12 "
                               "|| { sleep 13; exit 1; }\nrounds: 0\n",
                     .agents = {{"worker", "date +%s > born"}}});
    const auto issue = factory.ask("Anything");
    REQUIRE(factory.reaches(issue, "review"));
    const auto proposal = factory.pull_request_of(issue);
    REQUIRE(proposal);
    CHECK_FALSE(proposal->draft);
    CHECK(contains(proposal->body, "flaky"));
}

TEST_CASE("checks without a recipe are proposed, and the pull request says what was assumed") {
    if (!can_run("bubblewrap")) return;
    Factory factory({.files = {{.path = "Makefile", .content = "test:\n\ttest -f README.md\n"}},
                     .recipe = "",
                     .agents = {{"worker", "echo more >> README.md"}}});
    const auto issue = factory.ask("Say more");
    REQUIRE(factory.reaches(issue, "review"));
    const auto proposal = factory.pull_request_of(issue);
    REQUIRE(proposal);
    CHECK(contains(proposal->body, "make"));
    CHECK(contains(proposal->body, ".shopfloor.yml"));
}

TEST_CASE("setup runs once for all jobs on the same commit, and its files are not part of the change") {
    if (!can_run("bubblewrap")) return;
    Factory factory({.recipe = "setup: date +%s%N > installed; mkdir -p deps && touch deps/library\n"
                               "checks:\n  - name: tests\n    run: test -f deps/library && cat installed\n",
                     .agents = {{"worker", "cat installed; echo more >> README.md"}}});
    const auto first = factory.ask("One");
    REQUIRE(factory.reaches(first, "review"));
    const auto second = factory.ask("Two");
    REQUIRE(factory.reaches(second, "review"));
    REQUIRE(practice_forge::PracticeForge::eventually(
        [&] { return !factory.heard(first).empty() && !factory.heard(second).empty(); }));
    CHECK(factory.heard(first) == factory.heard(second));
    CHECK_THROWS(factory.forge.file(repository, factory.pull_request_of(second)->head_sha, "installed"));
}
