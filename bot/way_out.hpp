#pragma once

#include <atomic>
#include <filesystem>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "bot/groundwork.hpp"
#include "bot/purse.hpp"
#include "integrations/agents.hpp"
#include "sandbox/door.hpp"

namespace bot {

/// An agent's way out for one run: its door, its gateway, and what pays. The run is to be ended when
/// `control()` says so: by the caller's own wish, or because it cannot go on.
class AgentWayOut {
 public:
    AgentWayOut(Shop& shop, const Job& job, const Groundwork& ground, RunId run, const std::string& name,
                const std::filesystem::path& record, const sandbox::Control& control);

    /// Opens it. Error: nothing sensible can be begun now.
    [[nodiscard]] Step<void> open();
    [[nodiscard]] const std::filesystem::path& folder() const { return door_->folder(); }
    [[nodiscard]] sandbox::Control control() const;
    [[nodiscard]] sandbox::DoorReport report() const { return door_->report(); }
    /// Why the run was ended from here, when it was.
    [[nodiscard]] std::optional<Halt> halt() const;

 private:
    Shop& shop_;
    const Job& job_;
    const Groundwork& ground_;
    std::string name_;
    std::filesystem::path record_;
    sandbox::Control outer_;
    std::stop_source cancel_;
    LedgerPurse purse_;
    std::stop_callback<std::function<void()>> forward_;
    std::unique_ptr<RunDoor> door_;
};

/// The question on a job whose budget is spent.
[[nodiscard]] Halt budget_halt(const Shop& shop, const Job& job, WaitsFor which);

/// The model service as the agent of this profile sees it; none when the profile names no provider.
[[nodiscard]] std::optional<integrations::ModelAccess> model_access(const config::Settings& settings,
                                                                    const config::AgentProfile& profile);

}  // namespace bot
