#pragma once

#include <memory>
#include <string>

#include "bot/groundwork.hpp"
#include "integrations/agents.hpp"

namespace bot {

/// One pass of the agent in its workspace, and what it changed so far against the base.
struct AgentPass {
    integrations::AgentReply reply;
    sandbox::Changes changes;
    std::chrono::milliseconds duration{0};
};

/// The workspace of a job's agent; it stays through all rounds. One left by an earlier process is taken over.
[[nodiscard]] Step<std::unique_ptr<sandbox::Workspace>> open_agent_workspace(Shop& shop, const Job& job,
                                                                             const Groundwork& ground);

/// `round` counts from 1; `prompt` is all the agent hears.
[[nodiscard]] Step<AgentPass> run_agent(Shop& shop, const Job& job, const Lease& lease, const Groundwork& ground,
                                        sandbox::Workspace& workspace, int round, const std::string& prompt,
                                        const sandbox::Control& control);

/// What the agent is asked: the issue as it was decided on, how its work is judged, and (from the second round on)
/// what the checks said of the last one.
[[nodiscard]] std::string prompt(const Job& job, const Groundwork& ground, const std::string& feedback);

}  // namespace bot
