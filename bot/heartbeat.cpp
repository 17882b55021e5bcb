#include "bot/heartbeat.hpp"

namespace bot {

Heartbeat::Watch::Watch(Heartbeat& heartbeat, const Lease& lease) : heartbeat_(heartbeat), lease_(lease) {
    const std::lock_guard lock(heartbeat_.mutex_);
    heartbeat_.watches_.push_back(this);
}

Heartbeat::Watch::~Watch() {
    const std::lock_guard lock(heartbeat_.mutex_);
    heartbeat_.watches_.remove(this);
}

Heartbeat::Why Heartbeat::Watch::why() const {
    const std::lock_guard lock(heartbeat_.mutex_);
    return why_;
}

void Heartbeat::tick() {
    const std::lock_guard lock(mutex_);
    for (auto* watch : watches_) {
        if (watch->why_ != Why::none) continue;
        switch (ledger_.renew(watch->lease_)) {
            case Ledger::Renewal::held:
                break;
            case Ledger::Renewal::lost:
                watch->why_ = Why::lease_lost;
                break;
            case Ledger::Renewal::stop_requested:
                watch->why_ = Why::stop_requested;
                break;
        }
        if (watch->why_ != Why::none) watch->cancel_.request_stop();
    }
}

}  // namespace bot
