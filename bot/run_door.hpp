#pragma once

#include <filesystem>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "bot/doors.hpp"
#include "bot/evidence.hpp"
#include "bot/halt.hpp"
#include "bot/shop.hpp"
#include "sandbox/door.hpp"

namespace bot {

/// Hosts that programs of one job were refused, gathered from runs side by side.
class Refusals {
 public:
    void add(std::string_view step, const sandbox::DoorReport& report);
    /// Each host once a step, at most 100.
    [[nodiscard]] std::vector<RefusedHost> all() const;

 private:
    mutable std::mutex mutex_;
    std::vector<RefusedHost> hosts_;
};

/// The door of one run. Its folder goes with it, unless the program goes on in the next process.
class RunDoor {
 public:
    RunDoor(std::unique_ptr<DoorHandle> door, std::stop_token detach);
    ~RunDoor();
    RunDoor(const RunDoor&) = delete;
    RunDoor& operator=(const RunDoor&) = delete;

    [[nodiscard]] const std::filesystem::path& folder() const { return door_->directory(); }
    [[nodiscard]] sandbox::DoorReport report() const { return door_->report(); }

 private:
    std::unique_ptr<DoorHandle> door_;
    std::stop_token detach_;
};

/// A run's own way out. `name`: of the run, and of the folder; `order` without its folder.
[[nodiscard]] Step<std::unique_ptr<RunDoor>> open_door(const Shop& shop, const std::string& name,
                                                       DoorOrder order, std::stop_token detach);

/// The same for a step without a model service: nullptr when the recipe asks for no hosts. `record` takes the
/// door's decisions.
[[nodiscard]] Step<std::unique_ptr<RunDoor>> open_step_door(const Shop& shop, const std::string& name,
                                                            const std::vector<std::string>& asked,
                                                            const std::filesystem::path& record);

/// The hosts that a recipe's step may reach: what it asks for, under the operator's ceiling.
[[nodiscard]] std::vector<std::string> hosts_for(const Shop& shop, const std::vector<std::string>& asked);

}  // namespace bot
