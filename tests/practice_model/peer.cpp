#include "tests/practice_model/peer.hpp"

#include <netinet/in.h>
#include <sys/socket.h>

#include <charconv>
#include <filesystem>
#include <string>
#include <system_error>

namespace practice_model {

namespace {

/// Port of an IPv4 socket's own or other end; 0 when it is none or not connected.
int port_of(int fd, decltype(&::getsockname) end) {
    sockaddr_in address{};
    socklen_t size = sizeof address;
    if (end(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0 || address.sin_family != AF_INET) return 0;
    return ntohs(address.sin_port);
}

template <typename Visit>
void for_each_connection(int local_port, const Visit& visit) {
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd", error)) {
        const auto name = entry.path().filename().string();
        int fd = -1;
        if (std::from_chars(name.data(), name.data() + name.size(), fd).ec != std::errc()) continue;
        if (port_of(fd, ::getsockname) != local_port) continue;
        if (const int remote = port_of(fd, ::getpeername)) visit(fd, remote);
    }
}

}  // namespace

bool Peer::gone() const {
    bool there = false;
    for_each_connection(local_port_, [&](int fd, int remote) {
        char byte = 0;
        if (remote == remote_port_) there = ::recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) != 0;
    });
    return !there;
}

void Peer::reset() const {
    for_each_connection(local_port_, [&](int fd, int remote) {
        sockaddr nobody{};
        nobody.sa_family = AF_UNSPEC;
        if (remote == remote_port_) (void)::connect(fd, &nobody, sizeof nobody);
    });
}

void end_connections(int local_port) {
    for_each_connection(local_port, [](int fd, int) { (void)::shutdown(fd, SHUT_RDWR); });
}

}  // namespace practice_model
