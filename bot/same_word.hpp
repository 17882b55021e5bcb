#pragma once

#include <algorithm>
#include <cctype>
#include <string_view>

namespace bot {

/// Of ASCII; other bytes as they are.
[[nodiscard]] inline char lower_letter(char c) {
    return static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
}

/// Forges ignore case in logins, labels and names of repositories.
[[nodiscard]] inline bool same_word(std::string_view a, std::string_view b) {
    return std::ranges::equal(a, b, {}, lower_letter, lower_letter);
}

/// One call for each kind of a variant.
template <typename... Cases>
struct Match : Cases... {
    using Cases::operator()...;
};

}  // namespace bot
