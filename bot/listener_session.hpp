#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "bot/listener_keeper.hpp"
#include "config/settings.hpp"
#include "sandbox/channel.hpp"

namespace bot {

/// The keeper's end of the channel to one process that listens. What comes over it is hostile: sizes are
/// bounded, and a process that does not speak as it must is not heard any more.
class ListenerSession {
 public:
    /// All outlive it.
    ListenerSession(sandbox::Channel& channel, const std::vector<config::ForgeSettings>& forges,
                    ListenerKeeper& keeper);
    /// Waits until nothing of this process is on its way to the disk.
    ~ListenerSession();
    ListenerSession(const ListenerSession&) = delete;
    ListenerSession& operator=(const ListenerSession&) = delete;

    /// Hands it what it needs.
    void greet(const std::string& log_level);
    /// Serves it until it is gone; `serving` is called when it takes connections. After `stop` it has ten
    /// seconds to answer what has begun. Throws sandbox::ChannelError.
    void serve(const std::function<void()>& serving, const std::stop_token& stop);

 private:
    void take_deliveries(std::uint64_t number, std::vector<std::string> blobs);
    void take_question(const std::string& what);
    void say_asked(const std::stop_token& stop);
    void say(const sandbox::Message& message);

    sandbox::Channel& channel_;
    const std::vector<config::ForgeSettings>& forges_;
    ListenerKeeper& keeper_;
    std::map<std::string, std::size_t, std::less<>> limits_;  ///< bytes of a body, by forge
    std::mutex mutex_;                                        // of all below
    std::condition_variable_any news_;
    std::size_t recording_ = 0;   ///< messages of deliveries in hand, and not answered
    std::size_t unfinished_ = 0;  ///< records that still need this
    std::deque<std::string> asked_;
    std::jthread teller_;
};

}  // namespace bot
