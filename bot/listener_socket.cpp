#include "bot/listener_socket.hpp"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

namespace bot {

namespace {

using namespace std::chrono_literals;

constexpr auto slow_start = 2s;
constexpr double slowest_bytes_per_second = 16 * 1024;
constexpr auto stop_check = 250ms;

}  // namespace

ListenerSocket::ListenerSocket(int descriptor, const std::atomic<bool>& stopping)
    : descriptor_(descriptor), stopping_(stopping) {
    const int on = 1;
    ::setsockopt(descriptor_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    const int room = 256 * 1024;  // for an answer as a whole
    ::setsockopt(descriptor_, SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
}

ListenerSocket::~ListenerSocket() { ::close(descriptor_); }

std::string ListenerSocket::remote_address() const {
    sockaddr_storage address{};
    socklen_t length = sizeof address;
    std::array<char, NI_MAXHOST> host{};
    auto* generic = reinterpret_cast<sockaddr*>(&address);
    if (::getpeername(descriptor_, generic, &length) != 0 ||
        ::getnameinfo(generic, length, host.data(), host.size(), nullptr, 0, NI_NUMERICHOST) != 0)
        return "somebody who is gone";
    return host.data();
}

ListenerSocket::Took ListenerSocket::take_in() {
    thread_local std::array<char, 64 * 1024> room;
    const auto got = ::recv(descriptor_, room.data(), room.size(), MSG_DONTWAIT);
    if (got == 0) return Took::end;
    if (got < 0) return errno == EAGAIN || errno == EINTR ? Took::nothing : Took::end;
    if (used_ == input_.size()) drop_input();
    input_.append(room.data(), static_cast<std::size_t>(got));
    bytes_ += static_cast<std::uint64_t>(got);
    return Took::some;
}

void ListenerSocket::drop_input() {
    constexpr std::size_t worth_keeping = 16 * 1024;
    if (input_.capacity() > worth_keeping) std::string().swap(input_);
    input_.clear();
    used_ = 0;
}

void ListenerSocket::expect(std::chrono::milliseconds within) {
    began_ = Clock::now();
    deadline_ = began_ + within;
    bytes_ = 0;
}

bool ListenerSocket::fill() {
    for (;;) {
        switch (take_in()) {
            case Took::some: {
                const std::chrono::duration<double> gone = Clock::now() - began_;
                return gone < slow_start ||
                       static_cast<double>(bytes_) >= gone.count() * slowest_bytes_per_second;
            }
            case Took::end:
                return false;
            case Took::nothing:
                break;
        }
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline_ - Clock::now());
        if (left <= 0ms || stopping_) return false;
        pollfd waiting{.fd = descriptor_, .events = POLLIN, .revents = 0};
        (void)::poll(&waiting, 1,
                     static_cast<int>(std::min<std::chrono::milliseconds>(left, stop_check).count()));
    }
}

bool ListenerSocket::send(std::string_view text) const {
    const auto sent = ::send(descriptor_, text.data(), text.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    return sent == static_cast<ssize_t>(text.size());
}

}  // namespace bot
