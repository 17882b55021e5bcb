#include "sandbox/egress_head.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "config/hosts.hpp"

namespace sandbox {

namespace {

constexpr std::string_view connect = "CONNECT ";
constexpr std::string_view line_end = "\r\n";
constexpr std::size_t longest_method = 24;  // the longest registered one, UPDATEREDIRECTREF, has 17

/// RFC 9110, section 5.6.2.
bool token(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("!#$%&'*+-.^_`|~").contains(c);
}

bool printable_ascii(char c) { return c >= 0x20 && c < 0x7f; }

/// Line ends are CR LF and nothing else is a control byte but tabs in header fields (RFC 9112, section 2.2).
std::string bytes_fault(std::string_view bytes) {
    for (std::size_t at = 0; at < bytes.size(); ++at) {
        const char c = bytes[at];
        if (printable_ascii(c) || c == '\t') continue;
        if (c == '\r' && (at + 1 == bytes.size() || bytes[at + 1] == '\n')) continue;
        if (c == '\n' && at > 0 && bytes[at - 1] == '\r') continue;
        if (static_cast<unsigned char>(c) >= 0x80) return "the request holds a byte that is not ASCII";
        return "the request holds a control byte";
    }
    return {};
}

/// `Name: value`; no folded lines, no space before the colon (RFC 9112, section 5).
bool good_field(std::string_view line) {
    const auto name = line.substr(0, line.find(':'));
    return name.size() < line.size() && !name.empty() && std::ranges::all_of(name, token);
}

/// Everything after the request line, the empty line included.
bool good_fields(std::string_view fields) {
    for (;;) {
        const auto end = fields.find(line_end);
        if (end == 0) return true;
        if (!good_field(fields.substr(0, end))) return false;
        fields.remove_prefix(end + line_end.size());
    }
}

std::string target_fault(std::string_view host, std::string_view port) {
    if (host.contains('@')) return "a user name before the host is not taken";
    if (host.starts_with('[')) return "an address, not a host name";
    if (host.ends_with('.')) return "a name that ends in a dot";
    if (port != "443") return "only port 443 may be reached";
    return config::host_fault(host);
}

std::string lower(std::string_view text) {
    std::string result(text);
    std::ranges::transform(result, result.begin(), [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    });
    return result;
}

/// Up to the first byte that no name has, for reports on requests that are not read any further.
std::string_view told_target(std::string_view bytes) {
    if (!bytes.starts_with(connect)) return {};
    bytes.remove_prefix(connect.size());
    return bytes.substr(0, bytes.find_first_of(" \t\r\n"));
}

std::string_view without_port(std::string_view target) {
    const auto colon = target.rfind(':');
    return colon == std::string_view::npos || target.ends_with(']') ? target : target.substr(0, colon);
}

}  // namespace

std::expected<std::optional<ConnectHead>, HeadFault> read_connect_head(std::string_view bytes) {
    const auto end = bytes.substr(0, longest_head).find("\r\n\r\n");
    const auto head = bytes.substr(0, end == std::string_view::npos ? end : end + 4);
    const auto fault = [&](std::string why) {
        return std::unexpected(HeadFault{std::string(without_port(told_target(head))), std::move(why)});
    };
    if (auto why = bytes_fault(head.substr(0, longest_head)); !why.empty()) return fault(std::move(why));
    if (end == std::string_view::npos) {
        if (bytes.size() >= longest_head) return fault("the head of the request is larger than 8 KiB");
        return std::nullopt;
    }

    auto line = head.substr(0, head.find(line_end));
    if (!line.starts_with(connect)) return fault("not a CONNECT request");
    line.remove_prefix(connect.size());
    const auto space = line.find(' ');
    // Python before 3.12 and others still say HTTP/1.0 to a proxy.
    if (space == std::string_view::npos ||
        (line.substr(space) != " HTTP/1.1" && line.substr(space) != " HTTP/1.0"))
        return fault("the first line is not `CONNECT name:443 HTTP/1.1`");
    const auto target = line.substr(0, space);
    const auto colon = target.rfind(':');
    if (colon == std::string_view::npos) return fault("the port is missing: only port 443 may be reached");
    std::string host = lower(target.substr(0, colon));
    if (auto why = target_fault(host, target.substr(colon + 1)); !why.empty()) return fault(std::move(why));
    if (!good_fields(head.substr(head.find(line_end) + line_end.size())))
        return fault("a header field is not `Name: value`");
    return ConnectHead{std::move(host), head.size()};
}

std::optional<std::string> absolute_target_host(std::string_view request_line) {
    auto target = request_line.substr(std::min(request_line.find(' '), request_line.size()));
    target.remove_prefix(std::min<std::size_t>(1, target.size()));
    target = target.substr(0, target.find_first_of(" \r\n"));
    const auto scheme = target.find("://");
    if (scheme == std::string_view::npos || target.substr(0, scheme).contains('/')) return std::nullopt;
    auto authority = target.substr(scheme + 3);
    authority = authority.substr(0, authority.find_first_of("/?#\\"));
    const auto user = authority.rfind('@');
    if (user != std::string_view::npos) authority.remove_prefix(user + 1);
    return std::string(without_port(authority));
}

Asked asked(std::string_view first_bytes) {
    if (first_bytes.starts_with(connect)) return Asked::connect;
    const auto method = first_bytes.substr(0, std::min(first_bytes.find(' '), longest_method));
    if (!std::ranges::all_of(method, token)) return Asked::origin;
    const auto space = first_bytes.substr(0, longest_method).find(' ');
    if (space == std::string_view::npos)
        return first_bytes.size() < longest_method ? Asked::unclear : Asked::origin;
    if (space + 1 == first_bytes.size()) return Asked::unclear;
    if (first_bytes[space + 1] == '/') return Asked::origin;
    const auto line = first_bytes.substr(0, first_bytes.find('\n'));
    if (line.size() == first_bytes.size() && first_bytes.size() < longest_head) return Asked::unclear;
    return absolute_target_host(line) ? Asked::absolute : Asked::origin;
}

std::string shown(std::string_view text) {
    constexpr std::size_t most = 253;
    std::string result;
    for (const char c : text) {
        const auto piece =
            printable_ascii(c) ? std::string(1, c) : fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
        if (result.size() + piece.size() > most) break;
        result += piece;
    }
    return result;
}

}  // namespace sandbox
