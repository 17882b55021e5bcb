#include "integrations/git_stream.hpp"

#include <fcntl.h>
#include <git2/sys/stream.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <string>

namespace integrations {

namespace {

// libgit2 calls back on the thread that called it, and hands no payload to a stream.
thread_local const DialPermit* current_permit = nullptr;

/// libgit2 knows streams by their first member.
struct Socket {
    git_stream stream = {};
    std::string host, port;
    int fd = -1;
};

Socket& socket_of(git_stream* stream) { return *reinterpret_cast<Socket*>(stream); }

int net_error(const std::string& message) {
    git_error_set_str(GIT_ERROR_NET, message.c_str());
    return -1;
}

int net_error(const std::string& message, int error) {
    return net_error(message + ": " + std::strerror(error));
}

/// 0 when the socket is ready for `events`.
int wait_for(int fd, short events) {
    if (current_permit == nullptr) return net_error("no transfer is under way");
    const auto limit = current_permit->next_wait();
    if (limit.count() <= 0) return net_error("the transfer took too long");
    pollfd watched{.fd = fd, .events = events, .revents = 0};
    const int ready = poll(&watched, 1, static_cast<int>(limit.count()));
    if (ready < 0 && errno != EINTR) return net_error("waiting for the server", errno);
    if (ready == 0) return net_error("the server fell silent");
    return 0;
}

bool is_loopback(const sockaddr* address) {
    if (address->sa_family == AF_INET)
        return (ntohl(reinterpret_cast<const sockaddr_in*>(address)->sin_addr.s_addr) >> 24) == 127;
    if (address->sa_family == AF_INET6)
        return IN6_IS_ADDR_LOOPBACK(&reinterpret_cast<const sockaddr_in6*>(address)->sin6_addr) != 0;
    return false;
}

int dial(Socket& self, const addrinfo& target) {
    self.fd = socket(target.ai_family, target.ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, target.ai_protocol);
    if (self.fd < 0) return net_error("making a socket", errno);
    if (connect(self.fd, target.ai_addr, target.ai_addrlen) == 0) return 0;
    int problem = errno;
    if (problem == EINPROGRESS) {
        if (wait_for(self.fd, POLLOUT) < 0) return -1;
        socklen_t size = sizeof problem;
        getsockopt(self.fd, SOL_SOCKET, SO_ERROR, &problem, &size);
        if (problem == 0) return 0;
    }
    return net_error("connecting to " + self.host, problem);
}

int close_stream(git_stream* stream) {
    auto& self = socket_of(stream);
    const int code = self.fd < 0 ? 0 : close(self.fd);
    self.fd = -1;
    return code;
}

int connect_stream(git_stream* stream) {
    auto& self = socket_of(stream);
    const addrinfo hints{.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    addrinfo* found = nullptr;
    if (const int code = getaddrinfo(self.host.c_str(), self.port.c_str(), &hints, &found); code != 0)
        return net_error("looking up " + self.host + ": " + gai_strerror(code));
    const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owner(found, freeaddrinfo);
    int code = net_error("no address for " + self.host);
    for (const auto* target = found; target != nullptr; target = target->ai_next) {
        if (current_permit->address().loopback_only && !is_loopback(target->ai_addr)) {
            code = net_error(self.host + " is not on this machine; use https");
            continue;
        }
        code = dial(self, *target);
        if (code == 0) return 0;
        close_stream(stream);
    }
    return code;
}

ssize_t read_stream(git_stream* stream, void* data, std::size_t size) {
    const auto& self = socket_of(stream);
    while (true) {
        const auto count = recv(self.fd, data, size, 0);
        if (count >= 0) return count;
        if (errno != EAGAIN && errno != EINTR) return net_error("receiving from " + self.host, errno);
        if (wait_for(self.fd, POLLIN) < 0) return -1;
    }
}

ssize_t write_stream(git_stream* stream, const char* data, std::size_t size, int) {
    const auto& self = socket_of(stream);
    while (true) {
        const auto count = send(self.fd, data, size, MSG_NOSIGNAL);
        if (count >= 0) return count;
        if (errno != EAGAIN && errno != EINTR) return net_error("sending to " + self.host, errno);
        if (wait_for(self.fd, POLLOUT) < 0) return -1;
    }
}

void free_stream(git_stream* stream) { delete &socket_of(stream); }

/// The redirects that libgit2 follows keep the host but not the port, and carry the credential along.
int new_stream(git_stream** out, const char* host, const char* port) {
    if (current_permit == nullptr) return net_error("no transfer is under way");
    const auto& allowed = current_permit->address();
    if (strcasecmp(allowed.host.c_str(), host) != 0 || allowed.port != port)
        return net_error(std::string("redirect to another server: ") + host + ":" + port);
    auto self = std::make_unique<Socket>();
    self->host = host;
    self->port = port;
    self->stream = {.version = GIT_STREAM_VERSION,
                    .connect = connect_stream,
                    .read = read_stream,
                    .write = write_stream,
                    .close = close_stream,
                    .free = free_stream};
    *out = &self.release()->stream;
    return 0;
}

}  // namespace

DialPermit::DialPermit(const GitAddress& address, const MirrorLimits& limits)
    : address_(address),
      silence_(limits.silence),
      deadline_(std::chrono::steady_clock::now() + limits.transfer) {
    current_permit = this;
}

DialPermit::~DialPermit() { current_permit = nullptr; }

std::chrono::milliseconds DialPermit::next_wait() const {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline_ - std::chrono::steady_clock::now());
    return std::min(left, std::chrono::milliseconds(silence_));
}

void register_git_stream() {
    git_stream_registration ours{.version = GIT_STREAM_VERSION, .init = new_stream, .wrap = nullptr};
    git_stream_register(GIT_STREAM_STANDARD, &ours);
}

}  // namespace integrations
