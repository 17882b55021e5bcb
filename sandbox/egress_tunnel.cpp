#include "sandbox/egress_tunnel.hpp"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>

namespace sandbox {

namespace {

constexpr std::size_t buffer_bytes = 256 << 10;

/// One direction. It reads only when all that it has read is written, so that a slow reader slows its writer.
class Way {
 public:
    Way(int from, int to) : from_(from), to_(to) {}

    [[nodiscard]] bool ended() const { return ended_; }
    [[nodiscard]] bool broken() const { return broken_; }
    [[nodiscard]] std::uint64_t written() const { return written_; }
    [[nodiscard]] short reads() const { return !ended_ && at_ == filled_ ? POLLIN : 0; }
    [[nodiscard]] short writes() const { return at_ < filled_ ? POLLOUT : 0; }

    /// Reads at most `most` bytes, which is not 0, into the empty buffer. How many came.
    std::uint64_t read(std::uint64_t most) {
        const auto got =
            ::recv(from_, buffer_.get(), std::min<std::uint64_t>(most, buffer_bytes), MSG_DONTWAIT);
        if (got > 0) {
            at_ = 0;
            filled_ = static_cast<std::size_t>(got);
            return filled_;
        }
        if (got == 0) {
            ended_ = true;
            ::shutdown(to_, SHUT_WR);
        } else {
            broken_ = !passing(errno);
        }
        return 0;
    }

    /// Writes what the other side takes at once of what is there. How much it took.
    std::uint64_t write() {
        const auto sent = ::send(to_, buffer_.get() + at_, filled_ - at_, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent < 0) {
            broken_ = !passing(errno);
            return 0;
        }
        at_ += static_cast<std::size_t>(sent);
        written_ += static_cast<std::uint64_t>(sent);
        return static_cast<std::uint64_t>(sent);
    }

 private:
    static bool passing(int error) { return error == EAGAIN || error == EINTR; }

    int from_;
    int to_;
    std::unique_ptr<char[]> buffer_ = std::make_unique_for_overwrite<char[]>(buffer_bytes);
    std::size_t at_ = 0;
    std::size_t filled_ = 0;
    std::uint64_t written_ = 0;
    bool ended_ = false;
    bool broken_ = false;
};

class Tunnel {
 public:
    Tunnel(int inside, int outside, const TunnelLimits& limits, const Patience& patience,
           const std::function<void(std::uint64_t)>& passed)
        : inside_(inside),
          outside_(outside),
          limits_(limits),
          patience_(patience),
          passed_(passed),
          up_(inside, outside),
          down_(outside, inside) {}

    TunnelEnd run() {
        std::string why;
        while (why.empty()) why = turn();
        return {.up = up_.written(), .down = down_.written(), .why = std::move(why)};
    }

 private:
    /// Waits for something to do and does it; why it is over, or nothing.
    std::string turn() {
        const auto idle_until = moved_ + limits_.idle;
        // A side that nothing is wanted of is left out: its hang-up would wake us without end. The inside
        // stays in once it has ended its way, to notice when it is gone altogether.
        const auto wanted = [](int fd, int events, bool always) {
            return pollfd{
                .fd = events != 0 || always ? fd : -1, .events = static_cast<short>(events), .revents = 0};
        };
        std::array<pollfd, 3> fds{wanted(inside_, up_.reads() | down_.writes(), up_.ended()),
                                  wanted(outside_, down_.reads() | up_.writes(), false),
                                  wanted(patience_.stop, POLLIN, false)};
        const auto now = Clock::now();
        if (now >= patience_.until) return "longer than a connection may take";
        if (now >= idle_until) return "idle for too long";
        if (::poll(fds.data(), fds.size(), poll_milliseconds(now, std::min(idle_until, patience_.until))) <
                0 &&
            errno != EINTR)
            return "out of memory";
        if (fds[2].revents != 0) return "the door was closed";
        if (up_.ended() && (fds[0].revents & (POLLHUP | POLLERR)) != 0)
            return down_.ended() ? "both sides ended it" : "the program ended it";

        if (!serve(up_, fds[0].revents, fds[1].revents) || !serve(down_, fds[1].revents, fds[0].revents))
            return "more bytes than a connection may take";
        if (up_.broken() || down_.broken()) return "one side broke it off";
        return up_.ended() && down_.ended() ? "both sides ended it" : "";
    }

    /// False when the limit of bytes is reached and there are more.
    bool serve(Way& way, int from_ready, int to_ready) {
        std::uint64_t moved = 0;
        if (way.reads() != 0 && from_ready != 0) {
            const auto left = limits_.bytes - read_;
            moved = way.read(std::min<std::uint64_t>(left, buffer_bytes) + 1);
            if (moved > left) return false;
            read_ += moved;
            passed_(moved);
            to_ready = POLLOUT;  // try at once
        }
        if (way.writes() != 0 && to_ready != 0) moved += way.write();
        if (moved > 0) moved_ = Clock::now();
        return true;
    }

    int inside_;
    int outside_;
    const TunnelLimits& limits_;
    const Patience& patience_;
    const std::function<void(std::uint64_t)>& passed_;
    Way up_;
    Way down_;
    std::uint64_t read_ = 0;
    Clock::time_point moved_ = Clock::now();
};

}  // namespace

TunnelEnd run_tunnel(int inside, int outside, const TunnelLimits& limits, const Patience& patience,
                     const std::function<void(std::uint64_t)>& passed) {
    return Tunnel(inside, outside, limits, patience, passed).run();
}

}  // namespace sandbox
