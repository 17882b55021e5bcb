#pragma once

#include <algorithm>
#include <cctype>
#include <string>
#include <string_view>

/// Markdown as the readers of a forge meet it.
namespace rendered {

/// As a forge renders it: GitHub's Markdown with raw HTML let through.
[[nodiscard]] std::string html(const std::string& markdown);

/// A page without what stands in code: nothing comes to life there.
[[nodiscard]] std::string without_code(const std::string& page);

inline bool is_letter(char c) { return std::isalpha(static_cast<unsigned char>(c)) != 0; }
inline bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// `sign` in any case, with such a character behind it.
template <typename Kind>
bool has_before(const std::string& page, std::string_view sign, Kind kind) {
    const auto same = [](char a, char b) { return std::tolower(static_cast<unsigned char>(a)) == b; };
    for (auto at = page.begin(); at != page.end(); ++at) {
        at = std::search(at, page.end(), sign.begin(), sign.end(), same);
        if (at == page.end()) return false;
        const auto next = at + static_cast<std::ptrdiff_t>(sign.size());
        if (next != page.end() && kind(*next)) return true;
    }
    return false;
}

/// A tag that plain Markdown does not make.
[[nodiscard]] bool has_strange_tag(std::string_view page);

}  // namespace rendered
