#pragma once

#include <memory>
#include <string>

#include "bot/groundwork.hpp"
#include "integrations/agents.hpp"

namespace bot {

/// One pass of the agent in its workspace, and what it changed so far against the base.
struct AgentPass {
    integrations::AgentReply reply;
    integrations::Usage usage;  ///< as far as we know it
    sandbox::Changes changes;   ///< of one that is done
    std::chrono::milliseconds duration{0};
};

/// The workspace of a job's agent; it stays through all rounds. One left by an earlier process is taken over.
[[nodiscard]] Step<std::unique_ptr<sandbox::Workspace>> open_agent_workspace(Shop& shop, const Job& job,
                                                                             const Groundwork& ground);

/// One pass of the agent. Its prompt is all that it hears.
struct Round {
    int number = 1;
    std::string prompt;
    Run::Kind kind = Run::Kind::first;
    int repairs = 0;    ///< how often red checks went back to the agent, this time too
    bool paid = false;  ///< ended already, in an earlier process or attempt: only its result is read
    /// Of one that ended so, with nobody asked yet: a budget was spent.
    WaitsFor waits_for = WaitsFor::nothing;
    integrations::Usage before;  ///< of the job's earlier rounds
};

/// Where a job goes on: round 1, or where an earlier process or attempt was interrupted, when its workspace
/// was taken over: with the prompt that the interrupted round had, so that a program still running is found
/// by its name. After a round that ended with a question or without money: another one, told what was
/// answered.
[[nodiscard]] Round first_round(Shop& shop, const Job& job, const Groundwork& ground,
                                const sandbox::Workspace& workspace);

[[nodiscard]] Step<AgentPass> run_agent(Shop& shop, const Job& job, const Lease& lease,
                                        const Groundwork& ground, sandbox::Workspace& workspace,
                                        const Round& round, const sandbox::Control& control);

}  // namespace bot
