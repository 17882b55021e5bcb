#pragma once

#include <chrono>
#include <optional>

namespace bot {

/// Acknowledging deliveries comes before thinking about them: while they keep coming, who thinks gives way.
/// For one thread.
class GivingWay {
 public:
    using Clock = std::chrono::steady_clock;

    /// How long to wait before asking again; zero: go on. A flood that does not end has its way for 100 ms,
    /// then 25 ms are ours, and so on in turns.
    [[nodiscard]] Clock::duration pause(Clock::time_point now, Clock::time_point last_delivery);

 private:
    std::optional<Clock::time_point> waiting_since_;
    Clock::time_point our_turn_until_{};
};

}  // namespace bot
