// The other words and forms that are commands too, and how many of them one comment may hold.
#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <string>
#include <vector>

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

bool happens(const std::function<bool()>& condition) {
    return PracticeForge::eventually(condition, std::chrono::seconds(120));
}

std::vector<std::string> reactions(const Factory& factory, std::int64_t issue, std::int64_t comment) {
    std::vector<std::string> found;
    for (const auto& each : factory.forge.issue(repository, issue).comments)
        if (each.id == comment)
            for (const auto& reaction : each.reactions) found.push_back(reaction.content);
    return found;
}

}  // namespace

TEST_CASE("a command may have another word for it, stand in a list, and be written as people write") {
    if (!can_run("bubblewrap")) return;
    Factory factory(
        {.files = {{.path = "tests/run.sh", .content = "true\n"}},
         .agents = {{"worker",
                     "cat > /tmp/prompt; if grep -q 'in euros' /tmp/prompt; then cat /tmp/prompt; "
                     "echo more >> words; else echo 'QUESTION: Which currency?'; fi"}}});
    auto& forge = factory.forge;
    const auto issue = forge.create_issue(repository, "Words are missing", "Please.", maintainer);
    const auto says = [&](const std::string& words) {
        return forge.comment(repository, issue, words, maintainer);
    };
    const auto is_done = [&](std::int64_t comment) {
        return happens(
            [&] { return reactions(factory, issue, comment) == std::vector<std::string>{"eyes", "rocket"}; });
    };
    const auto run = says("Thank you!\n\n* we should have this\n* /AGENT Run!");
    REQUIRE(factory.reaches(issue, "waiting"));
    CHECK(is_done(says("/agent answer Please count in euros.")));
    REQUIRE(factory.reaches(issue, "review"));
    CHECK(is_done(run));
    const auto head = factory.pull_request_of(issue)->head_sha;
    CHECK(is_done(says("/agent change: say in euros, and louder")));
    CHECK(factory.pull_request_of(issue)->head_sha != head);
    CHECK(happens([&] {  // the second pass asked; the third is this one
        return contains(factory.log("job-1/agent-3.log"), "say in euros, and louder");
    }));
    const auto before = factory.answers(issue).size();
    CHECK(is_done(says("/agent")));
    REQUIRE(happens([&] { return factory.answers(issue).size() == before + 1; }));
    CHECK(contains(factory.answers(issue).back(), "`/agent stop`"));
    CHECK(is_done(says("1. @Shopfloor-Practice Cancel.")));
    CHECK(happens([&] { return contains(factory.status(issue), "Stopped by `ada`."); }));
}

TEST_CASE("beyond the fifth command of a comment nothing is one") {
    if (!can_run("bubblewrap")) return;
    Factory factory({});
    auto& forge = factory.forge;
    const auto issue = forge.create_issue(repository, "Words are missing", "Please.", maintainer);
    forge.comment(repository, issue,
                  "/agent status\n/agent status\n/agent why\n/agent why\n/agent help\n/agent run\n",
                  maintainer);
    REQUIRE(happens([&] { return !factory.answers(issue).empty(); }));
    REQUIRE(forge.hooks_sent());
    REQUIRE(scenarios::comes_to_rest(factory));
    CHECK(scenarios::rows_of(factory.state_dir() / "ledger.sqlite").at("jobs") == 0);
    const auto fifth = forge.create_issue(repository, "Words are missing", "Please.", maintainer);
    forge.comment(repository, fifth, "/agent status\n/agent status\n/agent why\n/agent help\n/agent run\n",
                  maintainer);
    CHECK(happens([&] { return !scenarios::states_of(factory, fifth).empty(); }));
}
