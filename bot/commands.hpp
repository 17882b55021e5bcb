#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace bot {

/// Commands in a comment, read as CommonMark: not in code, quotes, links or HTML. One per line, at most five.
struct Command {
    std::string verb;        ///< as written, lower case
    std::string argument;    ///< the rest of the line, trimmed
    std::size_t prefix = 0;  ///< which of the prefixes it began with
    friend bool operator==(const Command&, const Command&) = default;
};
[[nodiscard]] std::vector<Command> parse_commands(std::string_view markdown, std::string_view prefix);
/// The same with several prefixes, compared without case.
[[nodiscard]] std::vector<Command> parse_commands(std::string_view markdown,
                                                  const std::vector<std::string>& prefixes);

}  // namespace bot
