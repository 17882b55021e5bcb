#pragma once

#include <cstddef>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "sandbox/descriptor.hpp"

/// How the daemon's own processes talk: messages over a pair of connected Unix sockets (unix(7),
/// SOCK_STREAM).
namespace sandbox {

/// A head for people and programs, bytes as they are, and open descriptors.
struct Message {
    nlohmann::json head = nlohmann::json::object();
    std::vector<std::string> blobs;  ///< at most 4,096
    std::vector<Descriptor> files;   ///< at most 16
};

/// The other side is gone, or does not speak as it must: nothing more can be said or heard.
class ChannelError : public std::runtime_error {
 public:
    using std::runtime_error::runtime_error;
};

/// One end. Several threads may send; one at a time receives. What comes is hostile: its sizes are bounded,
/// its head must be a JSON object.
class Channel {
 public:
    static constexpr std::size_t most_bytes = 192ULL << 20;  ///< of a message, head and blobs together

    explicit Channel(Descriptor socket) : socket_(std::move(socket)) {}
    Channel(const Channel&) = delete;
    Channel& operator=(const Channel&) = delete;

    /// Two connected ends, closed at exec unless they are passed on. Throws ChannelError.
    [[nodiscard]] static std::pair<Descriptor, Descriptor> pair();

    /// All of it, or ChannelError.
    void send(const Message& message);
    /// The next one; nothing when the other side has ended in good order. Throws ChannelError.
    [[nodiscard]] std::optional<Message> receive();
    /// Nobody waits on either side any more.
    void shut_down() const;
    [[nodiscard]] int descriptor() const { return socket_.get(); }

 private:
    Descriptor socket_;
    std::mutex sending_;
};

}  // namespace sandbox
