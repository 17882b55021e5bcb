#include "bot/listener_bind.hpp"

#include <fmt/format.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <memory>
#include <string_view>

namespace bot {

namespace {

constexpr int backlog = 1024;

struct FreeAddresses {
    void operator()(addrinfo* list) const { ::freeaddrinfo(list); }
};
using Addresses = std::unique_ptr<addrinfo, FreeAddresses>;

Addresses addresses_of(const std::string& host, int port) {
    addrinfo hints{};
    hints.ai_flags = AI_PASSIVE;
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    const int fault = ::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found);
    if (fault == 0) return Addresses(found);
    throw ListenError(fmt::format("cannot listen on {}:{}: `{}` is no address of this machine ({})", host,
                                  port, host, ::gai_strerror(fault)));
}

std::string why_not(int fault) {
    switch (fault) {
        case EADDRINUSE:
            return "another program listens there; end it, or choose another listen port in the settings";
        case EACCES:
            return "this user may not take a port below 1024; choose a higher listen port in the settings";
        case EADDRNOTAVAIL:
            return "no such address on this machine; choose another listen host in the settings";
        default:
            return std::strerror(fault);
    }
}

}  // namespace

sandbox::Descriptor listen_on(const std::string& host, int port) {
    const auto addresses = addresses_of(host, port);
    int fault = 0;
    for (const auto* at = addresses.get(); at != nullptr; at = at->ai_next) {
        sandbox::Descriptor made(::socket(at->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
        const int on = 1;  // not SO_REUSEPORT: a second daemon would silently share the port
        if (made && ::setsockopt(made.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
            ::bind(made.get(), at->ai_addr, at->ai_addrlen) == 0 && ::listen(made.get(), backlog) == 0)
            return made;
        fault = errno;
    }
    throw ListenError(fmt::format("cannot listen on {}:{}: {}", host, port, why_not(fault)));
}

int port_of(const sandbox::Descriptor& listening) {
    sockaddr_storage address{};
    socklen_t length = sizeof address;
    std::array<char, NI_MAXSERV> service{};
    auto* generic = reinterpret_cast<sockaddr*>(&address);
    int port = 0;
    if (::getsockname(listening.get(), generic, &length) == 0 &&
        ::getnameinfo(generic, length, nullptr, 0, service.data(), service.size(), NI_NUMERICSERV) == 0)
        std::from_chars(service.data(), service.data() + std::strlen(service.data()), port);
    return port;
}

}  // namespace bot
