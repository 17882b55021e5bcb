#include <doctest/doctest.h>

#include <string>

#include "tests/scenarios/factory.hpp"
#include "tests/scenarios/hostile.hpp"

using scenarios::contains;
using scenarios::Factory;
using scenarios::maintainer;
using scenarios::repository;
using scenarios::visitor;

namespace {

const std::string adder = "x=$(cat value); echo $((x + 1)) > value; echo 'Raised the value by one.'";
const std::string failing_until_two = "test \"$(cat value)\" = 2\n";

scenarios::Plan one_to_two(std::string backend) {
    return {.files = {{.path = "value", .content = "1\n"},
                      {.path = "tests/run.sh", .content = failing_until_two}},
            .agents = {{"worker", adder}},
            .backend = std::move(backend)};
}

}  // namespace

TEST_CASE("a labelled issue becomes a pull request with evidence that the bot saw itself") {
    for (const std::string backend : {"docker", "bubblewrap"}) {
        CAPTURE(backend);
        if (!scenarios::can_run(backend)) continue;
        Factory factory(one_to_two(backend));
        const auto issue = factory.ask("The value should be two");
        REQUIRE(factory.reaches(issue, "review"));

        const auto proposal = factory.pull_request_of(issue);
        REQUIRE(proposal);
        CHECK_FALSE(proposal->draft);
        CHECK(contains(proposal->body, "Fixes #" + std::to_string(issue)));
        CHECK(contains(proposal->body, "Raised the value by one."));
        CHECK(contains(proposal->body, "tests"));
        CHECK(factory.forge.file(repository, proposal->head_sha, "value") == "2\n");

        const auto commit = factory.forge.commit(repository, proposal->head_sha);
        CHECK(contains(commit.message, "Co-authored-by: ada"));
        REQUIRE(factory.forge.check_runs(repository).size() == 1);
        CHECK(factory.forge.check_runs(repository).front().head_sha == proposal->head_sha);
        CHECK(factory.forge.check_runs(repository).front().conclusion == "success");

        const auto thread = factory.forge.issue(repository, issue);
        CHECK(thread.labels == std::vector<std::string>{"agent-state: review"});
        REQUIRE(thread.reactions.size() == 1);
        CHECK(thread.reactions.front().content == "eyes");
        CHECK(practice_forge::PracticeForge::eventually([&] {
            return contains(factory.status(issue), proposal->html_url) ||
                   contains(factory.status(issue), scenarios::reference(*proposal));
        }));
        CHECK(factory.leftovers().empty());
    }
}

TEST_CASE("a label set by somebody who may only read starts nothing and is answered") {
    if (!scenarios::can_run("bubblewrap")) return;
    Factory factory(one_to_two("bubblewrap"));
    const auto issue = factory.forge.create_issue(repository, "Mine", "Bitcoin please", visitor);
    factory.forge.add_label(repository, issue, "agent", visitor);
    REQUIRE(practice_forge::PracticeForge::eventually([&] { return !factory.answers(issue).empty(); }));
    CHECK(factory.forge.pull_requests(repository).empty());
    CHECK(factory.status(issue).empty());
    CHECK(factory.log("job-1/agent-1.log").empty());
}
