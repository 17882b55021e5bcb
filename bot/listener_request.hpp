#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <string>

#include "bot/listener_head.hpp"

namespace bot {

class ListenerServer;
struct ListenerConnection;

struct ListenerAnswer {
    int status = 200;
    std::string body;
    std::string type = "application/json";
    std::string more_headers;  ///< whole lines, each with its CR LF
};

/// One request, from its head to its answer. Belongs to whoever has it, in any thread: the answer may come
/// much later, and no thread waits for it. Dropped without an answer, its connection is closed.
class ListenerRequest {
 public:
    ListenerRequest(ListenerServer& server, std::unique_ptr<ListenerConnection> connection);
    ~ListenerRequest();
    ListenerRequest(ListenerRequest&& other) noexcept;
    ListenerRequest& operator=(ListenerRequest&&) = delete;

    /// Or what is wrong with it: such a request is answered and not looked at any further.
    [[nodiscard]] const std::expected<ListenerHead, std::string>& head() const;
    /// Of a head in which nothing is wrong; once, then it has none any more.
    [[nodiscard]] integrations::Headers take_headers();
    [[nodiscard]] std::string remote_address() const;

    enum class BodyFault { too_large, late, malformed, no_room };
    /// The whole body, read once; waits for it at most so long. Never holds more than `limit` bytes of it.
    [[nodiscard]] std::expected<std::string, BodyFault> body(std::size_t limit,
                                                             std::chrono::milliseconds within);

    /// Sends it; the request is over. After a body that was not read to its end the connection is closed.
    void answer(const ListenerAnswer& answer);

 private:
    [[nodiscard]] std::expected<void, BodyFault> take(std::uint64_t bytes, std::string& to);
    [[nodiscard]] std::expected<std::string, BodyFault> counted(std::uint64_t size);
    [[nodiscard]] std::expected<std::string, BodyFault> chunked(std::size_t limit);

    ListenerServer* server_;
    std::unique_ptr<ListenerConnection> connection_;
};

}  // namespace bot
