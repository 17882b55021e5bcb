#pragma once

#include <cstddef>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

/// The head of a CONNECT request, read once: the name that the policy judges is the one that is resolved and
/// dialled, so that no second reading can differ from the first.
namespace sandbox {

/// A whole head is at most this long.
inline constexpr std::size_t longest_head = 8 << 10;

struct ConnectHead {
    std::string host;      ///< good for config::host_fault; the port is 443
    std::size_t size = 0;  ///< bytes of the head with its empty line; what follows belongs to the tunnel
};

struct HeadFault {
    std::string host;  ///< what was asked for, as far as it can be told; raw bytes of a stranger
    std::string why;   ///< a few words
};

/// The bytes of a connection from its beginning. Nothing: no fault yet, but the head has not ended either.
[[nodiscard]] std::expected<std::optional<ConnectHead>, HeadFault> read_connect_head(std::string_view bytes);

/// The name in `GET http://name:80/path HTTP/1.1`, raw, as far as the line has one: only to be shown.
/// Nothing when the target has another form.
[[nodiscard]] std::optional<std::string> absolute_target_host(std::string_view request_line);

/// What can be said of a first line of which only the beginning is there.
enum class Asked {
    unclear,   ///< needs more bytes
    connect,   ///< a tunnel
    absolute,  ///< a request to a proxy for plain HTTP: everything up to the end of the line is there
    origin,    ///< everything else: a request to a server, or nonsense
};
[[nodiscard]] Asked asked(std::string_view first_bytes);

/// A stranger's text as printable ASCII: other bytes as \xNN, at most 253 characters.
[[nodiscard]] std::string shown(std::string_view text);

}  // namespace sandbox
