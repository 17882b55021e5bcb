#include "sandbox/egress_resolve.hpp"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <array>
#include <atomic>
#include <memory>
#include <mutex>
#include <system_error>
#include <thread>

namespace sandbox {

namespace {

constexpr int most_lookups = 256;  // in this process, of all doors

struct Lookup {
    std::string host;
    Descriptor done{::eventfd(0, EFD_CLOEXEC)};
    std::mutex mutex;
    int error = 0;                       ///< under `mutex`
    std::vector<std::string> addresses;  ///< under `mutex`

    void run() {
        addrinfo hints{};
        hints.ai_socktype = SOCK_STREAM;
        addrinfo* found = nullptr;
        // The dot keeps resolv.conf's `search` away: a name that is not there must not become another.
        const int result = ::getaddrinfo((host + ".").c_str(), nullptr, &hints, &found);
        const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(found, &::freeaddrinfo);
        const std::lock_guard lock(mutex);
        error = result;
        for (const addrinfo* each = result == 0 ? found : nullptr; each != nullptr; each = each->ai_next) {
            std::array<char, NI_MAXHOST> text{};
            if (::getnameinfo(each->ai_addr, each->ai_addrlen, text.data(), text.size(), nullptr, 0,
                              NI_NUMERICHOST) == 0)
                addresses.emplace_back(text.data());
        }
        ::eventfd_write(done.get(), 1);
    }
};

std::atomic<int>& lookups() {
    static std::atomic<int> count = 0;
    return count;
}

}  // namespace

std::expected<std::vector<std::string>, std::string> resolve_host(const std::string& host,
                                                                  const Patience& patience) {
    // getaddrinfo() cannot be interrupted and takes half a minute when no server answers. Its thread is left
    // behind with its own share of the lookup when nobody waits for it any longer.
    const auto lookup = std::make_shared<Lookup>();
    lookup->host = host;
    if (!lookup->done) return std::unexpected("no descriptor for a lookup");
    if (lookups().fetch_add(1) >= most_lookups) {
        --lookups();
        return std::unexpected("too many lookups of names at one time");
    }
    try {
        std::thread([lookup] {
            lookup->run();
            --lookups();
        }).detach();
    } catch (const std::system_error&) {
        --lookups();
        return std::unexpected("no thread for a lookup");
    }
    if (wait_for(lookup->done.get(), POLLIN, patience) != Waited::ready)
        return std::unexpected("the name servers did not answer in time");
    const std::lock_guard lock(lookup->mutex);
    if (lookup->error != 0) return std::unexpected(::gai_strerror(lookup->error));
    return lookup->addresses;
}

}  // namespace sandbox
