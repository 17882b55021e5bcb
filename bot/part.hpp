#pragma once

#include <condition_variable>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "sandbox/part.hpp"
#include "sandbox/peer.hpp"

namespace bot {

/// One of the daemon's own processes as the keeper has it: started, watched, and when it ends unasked started
/// anew after a moment, with a line in the log. See docs/processes.md for what each part may and holds.
class Part {
 public:
    /// What is done with the keeper's end of the channel, in the part's own thread: until the part is gone,
    /// or the token asks for an end.
    using Session = std::function<void(sandbox::Descriptor socket, const std::stop_token& stop)>;
    struct Plan {
        std::string name;
        std::filesystem::path program;  ///< of the daemon
        std::vector<int> files;         ///< go to the part after the channel; the caller keeps them open
        Session session;
    };

    explicit Part(Plan plan);
    /// Asks it to end by closing the channel; after ten seconds it is killed.
    ~Part();
    Part(const Part&) = delete;
    Part& operator=(const Part&) = delete;

    /// Of the process there is now; -1 between two.
    [[nodiscard]] pid_t pid() const;

 private:
    void keep_up(const std::stop_token& stop);
    [[nodiscard]] std::string once(const std::stop_token& stop);

    Plan plan_;
    mutable std::mutex mutex_;
    pid_t pid_ = -1;
    std::jthread thread_;
};

/// A part that answers calls.
class PeerPart {
 public:
    struct Plan {
        std::string name;
        std::filesystem::path program;
        sandbox::Peer::Verbs verbs;  ///< what the part may ask of the keeper
        /// The first calls, before those of anybody else: hands it what it needs. What it throws is why the
        /// part cannot work.
        std::function<void(sandbox::Peer&)> greet;
    };

    /// Waits until the part is greeted. Throws what the first greeting threw.
    explicit PeerPart(Plan plan);
    ~PeerPart();
    PeerPart(const PeerPart&) = delete;
    PeerPart& operator=(const PeerPart&) = delete;

    /// The part as it runs now, greeted. Waits for one that is being started anew, at most half a minute;
    /// then throws sandbox::ChannelError.
    [[nodiscard]] std::shared_ptr<sandbox::Peer> peer() const;
    [[nodiscard]] pid_t pid() const { return part_->pid(); }

 private:
    void serve(sandbox::Descriptor socket, const std::stop_token& stop);

    Plan plan_;
    mutable std::mutex mutex_;  // of all below
    mutable std::condition_variable news_;
    std::shared_ptr<sandbox::Peer> peer_;
    std::exception_ptr failure_;  ///< of the last greeting
    std::optional<Part> part_;
};

}  // namespace bot
