#include "bot/single_flight.hpp"

#include <utility>

namespace bot {

SingleFlight::Turn::Turn(SingleFlight& flights, std::string key, const std::stop_token& stop)
    : flights_(flights), key_(std::move(key)) {
    std::unique_lock lock(flights_.mutex_);
    held_ = flights_.landed_.wait(lock, stop, [this] { return !flights_.flying_.contains(key_); });
    if (held_) flights_.flying_.insert(key_);
}

SingleFlight::Turn::~Turn() {
    if (!held_) return;
    const std::lock_guard lock(flights_.mutex_);
    flights_.flying_.erase(key_);
    flights_.landed_.notify_all();
}

}  // namespace bot
