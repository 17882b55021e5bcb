#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

#include "integrations/delivery.hpp"

namespace bot {

/// The head of one HTTP request.
struct ListenerHead {
    std::string method;
    std::string path;               ///< without the query; not decoded
    integrations::Headers headers;  ///< names in lower case
    enum class Body { none, counted, chunked } body = Body::none;
    std::uint64_t length = 0;       ///< counted: bytes of the body
    bool expects_continue = false;  ///< the sender waits for a word before it sends the body
    bool keeps_open = true;         ///< the sender may send another request on this connection
};

inline constexpr std::string_view line_end = "\r\n";

/// Reads a head up to and without its empty line. Strict, so that a proxy before us cannot have seen another
/// request in the same bytes (RFC 9112, sections 2.2, 3, 5 and 6): what it leaves to taste is refused. The
/// error is a sentence of our own for the sender.
[[nodiscard]] std::expected<ListenerHead, std::string> read_listener_head(std::string_view text);

}  // namespace bot
