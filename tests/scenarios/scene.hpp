#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/scenarios/factory.hpp"
#include "tests/scenarios/hostile.hpp"

namespace scenarios {

/// A pull request of ours that is open, and what people see of it.
struct Scene {
    Factory factory;
    std::int64_t issue = 0;
    practice_forge::PullRequest proposal;

    explicit Scene(Plan plan) : factory(std::move(plan)) {
        issue = factory.ask("Words are missing");
        REQUIRE(factory.reaches(issue, "review"));
        proposal = factory.pull_request_of(issue).value();
    }
    [[nodiscard]] practice_forge::PullRequest now() const { return factory.pull_request_of(issue).value(); }
    [[nodiscard]] std::string words() const {
        return factory.forge.file(repository, now().head_sha, "words");
    }
    /// The pass of the agent has begun.
    [[nodiscard]] bool works(int pass) const {
        return practice_forge::PracticeForge::eventually(
            [&] { return contains(factory.log("job-1/agent-" + std::to_string(pass) + ".log"), "started"); },
            std::chrono::seconds(60));
    }
    [[nodiscard]] bool gets_new_commit() const {
        return practice_forge::PracticeForge::eventually([&] { return now().head_sha != proposal.head_sha; },
                                                         std::chrono::seconds(60));
    }
    [[nodiscard]] bool hears(std::string_view said) const {
        return practice_forge::PracticeForge::eventually(
            [&] {
                return std::ranges::any_of(factory.answers(proposal),
                                           [&](const auto& answer) { return contains(answer, said); });
            },
            std::chrono::seconds(60));
    }
    [[nodiscard]] std::vector<std::string> reactions(std::int64_t comment) const {
        std::vector<std::string> found;
        for (const practice_forge::Which thread :
             {practice_forge::Which(issue), practice_forge::Which(proposal)})
            for (const auto& each : factory.forge.issue(repository, thread).comments)
                if (each.id == comment)
                    for (const auto& reaction : each.reactions) found.push_back(reaction.content);
        return found;
    }
};

}  // namespace scenarios
