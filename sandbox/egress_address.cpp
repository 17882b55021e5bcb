#include "sandbox/egress_address.hpp"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <span>

// What is not the public internet: IANA's special-purpose registries (RFC 6890; iana-ipv4-special-registry,
// iana-ipv6-special-registry), whole blocks even where a part of one is globally reachable, and what carries
// another address inside. Of IPv6 only 2000::/3 is handed out at all (RFC 4291, section 2.4; RFC 3587), so
// everything outside of it falls, named or not.

namespace sandbox {

namespace {

struct Block {
    const char* network;
    unsigned bits;
    const char* what;
};

constexpr std::array blocks4{
    Block{"0.0.0.0", 8, "an unspecified address"},                 // RFC 791, section 3.2
    Block{"10.0.0.0", 8, "a private address"},                     // RFC 1918
    Block{"100.64.0.0", 10, "a carrier's inner address"},          // RFC 6598
    Block{"127.0.0.0", 8, "a loopback address"},                   // RFC 1122, section 3.2.1.3
    Block{"168.63.129.16", 32, "a cloud's inner address"},         // Azure's platform service to its machines
    Block{"169.254.0.0", 16, "a link-local address"},              // RFC 3927; metadata of clouds
    Block{"172.16.0.0", 12, "a private address"},                  // RFC 1918
    Block{"192.0.0.0", 24, "an address of protocol assignments"},  // RFC 6890, section 2.1
    Block{"192.0.2.0", 24, "a documentation address"},             // RFC 5737
    Block{"192.31.196.0", 24, "an AS112 address"},                 // RFC 7535
    Block{"192.52.193.0", 24, "a tunnel's address"},               // RFC 7450
    Block{"192.88.99.0", 24, "a 6to4 relay's address"},            // RFC 7526
    Block{"192.168.0.0", 16, "a private address"},                 // RFC 1918
    Block{"192.175.48.0", 24, "an AS112 address"},                 // RFC 7534
    Block{"198.18.0.0", 15, "a benchmarking address"},             // RFC 2544
    Block{"198.51.100.0", 24, "a documentation address"},          // RFC 5737
    Block{"203.0.113.0", 24, "a documentation address"},           // RFC 5737
    Block{"224.0.0.0", 4, "a multicast address"},                  // RFC 5771
    Block{"255.255.255.255", 32, "the broadcast address"},         // RFC 8190
    Block{"240.0.0.0", 4, "a reserved address"},                   // RFC 1112, section 4
};

constexpr std::array blocks6{
    Block{"::", 128, "an unspecified address"},                   // RFC 4291
    Block{"::1", 128, "a loopback address"},                      // RFC 4291
    Block{"::ffff:0:0", 96, "an IPv4 address inside of IPv6"},    // RFC 4291, mapped
    Block{"::ffff:0:0:0", 96, "an IPv4 address inside of IPv6"},  // RFC 2765, translated
    Block{"::", 96, "an IPv4 address inside of IPv6"},            // RFC 4291, compatible
    Block{"64:ff9b::", 96, "an IPv4 address behind NAT64"},       // RFC 6052
    Block{"64:ff9b:1::", 48, "an IPv4 address behind NAT64"},     // RFC 8215
    Block{"100::", 64, "an address that discards"},               // RFC 6666
    Block{"2001::", 32, "an IPv4 address inside of Teredo"},      // RFC 4380
    Block{"2001::", 23, "an address of protocol assignments"},    // RFC 2928: ORCHID, benchmarking
    Block{"2001:db8::", 32, "a documentation address"},           // RFC 3849
    Block{"2002::", 16, "an IPv4 address inside of 6to4"},        // RFC 3056
    Block{"2620:4f:8000::", 48, "an AS112 address"},              // RFC 7534
    Block{"3fff::", 20, "a documentation address"},               // RFC 9637
    Block{"3ffe::", 16, "an address of the former 6bone"},        // RFC 3701
    Block{"5f00::", 16, "an address of segment routing"},         // RFC 9602
    Block{"fc00::", 7, "a private address"},                      // RFC 4193
    Block{"fe80::", 10, "a link-local address"},                  // RFC 4291
    Block{"fec0::", 10, "a private address"},                     // RFC 3879, site-local
    Block{"ff00::", 8, "a multicast address"},                    // RFC 4291
};

constexpr Block global6{"2000::", 3, ""};

using Bytes = std::array<unsigned char, sizeof(in6_addr)>;

bool lies_in(int family, const Block& block, const Bytes& address) {
    Bytes network{};
    if (::inet_pton(family, block.network, network.data()) != 1) return true;  // a slip in the table: closed
    const unsigned whole = block.bits / 8;
    const unsigned rest = block.bits % 8;
    if (!std::equal(address.begin(), address.begin() + whole, network.begin())) return false;
    const auto mask = static_cast<unsigned char>(0xffU << (8 - rest));
    return rest == 0 || (address[whole] & mask) == (network[whole] & mask);
}

std::string first_of(int family, std::span<const Block> blocks, const Bytes& address) {
    const auto found =
        std::ranges::find_if(blocks, [&](const Block& block) { return lies_in(family, block, address); });
    return found == blocks.end() ? std::string() : found->what;
}

}  // namespace

std::optional<DialAddress> read_address(std::string_view numeric) {
    constexpr in_port_t port = 443;
    const std::string text(numeric);
    if (text.size() >= INET6_ADDRSTRLEN || text.find('\0') != std::string::npos) return std::nullopt;
    DialAddress address;
    std::array<char, INET6_ADDRSTRLEN> written{};
    sockaddr_in four{};
    sockaddr_in6 six{};
    if (::inet_pton(AF_INET, text.c_str(), &four.sin_addr) == 1) {
        four.sin_family = AF_INET;
        four.sin_port = htons(port);
        std::memcpy(&address.storage, &four, sizeof four);
        address.size = sizeof four;
        ::inet_ntop(AF_INET, &four.sin_addr, written.data(), written.size());
    } else if (::inet_pton(AF_INET6, text.c_str(), &six.sin6_addr) == 1) {
        six.sin6_family = AF_INET6;
        six.sin6_port = htons(port);
        std::memcpy(&address.storage, &six, sizeof six);
        address.size = sizeof six;
        ::inet_ntop(AF_INET6, &six.sin6_addr, written.data(), written.size());
    } else {
        return std::nullopt;
    }
    address.text = written.data();
    return address;
}

std::string inner_address(const DialAddress& address) {
    Bytes bytes{};
    if (address.storage.ss_family == AF_INET) {
        sockaddr_in four{};
        std::memcpy(&four, &address.storage, sizeof four);
        std::memcpy(bytes.data(), &four.sin_addr, sizeof four.sin_addr);
        return first_of(AF_INET, blocks4, bytes);
    }
    if (address.storage.ss_family != AF_INET6) return "no address of the internet";
    sockaddr_in6 six{};
    std::memcpy(&six, &address.storage, sizeof six);
    std::memcpy(bytes.data(), &six.sin6_addr, sizeof six.sin6_addr);
    if (auto what = first_of(AF_INET6, blocks6, bytes); !what.empty()) return what;
    return lies_in(AF_INET6, global6, bytes) ? "" : "an address that is not handed out";
}

std::vector<std::string> interface_addresses() {
    std::vector<std::string> all;
    ifaddrs* list = nullptr;
    if (::getifaddrs(&list) != 0) return all;
    const std::unique_ptr<ifaddrs, void (*)(ifaddrs*)> owner(list, ::freeifaddrs);
    for (const auto* each = list; each != nullptr; each = each->ifa_next) {
        if (each->ifa_addr == nullptr) continue;
        std::array<char, INET6_ADDRSTRLEN> text{};
        const void* bytes = nullptr;
        if (each->ifa_addr->sa_family == AF_INET)
            bytes = &reinterpret_cast<const sockaddr_in*>(each->ifa_addr)->sin_addr;
        if (each->ifa_addr->sa_family == AF_INET6)
            bytes = &reinterpret_cast<const sockaddr_in6*>(each->ifa_addr)->sin6_addr;
        if (bytes != nullptr &&
            ::inet_ntop(each->ifa_addr->sa_family, bytes, text.data(), text.size()) != nullptr)
            all.emplace_back(text.data());
    }
    return all;
}

}  // namespace sandbox
