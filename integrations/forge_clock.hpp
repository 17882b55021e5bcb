#pragma once

#include <chrono>
#include <functional>
#include <thread>

namespace integrations {

/// Time as the client sees it; tests crank it by hand.
struct ForgeClock {
    std::function<std::chrono::system_clock::time_point()> now = std::chrono::system_clock::now;
    std::function<void(std::chrono::milliseconds)> sleep = [](std::chrono::milliseconds time) {
        std::this_thread::sleep_for(time);
    };
};

}  // namespace integrations
