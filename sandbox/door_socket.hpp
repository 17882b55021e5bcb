#pragma once

#include <sys/types.h>

#include <expected>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "sandbox/descriptor.hpp"
#include "sandbox/sandbox.hpp"
#include "sandbox/watch.hpp"

/// Sockets of the door: every wait has an end, and the door's own end cuts each of them short.
namespace sandbox {

/// How long to wait, and the descriptor that becomes readable when nobody should wait any longer.
struct Patience {
    Clock::time_point until;
    int stop = -1;

    /// The same stop, but not longer than `most` from now.
    [[nodiscard]] Patience at_most(std::chrono::milliseconds most) const;
};

enum class Waited { ready, late, stopped };

/// For poll()'s `events` of `fd`; errors and hang-ups count as ready. `fd` -1 waits for the end alone.
[[nodiscard]] Waited wait_for(int fd, short events, const Patience& patience);

/// Binds and listens on `door.sock` in `directory`, which is made; replaces the socket of an earlier door.
/// Nobody but the sandbox user may connect.
[[nodiscard]] std::expected<Descriptor, Error> listen_in(const std::filesystem::path& directory);

/// The user on the other side as the kernel saw it connect (unix(7), SO_PEERCRED).
[[nodiscard]] std::optional<uid_t> peer_user(int connection);

/// The beginning of a connection, without taking it, as far as is needed to know what it asks for
/// (sandbox/egress_head.hpp), or as far as it came before its end or that of patience.
[[nodiscard]] std::string peek_request(int connection, const Patience& patience);

/// Everything, or false.
[[nodiscard]] bool send_all(int connection, std::string_view bytes, const Patience& patience);

/// An answer of HTTP with a plain sentence; then the connection is over, both ways. What the client still
/// says is thrown away for a moment, or it would see a reset in the place of the answer.
void answer_and_end(int connection, int status, std::string_view sentence, const Patience& patience);

}  // namespace sandbox
