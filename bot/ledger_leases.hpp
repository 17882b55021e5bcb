#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <utility>

#include "bot/job.hpp"

namespace bot {

/// When the leases that this process gave or renewed run out, by a clock that neither jumps nor is set.
class LedgerLeases {
 public:
    using Steady = std::chrono::steady_clock::time_point;

    void hold(JobId job, std::int64_t token, Steady until) { held_[job] = {token, until}; }
    /// Nothing for a lease that another process gave.
    [[nodiscard]] std::optional<Steady> until(JobId job, std::int64_t token) const {
        const auto found = held_.find(job);
        if (found == held_.end() || found->second.first != token) return std::nullopt;
        return found->second.second;
    }
    /// Those of jobs that nobody works on any more.
    template <typename Goes>
    void forget(const Goes& goes) {
        std::erase_if(held_, [&](const auto& one) { return goes(one.first); });
    }

 private:
    std::map<JobId, std::pair<std::int64_t, Steady>> held_;
};

}  // namespace bot
