#pragma once

#include <sys/socket.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sandbox {

/// An address with port 443, ready to be dialled.
struct DialAddress {
    sockaddr_storage storage{};
    socklen_t size = 0;
    std::string text;  ///< as inet_ntop writes it
};

/// Reads a numeric address as inet_pton does: one spelling, no zone. Nothing for all else.
[[nodiscard]] std::optional<DialAddress> read_address(std::string_view numeric);

/// Why an address is not one of the public internet, in a few words; empty when it is.
[[nodiscard]] std::string inner_address(const DialAddress& address);

/// The addresses of this machine's interfaces, as inet_ntop writes them.
[[nodiscard]] std::vector<std::string> interface_addresses();

}  // namespace sandbox
