// The first bytes of a connection at the door: a name that is taken is a good one, written in the request as
// it is, and the same bytes with a later end are never another request.

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "config/hosts.hpp"
#include "sandbox/egress_head.hpp"

namespace {

void require(bool truth) {
    if (!truth) std::abort();
}

void require_printable(std::string_view text) {
    require(text.size() <= 253);
    for (const char c : text) require(c >= 0x20 && c < 0x7f);
}

std::string lower(std::string_view text) {
    std::string result(text);
    for (char& c : result)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    return result;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    const auto head = sandbox::read_connect_head(bytes);
    if (!head) {
        require(!head.error().why.empty());
        require_printable(sandbox::shown(head.error().host));
    } else if (*head) {
        const auto& [host, end] = **head;
        require(config::host_fault(host).empty());
        require(end <= sandbox::longest_head && bytes.substr(0, end).ends_with("\r\n\r\n"));
        require(lower(bytes.substr(0, end)).starts_with("connect " + host + ":443 http/1."));
        require(sandbox::asked(bytes) == sandbox::Asked::connect);
        const auto exact = sandbox::read_connect_head(bytes.substr(0, end));
        require(exact && *exact && (*exact)->host == host);
        const auto shorter = sandbox::read_connect_head(bytes.substr(0, end - 1));
        require(shorter && !*shorter);
    } else {
        require(size < sandbox::longest_head);
    }
    if (sandbox::asked(bytes) == sandbox::Asked::absolute) {
        const auto host = sandbox::absolute_target_host(bytes.substr(0, bytes.find('\n')));
        require(host.has_value());
        require_printable(sandbox::shown(*host));
    }
    require_printable(sandbox::shown(bytes));
    return 0;
}
