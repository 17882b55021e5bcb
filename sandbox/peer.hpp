#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

#include "sandbox/channel.hpp"

namespace sandbox {

/// What the other side's verb threw, in its words.
class PeerError : public std::runtime_error {
 public:
    using std::runtime_error::runtime_error;
};

/// Calls and news both ways over one channel. Thread-safe. Each call that comes in is answered in a thread of
/// its own, so a verb may take as long as it likes and call back. News is handled in the order it was sent,
/// by the thread that listens: what takes it must be quick and must not call.
class Peer {
 public:
    /// Answers a call; what it throws (std::exception) the caller gets as PeerError.
    using Verb = std::function<Message(Message)>;
    using Verbs = std::map<std::string, Verb, std::less<>>;

    /// `most_at_once`: calls of the other side that are answered at a time; one that makes more is not
    /// listened to any more.
    Peer(Descriptor socket, Verbs verbs, std::size_t most_at_once = 4096);
    /// Ends the channel; waits for the verbs under way.
    ~Peer();
    Peer(const Peer&) = delete;
    Peer& operator=(const Peer&) = delete;

    /// Waits for the answer. Throws PeerError, or ChannelError when the other side is gone or goes, or has
    /// not answered after `longest`.
    Message call(std::string_view verb, Message question = {},
                 std::optional<std::chrono::milliseconds> longest = std::nullopt);
    /// Says it and waits for nothing. Throws ChannelError.
    void tell(std::string_view verb, Message news = {});

    /// Until the other side is gone.
    void wait();
    /// From now on every call fails, those under way too.
    void shut_down();
    [[nodiscard]] bool over() const;

 private:
    struct Waiting {
        std::condition_variable bell;
        std::optional<Message> answer;
    };

    void listen();
    void answer(Message question);
    void take(Message message);
    void take_answer(std::uint64_t number, Message message);
    Message handle(Message question) const;

    Channel channel_;
    const Verbs verbs_;
    const std::size_t most_at_once_;
    mutable std::mutex mutex_;  // of all below
    std::condition_variable news_;
    std::uint64_t calls_ = 0;
    std::map<std::uint64_t, Waiting> waiting_;
    std::size_t answering_ = 0;
    bool over_ = false;
    std::jthread listener_;
};

}  // namespace sandbox
