#include "bot/listener_socket.hpp"

#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <string_view>

namespace bot {

namespace {

using namespace std::chrono_literals;

constexpr auto slow_start = 2s;
constexpr double slowest_bytes_per_second = 16 * 1024;
constexpr auto stop_check = 250ms;

}  // namespace

ListenerSocket::ListenerSocket(int descriptor, const std::atomic<bool>& stopping)
    : descriptor_(descriptor), stopping_(stopping) {
    ::fcntl(descriptor_, F_SETFD, FD_CLOEXEC);  // programs we start must not inherit it
    const int on = 1;
    ::setsockopt(descriptor_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    sockaddr_storage address{};
    socklen_t length = sizeof address;
    std::array<char, NI_MAXHOST> host{};
    std::array<char, NI_MAXSERV> service{};
    auto* generic = reinterpret_cast<sockaddr*>(&address);
    if (::getpeername(descriptor_, generic, &length) == 0 &&
        ::getnameinfo(generic, length, host.data(), host.size(), service.data(), service.size(),
                      NI_NUMERICHOST | NI_NUMERICSERV) == 0) {
        remote_ip_ = host.data();
        const std::string_view digits(service.data());
        std::from_chars(digits.data(), digits.data() + digits.size(), remote_port_);
    }
}

ListenerSocket::~ListenerSocket() { ::close(descriptor_); }

ListenerSocket::Took ListenerSocket::take_in() {
    thread_local std::array<char, 64 * 1024> room;
    const auto got = ::recv(descriptor_, room.data(), room.size(), MSG_DONTWAIT);
    if (got == 0) return Took::end;
    if (got < 0) return errno == EAGAIN || errno == EINTR ? Took::nothing : Took::end;
    if (read_ == input_.size()) drop_input();
    input_.append(room.data(), static_cast<std::size_t>(got));
    bytes_ += static_cast<std::uint64_t>(got);
    return Took::some;
}

void ListenerSocket::drop_input() {
    constexpr std::size_t worth_keeping = 16 * 1024;
    if (input_.capacity() > worth_keeping) std::string().swap(input_);
    input_.clear();
    read_ = 0;
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
        if (!output_.empty() && !flush()) return false;  // "100 Continue"
        pollfd waiting{.fd = descriptor_, .events = POLLIN, .revents = 0};
        (void)::poll(&waiting, 1,
                     static_cast<int>(std::min<std::chrono::milliseconds>(left, stop_check).count()));
    }
}

ssize_t ListenerSocket::read(char* to, std::size_t size) {
    if (read_ == input_.size() && !fill()) return -1;
    if (size == 1) {  // httplib reads heads byte by byte
        *to = input_[read_++];
        return 1;
    }
    const auto some = input().copy(to, size);
    read_ += some;
    return static_cast<ssize_t>(some);
}

ssize_t ListenerSocket::write(const char* from, std::size_t size) {
    constexpr std::size_t worth_sending = 64 * 1024;
    output_.append(from, size);
    if (output_.size() >= worth_sending && !flush()) return -1;
    return static_cast<ssize_t>(size);
}

bool ListenerSocket::flush() {
    std::string_view rest = output_;
    while (!rest.empty()) {
        const auto sent = ::send(descriptor_, rest.data(), rest.size(), MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR) continue;
        if (sent <= 0) break;
        rest.remove_prefix(static_cast<std::size_t>(sent));
    }
    const bool all = rest.empty();
    output_.clear();
    return all;
}

void ListenerSocket::get_remote_ip_and_port(std::string& ip, int& port) const {
    ip = remote_ip_;
    port = remote_port_;
}

void ListenerSocket::get_local_ip_and_port(std::string& ip, int& port) const {
    ip.clear();  // nobody asks
    port = 0;
}

}  // namespace bot
