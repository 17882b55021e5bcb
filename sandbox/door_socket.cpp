#include "sandbox/door_socket.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "sandbox/egress_head.hpp"

namespace sandbox {

namespace {

/// What may be better later is no reason to give a job up.
Error::Kind kind_of(int error) {
    const bool passing = error == ENOSPC || error == EDQUOT || error == EMFILE || error == ENFILE ||
                         error == ENOMEM || error == ENOBUFS || error == EIO;
    return passing ? Error::Kind::unavailable : Error::Kind::refused;
}

std::unexpected<Error> refuse(const std::filesystem::path& place, std::string_view what, int error) {
    return std::unexpected(
        Error{kind_of(error), fmt::format("{}: {}: {}; make state_dir writable for this user, "
                                          "with room on its disk",
                                          place.string(), what, std::strerror(error))});
}

/// Ours, 0711: whoever is inside may pass through to the socket, but not list or change anything.
std::expected<Descriptor, Error> open_folder(const std::filesystem::path& directory) {
    if (::mkdir(directory.c_str(), 0711) != 0 && errno != EEXIST)
        return refuse(directory, "cannot make the folder of the door", errno);
    Descriptor folder(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    struct stat status{};
    if (!folder || ::fstat(folder.get(), &status) != 0)
        return refuse(directory, "cannot open the folder of the door", errno);
    if (status.st_uid != ::geteuid()) {
        return std::unexpected(
            Error{Error::Kind::refused,
                  fmt::format("{}: the folder of the door belongs to user id {}; remove it, it is made anew",
                              directory.string(), status.st_uid)});
    }
    if (::fchmod(folder.get(), 0711) != 0) return refuse(directory, "cannot set mode 0711", errno);
    return folder;
}

std::expected<void, Error> remove_stale(int folder, const std::filesystem::path& place) {
    struct stat status{};
    if (::fstatat(folder, place.filename().c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) {
        if (errno == ENOENT) return {};
        return refuse(place, "cannot look at what is there", errno);
    }
    if (!S_ISSOCK(status.st_mode)) {
        return std::unexpected(
            Error{Error::Kind::refused,
                  fmt::format("{}: is in the way of the door and is no socket; remove it", place.string())});
    }
    if (::unlinkat(folder, place.filename().c_str(), 0) != 0)
        return refuse(place, "cannot remove the socket of an earlier door", errno);
    return {};
}

std::string_view reason(int status) {
    switch (status) {
        case 403:
            return "Forbidden";
        case 408:
            return "Request Timeout";
        case 502:
            return "Bad Gateway";
        case 503:
            return "Service Unavailable";
        case 504:
            return "Gateway Timeout";
        default:
            return "Refused";
    }
}

/// Reads until the end, at most 1 MiB.
void drain(int connection, const Patience& patience) {
    std::array<char, 16 << 10> waste{};
    for (int pieces = 0; pieces < 64 && wait_for(connection, POLLIN, patience) == Waited::ready; ++pieces)
        if (::recv(connection, waste.data(), waste.size(), MSG_DONTWAIT) <= 0) return;
}

}  // namespace

Patience Patience::at_most(std::chrono::milliseconds most) const {
    return {.until = std::min(until, Clock::now() + most), .stop = stop};
}

Waited wait_for(int fd, short events, const Patience& patience) {
    std::array<pollfd, 2> both{
        {{.fd = fd, .events = events, .revents = 0}, {.fd = patience.stop, .events = POLLIN, .revents = 0}}};
    for (;;) {
        const auto now = Clock::now();
        const int count = ::poll(both.data(), both.size(), poll_milliseconds(now, patience.until));
        if (both[1].revents != 0) return Waited::stopped;
        if (both[0].revents != 0) return Waited::ready;
        if (count < 0 && errno != EINTR) return Waited::stopped;
        if (now >= patience.until) return Waited::late;
    }
}

std::expected<Descriptor, Error> listen_in(const std::filesystem::path& directory) {
    const auto place = directory / door_socket;
    auto folder = open_folder(directory);
    if (!folder) return std::unexpected(folder.error());
    if (auto removed = remove_stale(folder->get(), place); !removed) return std::unexpected(removed.error());

    Descriptor listener(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    // By way of the open folder: an address has 108 bytes (unix(7)), a folder's path may have more.
    const auto path = fmt::format("/proc/self/fd/{}/{}", folder->get(), door_socket);
    sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
    path.copy(static_cast<char*>(address.sun_path), sizeof address.sun_path - 1);
    if (!listener || ::bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
        return refuse(place, "cannot bind the socket of the door", errno);
    // Nobody can connect before listen(), so the right owner is there in time.
    if (::fchownat(folder->get(), place.filename().c_str(), sandbox_uid(), sandbox_uid(),
                   AT_SYMLINK_NOFOLLOW) != 0)
        return refuse(place, "cannot give the socket to the sandbox user", errno);
    if (::fchmodat(folder->get(), place.filename().c_str(), 0600, 0) != 0)
        return refuse(place, "cannot set mode 0600", errno);
    if (::listen(listener.get(), SOMAXCONN) != 0) return refuse(place, "cannot listen", errno);
    return listener;
}

std::optional<uid_t> peer_user(int connection) {
    ucred peer{};
    socklen_t size = sizeof peer;
    if (::getsockopt(connection, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return std::nullopt;
    return peer.uid;
}

std::string peek_request(int connection, const Patience& patience) {
    constexpr std::chrono::milliseconds pause{5};
    std::string bytes;
    for (std::size_t before = 0;; before = bytes.size()) {
        // poll() is ready as long as there is anything to look at; for more of it there is only time.
        if (before > 0 && wait_for(-1, 0, patience.at_most(pause)) == Waited::stopped) return {};
        if (wait_for(connection, POLLIN, patience) == Waited::stopped) return {};
        // Asked before looking: what is there afterwards is all that ever comes.
        const bool all = wait_for(connection, POLLRDHUP, patience.at_most({})) == Waited::ready;
        bytes.resize(longest_head);
        const auto got = ::recv(connection, bytes.data(), bytes.size(), MSG_PEEK | MSG_DONTWAIT);
        bytes.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
        if (got <= 0 || all || asked(bytes) != Asked::unclear || Clock::now() >= patience.until) return bytes;
    }
}

bool send_all(int connection, std::string_view bytes, const Patience& patience) {
    while (!bytes.empty()) {
        const auto sent = ::send(connection, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent > 0) {
            bytes.remove_prefix(static_cast<std::size_t>(sent));
        } else if (errno == EAGAIN) {
            if (wait_for(connection, POLLOUT, patience) != Waited::ready) return false;
        } else if (errno != EINTR) {
            return false;
        }
    }
    return true;
}

void answer_and_end(int connection, int status, std::string_view sentence, const Patience& patience) {
    const auto answer = fmt::format(
        "HTTP/1.1 {} {}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {}\r\n"
        "Connection: close\r\n\r\n{}\n",
        status, reason(status), sentence.size() + 1, sentence);
    const auto moment = patience.at_most(std::chrono::seconds(2));
    if (!send_all(connection, answer, moment)) return;
    ::shutdown(connection, SHUT_WR);
    drain(connection, moment);
}

}  // namespace sandbox
