#pragma once

#include <doctest/doctest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "sandbox/descriptor.hpp"
#include "sandbox/sandbox.hpp"

/// What stands behind a door's socket in tests of the way to it.
namespace stage {

/// Listens in the folder of a door; each connection is `serve`d by a thread of its own.
class FarEnd {
 public:
    FarEnd(const std::filesystem::path& folder, std::function<void(int)> serve, int queue = 64)
        : socket_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)), serve_(std::move(serve)) {
        const auto path = folder / sandbox::door_socket;
        std::filesystem::remove(path);
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        path.string().copy(address.sun_path, sizeof address.sun_path - 1);
        REQUIRE(::bind(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
        REQUIRE(::chown(path.c_str(), sandbox::sandbox_uid(), sandbox::sandbox_uid()) == 0);
        REQUIRE(::listen(socket_.get(), queue) == 0);
        acceptor_ = std::jthread([this](const std::stop_token& stop) { accept(stop); });
    }
    ~FarEnd() {
        acceptor_.request_stop();
        acceptor_.join();
        servers_.clear();
    }
    FarEnd(const FarEnd&) = delete;
    FarEnd& operator=(const FarEnd&) = delete;

    [[nodiscard]] int calls() const { return calls_; }
    /// Callers wait in the queue until it says go on.
    void hold(bool held) { held_ = held; }

 private:
    void accept(const std::stop_token& stop) {
        while (!stop.stop_requested()) {
            pollfd ready{held_ ? -1 : socket_.get(), POLLIN, 0};
            if (::poll(&ready, 1, 20) <= 0) continue;
            const int caller = ::accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC);
            if (caller < 0) continue;
            ++calls_;
            servers_.emplace_back([this, caller] {
                const sandbox::Descriptor owned(caller);
                serve_(owned.get());
            });
        }
    }

    sandbox::Descriptor socket_;
    std::function<void(int)> serve_;
    std::atomic<int> calls_{0};
    std::atomic<bool> held_{false};
    std::vector<std::jthread> servers_;
    std::jthread acceptor_;
};

inline bool send_all(int socket, std::string_view bytes) {
    while (!bytes.empty()) {
        const auto n = ::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (n <= 0) return false;
        bytes.remove_prefix(static_cast<std::size_t>(n));
    }
    return true;
}

/// To the other side's end.
inline std::string receive_all(int socket) {
    std::string all;
    std::vector<char> buffer(64 << 10);
    for (;;) {
        const auto n = ::recv(socket, buffer.data(), buffer.size(), 0);
        if (n <= 0) return all;
        all.append(buffer.data(), static_cast<std::size_t>(n));
    }
}

inline void echo(int socket) {
    std::vector<char> buffer(64 << 10);
    for (;;) {
        const auto n = ::recv(socket, buffer.data(), buffer.size(), 0);
        if (n <= 0 || !send_all(socket, {buffer.data(), static_cast<std::size_t>(n)})) return;
    }
}

}  // namespace stage
