#include <doctest/doctest.h>
#include <fmt/format.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <map>
#include <string>

#include "tests/scenarios/factory.hpp"
#include "tests/scenarios/hostile.hpp"

/// The daemon is killed outright, at each step of a job: the next one brings the job to its end, and nothing
/// of either stays behind.

using practice_forge::PracticeForge;
using scenarios::contains;
using scenarios::Factory;
using scenarios::repository;

namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

/// A command that tells it is there, leaves a child in a session of its own that ignores TERM, and waits.
std::string wait_as(const std::string& name, const std::string& marker) {
    return fmt::format(
        "touch ready-{0}; (trap '' TERM HUP INT; setsid sleep {1} >/dev/null 2>&1 &); trap '' TERM; until "
        "test -e go-{0}; do sleep 0.1; done; rm -f ready-{0} go-{0}",
        name, marker);
}

/// Lets every program go on that waits, in whatever workspace of whichever try.
void let_all_go(const Factory& factory) {
    std::error_code error;
    for (const auto& run : fs::directory_iterator(factory.state_dir() / "workspaces/runs", error))
        for (const auto* name : {"setup", "agent", "check"})
            if (fs::exists(run.path() / "root" / (std::string("ready-") + name), error))
                std::ofstream(run.path() / "root" / (std::string("go-") + name)) << "";
}

bool has_ended(const Factory& factory, std::int64_t issue) {
    let_all_go(factory);
    for (const auto& label : factory.forge.issue(repository, issue).labels)
        if (label == "agent-state: review" || label == "agent-state: blocked") return true;
    return false;
}

bool result_is_checked(const Factory& factory) {
    std::error_code error;
    for (const auto& run : fs::directory_iterator(factory.state_dir() / "workspaces/runs", error))
        if (fs::exists(run.path() / "root/ready-check", error) &&
            contains(scenarios::bytes_of(run.path() / "root/README.md"), "more"))
            return true;
    return false;
}

bool runs_somewhere(const std::string& marker) {
    std::error_code error;
    for (const auto& process : fs::directory_iterator("/proc", error))
        if (contains(scenarios::bytes_of(process.path() / "cmdline"), marker)) return true;
    return false;
}

void killed_during(const std::string& backend, const std::string& step) {
    CAPTURE(step);
    const auto marker = fmt::format("{}.{}", 200000 + ::getpid(), backend.size() * 10 + step.size());
    std::map<std::string, std::string> does{{"setup", "true"}, {"agent", "true"}, {"check", "true"}};
    does[step] = wait_as(step, marker);
    Factory factory({.recipe = fmt::format("setup: {}\nchecks:\n  - name: tests\n    run: {}\n",
                                           does["setup"], does["check"]),
                     .agents = {{"worker", does["agent"] + "; echo more >> README.md"}},
                     .backend = backend,
                     .process = true});
    const auto issue = factory.ask("Anything");
    if (step ==
        "check")  // on the result: by then the agent's end is in the ledger, and it is not asked again
        REQUIRE(PracticeForge::eventually([&] { return result_is_checked(factory); }));
    else
        (void)scenarios::workspace_with(factory, "ready-" + step);
    REQUIRE(PracticeForge::eventually([&] { return runs_somewhere(marker); }));
    factory.kill();
    // Without an engine the programs hang on the daemon, and go with it.
    if (backend == "bubblewrap")
        CHECK(PracticeForge::eventually([&] { return !runs_somewhere(marker); }, 10s));

    factory.start();
    REQUIRE(PracticeForge::eventually([&] { return has_ended(factory, issue); }, 90s));
    INFO(factory.status(issue));
    const auto proposal = factory.pull_request_of(issue);
    REQUIRE(proposal);
    CHECK(factory.forge.pull_requests(repository).size() == 1);
    CHECK_FALSE(proposal->draft);
    CHECK(factory.forge.file(repository, proposal->head_sha, "README.md") == "# widget\nmore\n");
    CHECK(PracticeForge::eventually([&] { return factory.leftovers().empty(); }, 10s));
    for (const auto& left : factory.leftovers()) MESSAGE(left);
    CHECK_FALSE(runs_somewhere(marker));
}

}  // namespace

TEST_CASE("a daemon killed during setup: the next one brings the job to a pull request, nothing is left") {
    scenarios::on_both([](const std::string& backend) { killed_during(backend, "setup"); });
}

TEST_CASE(
    "a daemon killed during the agent: the next one brings the job to a pull request, nothing is left") {
    scenarios::on_both([](const std::string& backend) { killed_during(backend, "agent"); });
}

TEST_CASE("a daemon killed during checks: the next one brings the job to a pull request, nothing is left") {
    scenarios::on_both([](const std::string& backend) { killed_during(backend, "check"); });
}
