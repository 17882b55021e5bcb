#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace bot {

struct CodePoint {
    char32_t value = 0;      ///< U+FFFD for bytes that are not UTF-8
    std::size_t length = 1;  ///< in bytes
};
/// `at` < text.size().
[[nodiscard]] CodePoint code_point_at(std::string_view text, std::size_t at);

/// Shows nothing, or turns around what others show: controls, bidi controls, zero-width and tag characters,
/// variation selectors, fillers. Line feed and tab are not hidden.
[[nodiscard]] bool is_hidden(char32_t code_point);

/// What a lone carriage return means: a line break in prose, "write this line anew" in a program's output.
enum class LoneReturn { line_break, rewrite };

struct Scrubbed {
    std::string text;  ///< valid UTF-8
    int pieces = 0;    ///< runs of hidden characters and terminal sequences taken out
};
/// CRLF becomes LF. Joiners that shape a script or an emoji stay.
[[nodiscard]] Scrubbed scrub(std::string_view bytes, LoneReturn lone_return);

/// Text as people see it: HTML comments, bidi controls, tag characters, zero-width characters and other
/// invisibles are taken out; CRLF becomes LF. `stripped` counts the pieces.
struct VisibleText {
    std::string text;
    int stripped = 0;
};
[[nodiscard]] VisibleText visible_text(std::string_view text);

[[nodiscard]] std::size_t code_points(std::string_view utf8);
/// At most `limit` code points of valid UTF-8; what was cut ends in `…`.
[[nodiscard]] std::string first_code_points(std::string_view utf8, std::size_t limit);
/// The same from the end; what was cut begins with `…`.
[[nodiscard]] std::string last_code_points(std::string_view utf8, std::size_t limit);

}  // namespace bot
