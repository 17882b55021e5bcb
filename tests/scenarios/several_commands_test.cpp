// Several commands in one comment: each is understood when it is its turn, on what those before it have led
// to.
#include <doctest/doctest.h>

#include <chrono>
#include <functional>
#include <string>
#include <string_view>

#include "tests/scenarios/factory.hpp"
#include "tests/scenarios/hostile.hpp"
#include "tests/scenarios/post_office.hpp"

using practice_forge::PracticeForge;
using scenarios::can_run;
using scenarios::contains;
using scenarios::Factory;
using scenarios::maintainer;
using scenarios::repository;

namespace {

bool happens_soon(const std::function<bool()>& condition) {
    return PracticeForge::eventually(condition, std::chrono::seconds(120));
}

}  // namespace

TEST_CASE("several commands in one comment are carried out in their order, each on what the last one left") {
    if (!can_run("bubblewrap")) return;
    Factory factory({.files = {{.path = "tests/run.sh", .content = "true\n"}},
                     .agents = {{"worker", "echo more >> words"}, {"zz-slow", "echo started; sleep 600"}}});
    auto& forge = factory.forge;
    const auto says = [&](const std::string& words) {
        const auto issue = forge.create_issue(repository, "Words are missing", "Please.", maintainer);
        forge.comment(repository, issue, words, maintainer);
        return issue;
    };
    const auto reviewed = says("/agent run");
    REQUIRE(factory.reaches(reviewed, "review"));
    const auto run_and_stop = says("/agent run zz-slow\n/agent stop");
    const auto stop_and_run = says("/agent stop\n\nNo, do it:\n\n/agent run");
    const auto run_and_status = says("/agent run zz-slow\n/agent status");
    forge.comment(repository, reviewed, "/agent refine say more\n/agent stop", maintainer);
    const auto comes_to = [&](std::int64_t issue, std::string_view state) {
        const bool came = happens_soon([&] { return scenarios::states_of(factory, issue) == state; });
        if (!came) MESSAGE("is " << scenarios::states_of(factory, issue));
        return came;
    };
    REQUIRE(comes_to(run_and_stop, "stopped"));
    CHECK(happens_soon([&] { return contains(factory.status(run_and_stop), "Stopped by `ada`."); }));
    REQUIRE(comes_to(reviewed, "stopped"));
    REQUIRE(comes_to(stop_and_run, "review"));
    REQUIRE(comes_to(run_and_status, "working"));
    REQUIRE(happens_soon([&] { return !factory.answers(run_and_status).empty(); }));
    CHECK_FALSE(contains(factory.answers(run_and_status).front(), "No job is at work here"));
    forge.comment(repository, run_and_status, "/agent stop", maintainer);
    REQUIRE(comes_to(run_and_status, "stopped"));
    CHECK(happens_soon([&] { return factory.leftovers().empty(); }));
}
