#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace config {

enum class LineBreaks { allowed, refused };

/// Why this text cannot be shown to a person as what it is, in a few words; empty when it can. Refused: bytes
/// that are not UTF-8, control characters other than tab (and line feed, where allowed), and characters that
/// hide or reorder text (bidi controls, zero-width and tag characters: https://trojansource.codes).
[[nodiscard]] std::string unfit(std::string_view text, LineBreaks line_breaks);

[[nodiscard]] bool is_utf8(std::string_view text);

/// Number of code points of text that is not `unfit`.
[[nodiscard]] std::size_t length(std::string_view text);

/// Hostile text made fit for a one-line message: at most 60 bytes, printable ASCII, `?` for the rest.
[[nodiscard]] std::string excerpt(std::string_view text);

/// The known name that was probably meant; empty when none is near.
template <typename Names>
[[nodiscard]] std::string nearest(std::string_view word, const Names& names);

/// How many letters to insert, drop, replace or swap with their neighbour; case and `-` for `_` count
/// nothing.
[[nodiscard]] std::size_t distance(std::string_view left, std::string_view right);

template <typename Names>
std::string nearest(std::string_view word, const Names& names) {
    std::string found;
    std::size_t best = 3;  // more than two slips is another word
    if (word.size() > 40) return found;
    for (const auto& name : names) {
        const std::size_t steps = distance(word, name);
        if (steps < best && steps * 2 < std::string_view(name).size()) {
            best = steps;
            found = name;
        }
    }
    return found;
}

}  // namespace config
