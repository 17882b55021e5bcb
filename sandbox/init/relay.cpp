#include "sandbox/init/relay.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <ctime>

/// Every descriptor is watched for its edges: it is told once when it becomes readable or writable, and is
/// then worked on until it would block. So nothing has to be taken out of the watch and put back, and a peer
/// that has hung up while its last bytes wait for a slow reader does not keep the loop spinning.
namespace init {

namespace {

constexpr int queue = 128;
/// Reads and writes of one way in one turn, so that a fast connection leaves room for the others.
constexpr int most_steps = 16;
/// Between attempts at what the kernel cannot tell us of.
constexpr int pause_milliseconds = 20;
/// A door with a full queue of callers: five seconds.
constexpr int most_attempts = 250;
/// One that is away comes back with the next daemon: ten seconds.
constexpr int most_attempts_away = 500;
/// For a program to read its answer while it still sends to a door that hears no more. Closing before it
/// stops would reset the connection, and what it has not read yet would be lost with that.
constexpr int deaf_milliseconds = 5'000;

enum class Carried { until_blocked, in_part, source_failed, sink_failed };

std::int64_t milliseconds() {
    timespec now{};
    (void)::clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000 + now.tv_nsec / 1'000'000;
}

bool watch(int epoll, int descriptor, void* place) {
    epoll_event event{.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data = {.ptr = place}};
    return ::epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor, &event) == 0;
}

Carried carry(Flow& flow, char* bytes, int from, int to) {
    for (int step = 0; step < most_steps; ++step) {
        if (flow.begin == flow.end && !flow.ended) {
            const auto n = ::recv(from, bytes, buffer_bytes, 0);
            if (n < 0) return errno == EAGAIN ? Carried::until_blocked : Carried::source_failed;
            flow.ended = n == 0;
            flow.begin = 0;
            flow.end = static_cast<std::size_t>(n);
        }
        if (flow.begin < flow.end) {
            const auto n = ::send(to, bytes + flow.begin, flow.end - flow.begin, MSG_NOSIGNAL);
            if (n < 0) return errno == EAGAIN ? Carried::until_blocked : Carried::sink_failed;
            flow.begin += static_cast<std::size_t>(n);
        } else if (flow.ended) {
            if (!flow.passed) ::shutdown(to, SHUT_WR);
            flow.passed = true;
            return Carried::until_blocked;
        }
    }
    return Carried::in_part;
}

/// What comes, to nobody; until it ends.
Carried throw_away(Flow& flow, char* bytes, int from) {
    for (int step = 0; step < most_steps && !flow.passed; ++step) {
        const auto n = ::recv(from, bytes, buffer_bytes, 0);
        if (n < 0) return errno == EAGAIN ? Carried::until_blocked : Carried::source_failed;
        flow.passed = n == 0;
    }
    return flow.passed ? Carried::until_blocked : Carried::in_part;
}

void drop(Connection& connection) {
    ::close(connection.client);
    if (connection.through) ::close(connection.door);
    connection = {};
}

}  // namespace

bool Relay::open(const char* door, int port, int epoll) {
    sockaddr_un far{};
    if (std::strlen(door) >= sizeof far.sun_path) {
        errno = ENAMETOOLONG;
        return false;
    }
    door_ = door;
    epoll_ = epoll;
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (listener_ < 0) return false;
    sockaddr_in own{};
    own.sin_family = AF_INET;
    own.sin_port = htons(static_cast<in_port_t>(port));
    own.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return ::bind(listener_, reinterpret_cast<const sockaddr*>(&own), sizeof own) == 0 &&
           ::listen(listener_, queue) == 0 && watch(epoll_, listener_, this);
}

void Relay::take(void* place) {
    if (place == this) {
        callers_ = true;
        return;
    }
    auto& connection = *static_cast<Connection*>(place);
    // An earlier event of the same turn may have ended it.
    if (connection.used && connection.through) carry_both(connection);
}

int Relay::turn() {
    const auto now = milliseconds();
    const bool again = now >= again_at_;
    if (again) again_at_ = now + pause_milliseconds;
    for (auto& connection : connections_) {
        if (again && connection.used && !connection.through) call_door(connection);
        if (connection.busy) carry_both(connection);
        if (connection.until != 0 && now >= connection.until) drop(connection);
    }
    if (callers_ && (again || !tired_)) accept_callers();
    bool busy = false;
    bool waiting = callers_ && tired_;
    for (const auto& connection : connections_) {
        busy = busy || connection.busy;
        waiting = waiting || (connection.used && !connection.through) || connection.until != 0;
    }
    if (busy) return 0;
    return waiting ? pause_milliseconds : -1;
}

void Relay::accept_callers() {
    tired_ = false;
    for (auto& connection : connections_) {
        if (connection.used) continue;
        const int client = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (client < 0) {
            callers_ = errno != EAGAIN;
            tired_ = callers_;
            return;
        }
        // Streams of small pieces are passed on as they come.
        const int on = 1;
        ::setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        connection.used = true;
        connection.client = client;
        call_door(connection);
    }
}

void Relay::call_door(Connection& connection) {
    sockaddr_un far{};
    far.sun_family = AF_UNIX;
    std::strncpy(far.sun_path, door_, sizeof far.sun_path - 1);
    const int door = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (door >= 0 && ::connect(door, reinterpret_cast<const sockaddr*>(&far), sizeof far) == 0 &&
        watch(epoll_, connection.client, &connection) && watch(epoll_, door, &connection)) {
        connection.through = true;
        connection.door = door;
        carry_both(connection);
        return;
    }
    // A Unix socket with a full queue does not tell when there is room again, and one that is away not when
    // it is back. What it costs in the end it costs this caller alone.
    const bool away = errno == ECONNREFUSED || errno == ENOENT;
    const bool full = errno == EAGAIN;
    if (door >= 0) ::close(door);
    ++connection.attempts;
    const bool waits =
        (full && connection.attempts < most_attempts) || (away && connection.attempts < most_attempts_away);
    if (!waits) drop(connection);
}

void Relay::carry_both(Connection& connection) {
    auto& buffers = buffers_[&connection - connections_];
    auto up = connection.deaf ? Carried::sink_failed
                              : carry(connection.up, buffers[0], connection.client, connection.door);
    if (up == Carried::sink_failed) {
        connection.deaf = true;  // but may have answered
        connection.up.passed = connection.up.passed || connection.up.ended;
        up = throw_away(connection.up, buffers[0], connection.client);
    }
    auto down = carry(connection.down, buffers[1], connection.door, connection.client);
    if (down == Carried::source_failed) {
        connection.down.ended = true;
        down = carry(connection.down, buffers[1], connection.door, connection.client);
    }
    const bool client_failed = up == Carried::source_failed || down == Carried::sink_failed;
    if (client_failed || (connection.up.passed && connection.down.passed)) {
        drop(connection);
        return;
    }
    if (connection.deaf && connection.down.passed && connection.until == 0)
        connection.until = milliseconds() + deaf_milliseconds;
    connection.busy = up == Carried::in_part || down == Carried::in_part;
}

}  // namespace init
