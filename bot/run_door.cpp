#include "bot/run_door.hpp"

#include <algorithm>
#include <system_error>
#include <utility>

#include "bot/sentences.hpp"
#include "config/hosts.hpp"

namespace bot {

void Refusals::add(std::string_view step, const sandbox::DoorReport& report) {
    constexpr std::size_t most = 100;
    const std::scoped_lock lock(mutex_);
    for (const auto& host : report.refused) {
        const auto same = std::ranges::find_if(
            hosts_, [&](const RefusedHost& each) { return each.name == host.name && each.step == step; });
        if (same != hosts_.end())
            same->times += host.times;
        else if (hosts_.size() < most)
            hosts_.push_back(
                {.name = host.name, .why = host.why, .step = std::string(step), .times = host.times});
    }
}

std::vector<RefusedHost> Refusals::all() const {
    const std::scoped_lock lock(mutex_);
    return hosts_;
}

RunDoor::RunDoor(std::unique_ptr<DoorHandle> door, std::stop_token detach)
    : door_(std::move(door)), detach_(std::move(detach)) {}

RunDoor::~RunDoor() {
    const auto folder = door_->directory();
    door_.reset();
    std::error_code gone;
    if (!detach_.stop_requested()) std::filesystem::remove_all(folder, gone);
}

Step<std::unique_ptr<RunDoor>> open_door(const Shop& shop, const std::string& name, DoorOrder order,
                                         std::stop_token detach) {
    order.directory = shop.door_dir / name;
    auto door = shop.doors.open(std::move(order));
    if (!door) return std::unexpected(halt(door.error(), sentence::opening_the_way_out));
    return std::make_unique<RunDoor>(std::move(*door), std::move(detach));
}

Step<std::unique_ptr<RunDoor>> open_step_door(const Shop& shop, const std::string& name,
                                              const std::vector<std::string>& asked,
                                              const std::filesystem::path& record) {
    if (asked.empty()) return nullptr;
    // Also when the operator allows none of it: then the door says so, and the pull request tells.
    return open_door(shop, name,
                     {.directory = {}, .hosts = hosts_for(shop, asked), .record = record, .models = {}}, {});
}

std::vector<std::string> hosts_for(const Shop& shop, const std::vector<std::string>& asked) {
    return config::hosts_below(asked, shop.settings.sandbox.egress);
}

}  // namespace bot
