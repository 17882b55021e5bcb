#include "config/syntax.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <string>

namespace config {

namespace {

bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_alnum(char c) { return is_lower(c) || (c >= 'A' && c <= 'Z') || is_digit(c); }
bool is_name_character(char c) { return is_alnum(c) || c == '.' || c == '_' || c == '-'; }

bool all(std::string_view text, bool (*fits)(char)) { return std::ranges::all_of(text, fits); }

/// Calls `each` with every part between separators, the empty ones too; stops at the first false.
template <typename Each>
bool every_part(std::string_view text, char separator, Each each) {
    for (;;) {
        const std::size_t end = text.find(separator);
        if (!each(text.substr(0, end))) return false;
        if (end == std::string_view::npos) return true;
        text.remove_prefix(end + 1);
    }
}

bool is_port(std::string_view text) {
    return !text.empty() && text.size() <= 5 && all(text, is_digit) && std::stoi(std::string(text)) <= 65535;
}

bool is_host(std::string_view text) {
    return text.size() <= 253 && every_part(text, '.', [](std::string_view label) {
               return !label.empty() && label.size() <= 63 && is_alnum(label.front()) &&
                      is_alnum(label.back()) && all(label, [](char c) { return is_alnum(c) || c == '-'; });
           });
}

bool is_image_component(std::string_view text) {
    if (text.empty() || !(is_lower(text.front()) || is_digit(text.front()))) return false;
    if (!(is_lower(text.back()) || is_digit(text.back()))) return false;
    if (text.find("..") != std::string_view::npos || text.find("___") != std::string_view::npos) return false;
    for (std::size_t i = 1; i < text.size(); ++i) {  // separators of different kinds never touch
        const auto separates = [](char c) { return c == '.' || c == '_' || c == '-'; };
        if (separates(text[i]) && separates(text[i - 1]) && text[i] != text[i - 1]) return false;
    }
    return all(text, [](char c) { return is_lower(c) || is_digit(c) || c == '.' || c == '_' || c == '-'; });
}

bool is_registry(std::string_view text) {
    const std::size_t colon = text.find(':');
    return is_host(text.substr(0, colon)) &&
           (colon == std::string_view::npos || is_port(text.substr(colon + 1)));
}

bool is_loopback(std::string_view host) {
    in_addr address{};
    const std::string text(host);
    if (host == "localhost" || host == "[::1]") return true;
    return inet_pton(AF_INET, text.c_str(), &address) == 1 && (ntohl(address.s_addr) >> 24U) == 127;
}

}  // namespace

std::string image_fault(std::string_view text) {
    if (text.size() > 255) return "longer than 255 characters";
    const std::size_t at = text.find('@');
    if (at != std::string_view::npos) {
        const std::string_view digest = text.substr(at + 1);
        const bool sha256 =
            digest.starts_with("sha256:") && digest.size() == 71 &&
            all(digest.substr(7), [](char c) { return is_digit(c) || (c >= 'a' && c <= 'f'); });
        if (!sha256) return "an image whose digest is not `@sha256:` and 64 hexadecimal digits";
        text = text.substr(0, at);
    }
    const std::size_t slash = text.rfind('/');
    const std::size_t colon = text.find(':', slash == std::string_view::npos ? 0 : slash);
    if (colon != std::string_view::npos) {
        const std::string_view tag = text.substr(colon + 1);
        if (tag.empty() || tag.size() > 128 || tag.front() == '.' || tag.front() == '-' ||
            !all(tag, is_name_character)) {
            return "an image whose tag is not letters, digits, `.`, `_` and `-`";
        }
        text = text.substr(0, colon);
    }
    const std::size_t first = text.find('/');
    const std::string_view host = text.substr(0, first);
    if (first != std::string_view::npos &&
        (host == "localhost" || host.find_first_of(".:") != std::string_view::npos)) {
        if (!is_registry(host)) return "an image whose registry is not `host` or `host:port`";
        text = text.substr(first + 1);
    }
    if (!every_part(text, '/', is_image_component)) return "not an image name";
    return {};
}

std::string url_fault(std::string_view text) {
    const bool https = text.starts_with("https://");
    if (!https && !text.starts_with("http://")) return "not a URL that begins with https://";
    std::string_view rest = text.substr(https ? 8 : 7);
    const bool plain = all(
        rest, [](char c) { return c > 0x20 && c < 0x7F && c != '\\' && c != '"' && c != '<' && c != '>'; });
    if (!plain) return "a URL with characters that do not belong there";
    if (rest.find_first_of("?#") != std::string_view::npos) return "a URL with a query or a fragment";
    const std::size_t path = rest.find('/');
    std::string_view authority = rest.substr(0, path);
    if (authority.find('@') != std::string_view::npos) return "a URL with a user name in it";
    std::string_view host = authority;
    const std::size_t colon = authority.find(':', authority.starts_with('[') ? authority.find(']') : 0);
    if (colon != std::string_view::npos) {
        host = authority.substr(0, colon);
        if (!is_port(authority.substr(colon + 1))) return "a URL whose port is not a number up to 65535";
    }
    if (host != "[::1]" && !is_host(host)) return "a URL without a host name";
    if (!https && !is_loopback(host)) return "a URL without TLS to another machine";
    return {};
}

std::string name_fault(std::string_view text) {
    if (text.empty() || text.size() > 40) return "not a name of 1 to 40 characters";
    if (!is_alnum(text.front()) || !all(text, is_name_character)) {
        return "not a name of letters, digits, `.`, `_` and `-` that begins with a letter or digit";
    }
    return {};
}

std::string repository_fault(std::string_view text) {
    if (text == "*") return {};
    int parts = 0;
    bool star = false;  // only as the last part
    const bool fits = every_part(text, '/', [&](std::string_view part) {
        ++parts;
        if (star || part.empty() || part == "." || part == "..") return false;
        star = part == "*" && parts > 1;
        return star || all(part, is_name_character);
    });
    if (!fits || parts < 2 || text.size() > 300) return "not a repository";
    return {};
}

std::string relative_path_fault(std::string_view text) {
    if (text.empty() || text.size() > 300) return "not a path of 1 to 300 characters";
    if (text.starts_with('/') || text.starts_with('~')) return "not a path inside the repository";
    if (text.find('\\') != std::string_view::npos) return "a path with a backslash";
    if (!every_part(text, '/', [](std::string_view part) { return part != ".."; })) return "a path with `..`";
    return {};
}

std::string glob_fault(std::string_view text) {
    if (text.empty() || text.size() > 300) return "not a pattern of 1 to 300 characters";
    if (text.starts_with('!')) return "a pattern that takes paths out again, which is not possible here";
    if (!every_part(text, '/', [](std::string_view part) { return part != ".." && part != "."; })) {
        return "a pattern with `.` or `..` as a folder";
    }
    if (text.find_first_not_of('/') == std::string_view::npos) return "a pattern without a name";
    return {};
}

std::string private_key_fault(std::string_view text) {
    if (text.find("-----BEGIN ENCRYPTED PRIVATE KEY-----") != std::string_view::npos ||
        text.find("Proc-Type: 4,ENCRYPTED") != std::string_view::npos) {
        return "a private key with a passphrase";
    }
    for (const std::string kind : {"RSA PRIVATE KEY", "PRIVATE KEY"}) {
        const std::size_t begin = text.find("-----BEGIN " + kind + "-----");
        if (begin != std::string_view::npos &&
            text.find("-----END " + kind + "-----", begin) != std::string_view::npos)
            return {};
    }
    return "not a PEM private key";
}

}  // namespace config
