#include <doctest/doctest.h>

#include <chrono>
#include <string>

#include "tests/scenarios/factory.hpp"
#include "tests/scenarios/hostile.hpp"

using practice_forge::PracticeForge;
using scenarios::can_run;
using scenarios::contains;
using scenarios::Factory;
using scenarios::maintainer;
using scenarios::Plan;
using scenarios::repository;

namespace {

const std::string change_something = "echo more >> README.md";

/// Ends blocked, says these words, opens nothing, leaves nothing.
void ends_with_words(Factory& factory, std::int64_t issue, std::string_view words) {
    REQUIRE(factory.reaches(issue, "blocked"));
    const bool said = PracticeForge::eventually([&] { return contains(factory.status(issue), words); });
    CAPTURE(factory.status(issue));
    CHECK(said);
    CHECK(factory.forge.pull_requests(repository).empty());
    CHECK(PracticeForge::eventually([&] { return factory.leftovers().empty(); }));
}

}  // namespace

TEST_CASE("a recipe that does not parse is answered with file, line and key, and nothing runs") {
    if (!can_run("bubblewrap")) return;
    Factory factory(
        {.recipe = "checks:\n  - name: tests\n    comand: make\n", .agents = {{"worker", change_something}}});
    const auto issue = factory.ask("Anything");
    ends_with_words(factory, issue, "line 3");
    CHECK(factory.log("job-1/agent-1.log").empty());
}

TEST_CASE("an image that is not there is named on the issue") {
    if (!can_run("docker")) return;
    Factory factory({.recipe = "image: no-such-image-anywhere:1\n",
                     .agents = {{"worker", change_something}},
                     .backend = "docker",
                     .change = [](config::Settings& settings) { settings.sandbox.pull_images = false; }});
    ends_with_words(factory, factory.ask("Anything"), "no-such-image-anywhere:1");
}

TEST_CASE("an image whose folder is no system is named on the issue, and the folder is not") {
    if (!can_run("bubblewrap")) return;
    Factory factory({.recipe = "image: bare\n",
                     .agents = {{"worker", change_something}},
                     .change = [](config::Settings& settings) {
                         settings.sandbox.roots["bare"] = settings.state_dir.parent_path();
                     }});
    const auto issue = factory.ask("Anything");
    ends_with_words(factory, issue, "holds no system");
    CHECK_FALSE(contains(factory.status(issue), factory.state_dir().parent_path().string()));
}

TEST_CASE("a setup that fails is told with its last words") {
    if (!can_run("bubblewrap")) return;
    Factory factory({.recipe = "setup: echo the compiler is missing; exit 3\n",
                     .agents = {{"worker", change_something}}});
    ends_with_words(factory, factory.ask("Anything"), "the compiler is missing");
}

TEST_CASE("an agent that exits non-zero is told with its last words") {
    if (!can_run("bubblewrap")) return;
    Factory factory({.agents = {{"worker", "echo I am lost; exit 9"}}});
    ends_with_words(factory, factory.ask("Anything"), "I am lost");
}

TEST_CASE("an agent that hangs is ended at its idle deadline") {
    for (const std::string backend : {"docker", "bubblewrap"}) {
        if (!can_run(backend)) continue;
        Factory factory({.agents = {{"worker", "trap '' TERM; echo thinking; sleep 1000"}},
                         .backend = backend,
                         .change = [](config::Settings& settings) {
                             settings.sandbox.ceiling.idle = std::chrono::seconds(2);
                         }});
        ends_with_words(factory, factory.ask("Anything"), "printed nothing for too long");
    }
}

TEST_CASE("an agent that prints a gigabyte ends like any other, and its log stays small") {
    if (!can_run("bubblewrap")) return;
    Factory factory(
        {.files = {{.path = "tests/run.sh", .content = "true\n"}},
         .agents = {{"worker", "head -c 1000000000 /dev/zero | tr '\\0' x; echo more >> README.md"}},
         .change = [](config::Settings& settings) { settings.sandbox.ceiling.log_bytes = 1U << 20U; }});
    const auto issue = factory.ask("Anything");
    REQUIRE(factory.reaches(issue, "review"));
    CHECK(factory.log("job-1/agent-1.log").size() <= (1U << 20U) + 4096);
}

TEST_CASE("a push that the forge refuses is told in the forge's words") {
    if (!can_run("bubblewrap")) return;
    Factory factory(
        {.files = {{.path = "tests/run.sh", .content = "true\n"}}, .agents = {{"worker", change_something}}});
    factory.forge.refuse_pushes(repository, "commits must be signed by the guild");
    ends_with_words(factory, factory.ask("Anything"), "signed by the guild");
}

TEST_CASE("a base branch that vanished is named on the issue") {
    if (!can_run("bubblewrap")) return;
    // The first job holds the only worker, so that the second finds the branch gone when its turn comes.
    Factory factory({.files = {{.path = "tests/run.sh", .content = "true\n"}},
                     .agents = {{"worker", "sleep 4; echo more >> README.md"}},
                     .change = [](config::Settings& settings) { settings.max_parallel = 1; }});
    const auto first = factory.ask("First");
    REQUIRE(factory.reaches(first, "working"));
    const auto second = factory.ask("Second");
    REQUIRE(factory.reaches(second, "queued"));
    factory.forge.delete_branch(repository, "main");
    REQUIRE(factory.reaches(second, "blocked"));
    CHECK(PracticeForge::eventually([&] { return contains(factory.status(second), "main"); }));
}

TEST_CASE("a repository that is deleted while its job runs ends the job, and nothing is left") {
    if (!can_run("bubblewrap")) return;
    Factory factory({.files = {{.path = "tests/run.sh", .content = "true\n"}},
                     .agents = {{"worker", "sleep 2; echo more >> README.md"}}});
    const auto issue = factory.ask("Anything");
    REQUIRE(factory.reaches(issue, "working"));
    factory.forge.delete_repository(repository);
    CHECK(PracticeForge::eventually([&] { return factory.leftovers().empty(); }));
}

TEST_CASE("a profile that does not exist is answered with those that do") {
    if (!can_run("bubblewrap")) return;
    Factory factory({.agents = {{"worker", change_something}}});
    const auto issue = factory.ask("Anything", "Please.", "agent:wizard");
    REQUIRE(PracticeForge::eventually([&] { return !factory.answers(issue).empty(); }));
    CHECK(contains(factory.answers(issue).front(), "worker"));
    CHECK(factory.forge.issue(repository, issue).labels.empty());
}

TEST_CASE("an agent that changes nothing ends in a plain answer with its words") {
    if (!can_run("bubblewrap")) return;
    Factory factory({.agents = {{"worker", "echo 'The value is two already.'"}}});
    const auto issue = factory.ask("The value should be two");
    REQUIRE(factory.reaches(issue, "done"));
    CHECK(PracticeForge::eventually(
        [&] { return contains(factory.status(issue), "The value is two already."); }));
    CHECK(factory.forge.pull_requests(repository).empty());
}
