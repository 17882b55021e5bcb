#include "bot/giving_way.hpp"

#include <doctest/doctest.h>

using namespace std::chrono_literals;
using bot::GivingWay;

TEST_CASE("who thinks about deliveries waits until no more come in") {
    GivingWay way;
    const GivingWay::Clock::time_point start{1h};
    CHECK(way.pause(start, {}) == 0ms);
    CHECK(way.pause(start + 5ms, start) == 15ms);
    CHECK(way.pause(start + 20ms, start) == 0ms);
    CHECK(way.pause(start + 25ms, start + 24ms) == 19ms);
}

TEST_CASE("a flood that never ends leaves a fifth of the time, in turns") {
    GivingWay way;
    GivingWay::Clock::time_point now{1h};
    const auto end = now + 10s;
    auto ours = 0ms;
    auto longest = 0ms;
    auto waited = 0ms;
    while (now < end) {  // a delivery every millisecond
        const bool waits = way.pause(now, now - 1ms) > 0ms;
        waited = waits ? waited + 1ms : 0ms;
        longest = std::max(longest, waited);
        if (!waits) ours += 1ms;
        now += 1ms;
    }
    CHECK(ours >= 1800ms);
    CHECK(ours <= 2500ms);
    CHECK(longest <= 100ms);
}
