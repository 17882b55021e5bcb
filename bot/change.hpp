#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "bot/evidence.hpp"
#include "bot/groundwork.hpp"
#include "integrations/git.hpp"
#include "sandbox/harvest.hpp"

/// What is made of what an agent changed.
namespace bot {

/// Test files among it, by the recipe's patterns.
[[nodiscard]] Step<TestsTouched> tests_touched(const sandbox::Changes& changes, const Groundwork& ground,
                                               const std::string& base_commit);
[[nodiscard]] sandbox::Changes without_tests(const sandbox::Changes& changes, const config::Recipe& recipe);

/// Of a change to a pull request, what differs from how it was; else all of it. What is there already was
/// judged before, or is people's own.
[[nodiscard]] sandbox::Changes news(const sandbox::Changes& changes,
                                    const std::optional<Refinement>& refinement);

/// What of the pull request a harvest does not look at (`unseen`: a path, or a folder with its `/`) stays in
/// it as it was.
void keep_unseen(sandbox::Changes& changes, const sandbox::Changes& proposed,
                 const std::function<bool(const std::string& path)>& unseen);

/// What tells agents what to do (AGENTS.md, skills) comes from the default branch: what a pull request makes
/// of it is not laid out for its agent.
[[nodiscard]] bool instructs_agents(const std::string& path);
[[nodiscard]] sandbox::Changes without_instructions(const sandbox::Changes& proposed);

/// What must not leave, whatever the checks say: conflict markers, protected paths, secrets.
[[nodiscard]] std::optional<Halt> unpublishable(const Shop& shop, const Job& job, const Groundwork& ground,
                                                const sandbox::Changes& changes);

[[nodiscard]] std::vector<integrations::TreeEdit> tree_edits(const sandbox::Changes& changes);

}  // namespace bot
