#include "tests/way_out/private_internet.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <exception>
#include <thread>

#include "sandbox/descriptor.hpp"

namespace egress_stage {

namespace {

bool set_address(int socket, const char* interface, const char* address) {
    ifreq request{};
    std::strncpy(request.ifr_name, interface, IFNAMSIZ - 1);
    sockaddr_in in{};
    in.sin_family = AF_INET;
    ::inet_pton(AF_INET, address, &in.sin_addr);
    std::memcpy(&request.ifr_addr, &in, sizeof in);
    return ::ioctl(socket, SIOCSIFADDR, &request) == 0;
}

bool bring_up() {
    const sandbox::Descriptor socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    ifreq request{};
    std::strncpy(request.ifr_name, "lo", IFNAMSIZ - 1);
    request.ifr_flags = IFF_UP | IFF_RUNNING | IFF_LOOPBACK;
    return socket && ::ioctl(socket.get(), SIOCSIFFLAGS, &request) == 0 &&
           set_address(socket.get(), "lo:1", there) && set_address(socket.get(), "lo:2", there_too);
}

}  // namespace

std::string private_internet(const std::function<void()>& body) {
    // A network namespace belongs to a thread and to the threads that it starts.
    std::exception_ptr thrown;
    int refused = 0;
    std::thread([&] {
        if (::unshare(CLONE_NEWNET) != 0 || !bring_up()) {
            refused = errno;
            return;
        }
        try {
            body();
        } catch (...) {
            thrown = std::current_exception();
        }
    }).join();
    if (thrown) std::rethrow_exception(thrown);
    return refused == 0 ? std::string() : fmt::format("no private network here: {}", std::strerror(refused));
}

}  // namespace egress_stage
