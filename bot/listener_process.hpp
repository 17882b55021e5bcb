#pragma once

#include <condition_variable>
#include <filesystem>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "bot/listener_keeper.hpp"
#include "bot/part.hpp"
#include "config/settings.hpp"
#include "sandbox/channel.hpp"
#include "sandbox/descriptor.hpp"

namespace bot {

/// The listener as a process of its own, with its keeper's end: gives it the listening socket and the webhook
/// secrets, takes its deliveries, answers its questions. One that dies is started anew on the same socket,
/// where connections wait meanwhile; what it had not answered was not acknowledged, and comes again.
class ListenerProcess {
 public:
    struct Options {
        std::string host = "127.0.0.1";
        int port = 0;  ///< 0: a free one
        std::vector<config::ForgeSettings>
            forges;  ///< their names, kinds and webhook secrets are handed over
        std::string log_level = "info";
        std::filesystem::path program;  ///< of the daemon
    };

    /// Serves from here on. `keeper` outlives it. Throws ListenError when it cannot listen,
    /// std::runtime_error when the process does not come up.
    ListenerProcess(Options options, ListenerKeeper& keeper);
    /// What has begun is answered.
    ~ListenerProcess();
    ListenerProcess(const ListenerProcess&) = delete;
    ListenerProcess& operator=(const ListenerProcess&) = delete;

    [[nodiscard]] int port() const;
    /// Of its process; -1 between two.
    [[nodiscard]] pid_t pid() const { return part_->pid(); }

 private:
    void keep(sandbox::Descriptor socket, const std::stop_token& stop);

    Options options_;
    ListenerKeeper& keeper_;
    sandbox::Descriptor listening_;
    std::mutex mutex_;  // of the next two
    std::condition_variable news_;
    enum class Start { begun, serves, failed } start_ = Start::begun;
    std::optional<Part> part_;
};

}  // namespace bot
