#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <expected>
#include <string>

#include "bot/listener_head.hpp"
#include "bot/listener_socket.hpp"

namespace bot {

/// One connection and how far its request has come.
struct ListenerConnection {
    using Clock = std::chrono::steady_clock;

    ListenerConnection(int descriptor, const std::atomic<bool>& stopping) : socket(descriptor, stopping) {}

    ListenerSocket socket;
    std::expected<ListenerHead, std::string> head;
    bool body_left = false;  ///< bytes may follow that are no request
    enum class Waits { for_first_byte, for_head, for_body, to_drain } waits = Waits::for_head;
    Clock::time_point until;
    Clock::time_point ready_since;
    std::size_t drained = 0;  ///< to_drain
    std::size_t held = 0;     ///< bytes of the body that the server counts
};

}  // namespace bot
