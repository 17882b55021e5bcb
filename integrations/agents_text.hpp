#pragma once

#include <cstddef>
#include <string>
#include <string_view>

/// Reading what a program printed as hostile text.
namespace integrations {

/// The end of what was printed, at most `most` bytes, from the beginning of a line (a single longer line is
/// cut).
[[nodiscard]] std::string_view end_of(std::string_view printed, std::size_t most);

/// Valid UTF-8 without terminal escapes, control characters (but line feed and tab) and lines that a carriage
/// return has overwritten.
[[nodiscard]] std::string plain_text(std::string_view printed);

/// The lines after the last empty one, of text that ends in something else.
[[nodiscard]] std::string last_paragraph(std::string_view text);

/// The last lines that are not empty.
[[nodiscard]] std::string last_lines(std::string_view text, std::size_t most_lines);

/// Code points of a summary and of a question.
inline constexpr std::size_t longest_text = 4000;

/// An agent's last message, taken apart at its question: see `find_agent`.
struct Asked {
    std::string before;    ///< the whole message when it asks nothing
    std::string question;  ///< empty: it asks nothing
};
[[nodiscard]] Asked take_question(std::string_view message);

/// At most `limit` code points of valid UTF-8, `…` in the place of what is left out.
[[nodiscard]] std::string keep_beginning(std::string_view text, std::size_t limit);
[[nodiscard]] std::string keep_end(std::string_view text, std::size_t limit);

}  // namespace integrations
