#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>

#include "sandbox/harvest.hpp"

// Names that a commit may hold. The rules are git's own (`core.protectHFS`, `core.protectNTFS`; git's utf8.c
// and path.c) applied always, since nobody knows the file system of whoever checks the commit out, and some
// more for what people see: no control characters, no text that changes its direction.

namespace sandbox {

namespace {

constexpr std::size_t longest_path = 4096;
constexpr std::size_t longest_name = 255;

struct Letter {
    char32_t code = 0;
    std::size_t bytes = 0;
};

/// The first code point, or nothing when the bytes are not UTF-8 as RFC 3629 has it (no surrogates, shortest
/// form).
std::optional<Letter> first_letter(std::string_view text) {
    const auto byte = [&](std::size_t at) { return static_cast<unsigned char>(text[at]); };
    const unsigned char lead = byte(0);
    if (lead < 0x80) return Letter{lead, 1};
    const std::size_t bytes = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
    if (lead < 0xc2 || lead > 0xf4 || text.size() < bytes) return std::nullopt;
    char32_t code = lead & (0xffU >> (bytes + 1));
    for (std::size_t at = 1; at < bytes; ++at) {
        if ((byte(at) & 0xc0U) != 0x80) return std::nullopt;
        code = code << 6U | (byte(at) & 0x3fU);
    }
    constexpr std::array<char32_t, 5> least{0, 0, 0x80, 0x800, 0x10000};
    if (code < least[bytes] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) return std::nullopt;
    return Letter{code, bytes};
}

bool is_control(char32_t code) {
    return code < 0x20 || (code >= 0x7f && code < 0xa0) || code == 0x2028 || code == 0x2029 ||
           (code >= 0xe0000 && code <= 0xe007f);  // tag characters: text for machines that people do not see
}

bool turns_direction(char32_t code) {
    return code == 0x061c || code == 0x200e || code == 0x200f || (code >= 0x202a && code <= 0x202e) ||
           (code >= 0x2066 && code <= 0x2069);
}

/// What HFS+ leaves out when it compares names (git, utf8.c: next_hfs_char).
bool hfs_ignores(char32_t code) {
    return (code >= 0x200c && code <= 0x200f) || (code >= 0x202a && code <= 0x202e) ||
           (code >= 0x206a && code <= 0x206f) || code == 0xfeff;
}

/// The name as a file system that folds may see it: without what HFS+ leaves out, in lower case, cut where
/// NTFS cuts.
std::string folded(std::string_view name) {
    std::string result;
    while (!name.empty()) {
        const auto letter = first_letter(name);
        const std::size_t bytes = letter ? letter->bytes : 1;
        if (!letter || !hfs_ignores(letter->code))
            for (const char c : name.substr(0, bytes))
                result += c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
        name.remove_prefix(bytes);
    }
    result.resize(std::min(result.size(), result.find(':')));
    while (!result.empty() && (result.back() == '.' || result.back() == ' ')) result.pop_back();
    return result;
}

bool is_git_folder(std::string_view name) {
    const std::string seen = folded(name);
    if (seen == ".git") return true;
    return seen.size() == 5 && seen.starts_with("git~") && seen[4] >= '0' && seen[4] <= '9';
}

/// Files that git reads by name; as links they make it read elsewhere, and forges refuse the push (fsck).
bool is_git_file(std::string_view name) {
    const std::string seen = folded(name);
    return seen == ".gitmodules" || seen == ".gitattributes" || seen == ".gitignore" || seen == ".mailmap" ||
           seen.starts_with("gitmod~") || seen.starts_with("gi7eba~") || seen.starts_with("gi250a~") ||
           seen.starts_with("gi7d29~");
}

std::string letters_fault(std::string_view text) {
    while (!text.empty()) {
        const auto letter = first_letter(text);
        if (!letter) return "is not valid UTF-8";
        if (is_control(letter->code)) return "contains a control character";
        if (turns_direction(letter->code)) return "contains a character that turns the direction of text";
        if (letter->code == '\\') return "contains a backslash, which is a folder separator on Windows";
        text.remove_prefix(letter->bytes);
    }
    return {};
}

std::string name_fault(std::string_view name) {
    if (name.empty()) return "has an empty part";
    if (name == "." || name == "..") return "contains '.' or '..'";
    if (name.size() > longest_name) return "has a part longer than 255 bytes";
    if (is_git_folder(name))
        return "is or lies in a '.git' of its own, or one that some file systems take for it";
    if (name.back() == '.' || name.back() == ' ')
        return "has a part that ends in a dot or a space, which Windows drops";
    return {};
}

template <class Visit>
std::string for_parts(std::string_view path, Visit visit) {
    for (std::size_t at = 0; at <= path.size();) {
        const auto end = std::min(path.find('/', at), path.size());
        if (auto fault = visit(path.substr(at, end - at)); !fault.empty()) return fault;
        at = end + 1;
    }
    return {};
}

}  // namespace

std::string path_fault(std::string_view path) {
    if (path.empty()) return "is empty";
    if (path.size() > longest_path) return "is longer than 4,096 bytes";
    if (auto fault = letters_fault(path); !fault.empty()) return fault;
    return for_parts(path, name_fault);
}

std::string link_fault(std::string_view path, std::string_view target) {
    if (target.empty() || target.size() >= longest_path) return "points at nothing";
    if (auto fault = letters_fault(target); !fault.empty()) return "points at a name that " + fault;
    if (target.front() == '/') return "points at an absolute path";
    if (is_git_file(path.substr(path.rfind('/') + 1)))
        return "is a file that git reads, which must not be a link";
    auto depth = std::ranges::count(path, '/');
    bool descended = false;
    return for_parts(target, [&](std::string_view part) -> std::string {
        if (part.empty() || part == ".") return {};
        if (part == "..") {
            if (descended)
                return "goes up again after it went down, so that its end cannot be told from its text";
            return --depth < 0 ? "points out of the tree" : "";
        }
        descended = true;
        return is_git_folder(part) ? "points into '.git'" : "";
    });
}

std::string printable(std::string_view text) {
    constexpr std::size_t most = 300;
    std::string result;
    while (!text.empty() && result.size() < most) {
        const auto letter = first_letter(text);
        const std::size_t bytes = letter ? letter->bytes : 1;
        const bool plain = letter && !is_control(letter->code) && !turns_direction(letter->code) &&
                           !hfs_ignores(letter->code);
        for (const char c : text.substr(0, bytes)) {
            if (plain)
                result += c;
            else
                result += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
        }
        text.remove_prefix(bytes);
    }
    if (!text.empty()) result += "...";
    return result;
}

std::string changes_fault(const Changes& changes, const HarvestLimits& limits) {
    if (changes.size() > limits.max_files) return "there are more changed paths than a run may have.";
    std::uint64_t bytes = 0;
    for (std::size_t i = 0; i < changes.size(); ++i) {
        const auto& change = changes[i];
        auto fault = path_fault(change.path);
        if (fault.empty() && change.kind == Change::Kind::link)
            fault = link_fault(change.path, change.content);
        if (!fault.empty()) return fmt::format("`{}` {}.", printable(change.path), fault);
        // Sorted by path, so what lies below another comes after it with nothing but its like between.
        if (i > 0 && changes[i - 1].path >= change.path) return "the changed paths are out of order.";
        bytes += change.content.size();
    }
    if (bytes > limits.max_bytes) return "the changes are larger than a run's may be.";
    return {};
}

}  // namespace sandbox
