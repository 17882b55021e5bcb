// The first bytes of a tunnel, the first one the size of the pieces in which they come: what is decided does
// not depend on the pieces, and no hello is good for two servers.

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <expected>
#include <string>
#include <string_view>

#include "sandbox/egress_hello.hpp"

namespace {

void require(bool truth) {
    if (!truth) std::abort();
}

using Verdict = std::expected<bool, std::string>;

Verdict verdict(const char* host, std::string_view bytes, std::size_t piece) {
    sandbox::HelloReader reader(host);
    Verdict result = false;
    while (!bytes.empty() && result && !*result) {
        result = reader.take(bytes.substr(0, piece));
        bytes.remove_prefix(std::min(piece, bytes.size()));
    }
    if (!result) {
        require(!result.error().empty() && result.error().size() < 400);
        for (const char c : result.error()) require(c >= 0x20 && c < 0x7f);
    }
    return result;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 2) return 0;
    const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
    const auto whole = verdict("a.example.com", bytes, bytes.size());
    const auto pieces = verdict("a.example.com", bytes, 1 + static_cast<std::size_t>(data[0]));
    require(whole.has_value() == pieces.has_value());
    if (whole) require(*whole == *pieces);
    if (whole && *whole) {
        require(bytes.front() == 22);
        const auto other = verdict("b.example.com", bytes, bytes.size());
        require(!other && other.error().starts_with("TLS asks for another server, "));  // in its own spelling
    }
    return 0;
}
