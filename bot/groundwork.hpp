#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bot/halt.hpp"
#include "bot/run_door.hpp"
#include "bot/shop.hpp"
#include "config/recipe.hpp"
#include "integrations/proposal.hpp"
#include "sandbox/workspace.hpp"

namespace bot {

/// A change to a pull request of ours that is open.
struct Refinement {
    std::vector<Ask> asks;
    /// What else was said on the pull request by people who may write.
    integrations::Conversation said;
    std::string onto;  ///< the branch's commit it goes on from, or whose place the result takes
    /// What the agent goes on from, against the base commit: the pull request as it is; of a rebase the same
    /// brought onto the present base; of another try nothing. Laid out in its workspace, but for what tells
    /// agents what to do: that holds as it is on the default branch.
    sandbox::Changes proposed;
    std::vector<std::string> conflicts;  ///< of a rebase: paths with conflict markers, sorted
};

/// What a job stands on, fixed before the agent's first instruction: all of it from the base commit and the
/// operator.
struct Groundwork {
    Mirrors::Use mirror;
    config::Recipe recipe;
    std::vector<std::string> assumptions;  ///< of a proposed recipe; empty when the repository has its own
    const config::AgentProfile& profile;
    sandbox::Image image;  ///< of setup and checks
    sandbox::Image agent_image;
    config::Limits limits;
    std::vector<std::shared_ptr<const sandbox::LayerUse>> layers;  ///< pristine checkout, then setup
    std::string baseline_key;                                      ///< base commit, image and recipe
    std::unique_ptr<Refusals> refusals;                            ///< what wanted out and could not
    std::optional<Refinement> refinement;                          ///< of a job that changes its pull request
    std::optional<Job> earlier;                                    ///< the issue's last job before this one
};

/// Fetches, reads the recipe at the base commit, resolves images, makes or finds the shared layers.
/// A job that begins anew gets the present base commit.
[[nodiscard]] Step<Groundwork> lay_groundwork(Shop& shop, Job& job, const Lease& lease,
                                              const sandbox::Control& control);

/// The branch of the pull request as it is when the cycle begins, with what people pushed to it. Halts a
/// cycle that would replace commits of theirs.
[[nodiscard]] Step<std::string> proposed_head(Shop& shop, const Job& job, const Lease& lease,
                                              integrations::Mirror& mirror);

/// `shopfloor-<instance>-j<job>-<step>`: the name of a run and of its workspace. The job can be read back
/// from it.
[[nodiscard]] std::string run_name(const Shop& shop, JobId job, const std::string& step);
[[nodiscard]] std::optional<JobId> job_of_run_name(std::string_view name);

}  // namespace bot
