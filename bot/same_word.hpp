#pragma once

#include <algorithm>
#include <cctype>
#include <string_view>

namespace bot {

/// Forges ignore case in logins, labels and names of repositories.
[[nodiscard]] inline bool same_word(std::string_view a, std::string_view b) {
    const auto lower = [](unsigned char c) { return std::tolower(c); };
    return std::ranges::equal(a, b, {}, lower, lower);
}

/// One call for each kind of a variant.
template <typename... Cases>
struct Match : Cases... {
    using Cases::operator()...;
};

}  // namespace bot
