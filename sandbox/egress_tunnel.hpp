#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>

#include "sandbox/door_socket.hpp"

namespace sandbox {

struct TunnelLimits {
    std::uint64_t bytes = 0;  ///< both ways together; exactly as many may pass
    std::chrono::milliseconds idle{0};
};

struct TunnelEnd {
    std::uint64_t up = 0;    ///< to the outside
    std::uint64_t down = 0;  ///< to the inside
    std::string why;         ///< a few words
};

/// Copies bytes both ways until both sides have ended theirs, each end passed on by itself, or until a limit
/// or `patience` ends it. `passed` hears of bytes as they go. Never throws but for want of memory.
[[nodiscard]] TunnelEnd run_tunnel(int inside, int outside, const TunnelLimits& limits,
                                   const Patience& patience,
                                   const std::function<void(std::uint64_t)>& passed);

}  // namespace sandbox
