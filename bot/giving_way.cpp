#include "bot/giving_way.hpp"

#include <algorithm>

namespace bot {

namespace {

using namespace std::chrono_literals;

constexpr auto lull = 20ms;  ///< without a delivery: the flood is over
constexpr auto longest_wait = 100ms;
constexpr auto our_turn = 25ms;

}  // namespace

GivingWay::Clock::duration GivingWay::pause(Clock::time_point now, Clock::time_point last_delivery) {
    const auto over_at = last_delivery + lull;
    if (now >= over_at) {
        waiting_since_.reset();
        return {};
    }
    if (now < our_turn_until_) return {};
    if (!waiting_since_) waiting_since_ = now;
    const auto enough_at = *waiting_since_ + longest_wait;
    if (now < enough_at) return std::min(over_at, enough_at) - now;
    waiting_since_.reset();
    our_turn_until_ = now + our_turn;
    return {};
}

}  // namespace bot
