#include "config/characters.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdint>
#include <optional>
#include <vector>

namespace config {

namespace {

/// Takes one code point off the front; nothing when the bytes are not well-formed UTF-8 (RFC 3629).
std::optional<char32_t> take_code_point(std::string_view& text) {
    const auto byte = [&](std::size_t at) { return static_cast<unsigned char>(text[at]); };
    const unsigned char first = byte(0);
    std::size_t size = 1;
    char32_t value = first;
    if (first >= 0xF0) {
        size = 4, value = first & 0x07U;
    } else if (first >= 0xE0) {
        size = 3, value = first & 0x0FU;
    } else if (first >= 0xC0) {
        size = 2, value = first & 0x1FU;
    } else if (first >= 0x80) {
        return std::nullopt;
    }
    if (first > 0xF4 || text.size() < size) return std::nullopt;
    for (std::size_t at = 1; at < size; ++at) {
        if ((byte(at) & 0xC0U) != 0x80U) return std::nullopt;
        value = (value << 6U) | (byte(at) & 0x3FU);
    }
    constexpr std::array<char32_t, 5> smallest{0, 0, 0x80, 0x800, 0x10000};
    const bool surrogate = value >= 0xD800 && value <= 0xDFFF;
    if (value < smallest[size] || value > 0x10FFFF || surrogate) return std::nullopt;
    text.remove_prefix(size);
    return value;
}

bool is_control(char32_t c) { return c < 0x20 || (c >= 0x7F && c <= 0x9F) || c == 0x2028 || c == 0x2029; }

bool hides(char32_t c) {
    return c == 0xAD || c == 0x61C || c == 0x180E || (c >= 0x200B && c <= 0x200F) ||
           (c >= 0x202A && c <= 0x202E) || (c >= 0x2060 && c <= 0x206F) || c == 0xFEFF ||
           (c >= 0xFFF9 && c <= 0xFFFB) || (c & 0xFFFE) == 0xFFFE || (c >= 0xE0000 && c <= 0xE0FFF);
}

}  // namespace

std::string unfit(std::string_view text, LineBreaks line_breaks) {
    while (!text.empty()) {
        const auto c = take_code_point(text);
        if (!c) return "bytes that are not UTF-8";
        if (*c == U'\t') continue;
        if (*c == U'\n') {
            if (line_breaks == LineBreaks::refused) return "a line break";
            continue;
        }
        if (is_control(*c)) return "a control character";
        if (hides(*c)) return "a character that hides or reorders text";
    }
    return {};
}

bool is_utf8(std::string_view text) {
    while (!text.empty()) {
        if (!take_code_point(text)) return false;
    }
    return true;
}

std::size_t length(std::string_view text) {
    return static_cast<std::size_t>(std::count_if(
        text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
}

std::string excerpt(std::string_view text) {
    constexpr std::size_t most = 60;
    std::string shown(text.substr(0, most));
    std::ranges::replace_if(shown, [](char c) { return c < 0x20 || c > 0x7E; }, '?');
    if (text.size() > most) shown += "...";
    return shown;
}

std::size_t distance(std::string_view left, std::string_view right) {
    const auto letter = [](char c) {
        return c == '-' ? '_' : static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    };
    std::vector<std::size_t> before(right.size() + 1);
    std::vector<std::size_t> last(right.size() + 1);
    std::vector<std::size_t> row(right.size() + 1);
    for (std::size_t j = 0; j <= right.size(); ++j) last[j] = j;
    for (std::size_t i = 1; i <= left.size(); ++i) {
        row[0] = i;
        for (std::size_t j = 1; j <= right.size(); ++j) {
            const bool same = letter(left[i - 1]) == letter(right[j - 1]);
            row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + (same ? 0U : 1U)});
            const bool swapped = i > 1 && j > 1 && letter(left[i - 1]) == letter(right[j - 2]) &&
                                 letter(left[i - 2]) == letter(right[j - 1]);
            if (swapped) row[j] = std::min(row[j], before[j - 2] + 1);
        }
        before.swap(last);
        last.swap(row);
    }
    return last[right.size()];
}

}  // namespace config
