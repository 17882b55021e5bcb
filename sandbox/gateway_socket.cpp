#include "sandbox/gateway_socket.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

namespace sandbox {

namespace {

using std::chrono::milliseconds;

/// What is still taken of a request that was refused before its end.
constexpr std::uint64_t most_drained = 64 << 20;
constexpr milliseconds drain_time{2'000};

std::string head_of(int status, const httplib::Headers& headers) {
    auto head = fmt::format("HTTP/1.1 {} {}\r\n", status, status < 400 ? "OK" : "Refused");
    for (const auto& [name, value] : headers) head += fmt::format("{}: {}\r\n", name, value);
    return head;
}

}  // namespace

GatewaySocket::GatewaySocket(Descriptor descriptor, milliseconds patience, std::stop_token stop)
    : descriptor_(std::move(descriptor)), patience_(patience), stop_(std::move(stop)) {
    ::fcntl(descriptor_.get(), F_SETFD, FD_CLOEXEC);
    ::fcntl(descriptor_.get(), F_SETFL, ::fcntl(descriptor_.get(), F_GETFL) | O_NONBLOCK);
}

bool GatewaySocket::await(short events, Clock::time_point until) const {
    for (;;) {
        const auto left = std::chrono::ceil<milliseconds>(until - Clock::now());
        if (left.count() <= 0 || stop_.stop_requested()) return false;
        pollfd waiting{descriptor_.get(), events, 0};
        if (::poll(&waiting, 1, static_cast<int>(std::min(left, stop_check).count())) > 0) return true;
    }
}

bool GatewaySocket::fill(Clock::time_point until) {
    input_.resize(64 << 10);
    at_ = 0;
    for (;;) {
        const auto got = ::recv(descriptor_.get(), input_.data(), input_.size(), 0);
        input_.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
        if (got > 0) return true;
        if (got == 0 || (errno != EAGAIN && errno != EINTR) || !await(POLLIN, until)) return false;
        input_.resize(64 << 10);
    }
}

bool GatewaySocket::await_request(milliseconds idle) {
    answered_ = false;
    return at_ < input_.size() || fill(Clock::now() + idle);
}

void GatewaySocket::expect(std::uint64_t bytes) {
    may_read_ = bytes;
    until_ = Clock::now() + patience_;
}

ssize_t GatewaySocket::read(char* to, std::size_t size) {
    if (may_read_ == 0 || Clock::now() > until_) return -1;
    if (at_ == input_.size() && !fill(until_)) return -1;
    const auto some = std::min<std::uint64_t>({size, input_.size() - at_, may_read_});
    std::copy_n(input_.data() + at_, some, to);
    at_ += some;
    may_read_ -= some;
    return static_cast<ssize_t>(some);
}

ssize_t GatewaySocket::write(const char* from, std::size_t size) {
    if (answered_) return static_cast<ssize_t>(size);
    return send({from, size}) ? static_cast<ssize_t>(size) : -1;
}

bool GatewaySocket::send(std::string_view bytes) {
    while (!bytes.empty()) {
        const auto sent = ::send(descriptor_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (sent > 0)
            bytes.remove_prefix(static_cast<std::size_t>(sent));
        else if ((errno != EAGAIN && errno != EINTR) || !await(POLLOUT, Clock::now() + patience_))
            return false;
    }
    return true;
}

bool GatewaySocket::gone() const {
    pollfd state{descriptor_.get(), 0, 0};
    return ::poll(&state, 1, 0) > 0;
}

void GatewaySocket::close_after_answer() {
    ::shutdown(descriptor_.get(), SHUT_WR);
    const auto until = Clock::now() + drain_time;
    std::uint64_t drained = 0;
    while (drained < most_drained && Clock::now() < until && fill(until)) drained += input_.size();
}

void GatewaySocket::get_remote_ip_and_port(std::string& ip, int& port) const {
    ip.clear();  // nobody asks
    port = 0;
}

void GatewaySocket::get_local_ip_and_port(std::string& ip, int& port) const {
    ip.clear();
    port = 0;
}

void GatewayAnswer::whole(int status, const httplib::Headers& headers, std::string_view body, bool last) {
    status_ = status;
    auto text = head_of(status, headers);
    text += fmt::format("Content-Length: {}\r\n{}\r\n", body.size(), last ? "Connection: close\r\n" : "");
    if (!without_body_) text += body;
    ended_ = socket_.send(text) && !last;
}

bool GatewayAnswer::begin(int status, const httplib::Headers& headers) {
    status_ = status;
    return socket_.send(head_of(status, headers) + "Transfer-Encoding: chunked\r\n\r\n");
}

bool GatewayAnswer::piece(std::string_view bytes) {
    if (bytes.empty()) return true;  // an empty chunk would be the last one
    return socket_.send(fmt::format("{:x}\r\n{}\r\n", bytes.size(), bytes));
}

void GatewayAnswer::end() { ended_ = socket_.send("0\r\n\r\n"); }

}  // namespace sandbox
