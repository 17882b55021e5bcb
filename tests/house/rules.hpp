#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace house {

/// A file as the rules see it.
struct Source {
    std::string path;  ///< from the root, with `/`
    std::string text;
};

/// Files whose path begins with `prefix` may do what the rule forbids to all others.
struct Leave {
    std::string prefix;
    std::string reason;
};

/// One library and the files that may include it.
struct Door {
    std::string library;
    std::vector<std::string> headers;  ///< beginnings of `<...>`
    std::vector<Leave> open_to;
};

/// A part of the house and what it may know of the rest, as beginnings of `"..."`.
struct Room {
    std::string folder;
    std::vector<std::string> may_include;
};

/// A file, or a function as `path: first line`, that may be longer than the rest.
struct Long {
    std::string path;
    int lines;
    std::string reason;
};

/// Each returns what offends, a sentence for each offence that begins with `path:line`.
using Offences = std::vector<std::string>;

[[nodiscard]] Offences check_rooms(const Source& source, const std::vector<Room>& rooms);
[[nodiscard]] Offences check_doors(const Source& source, const std::vector<Door>& doors);
[[nodiscard]] Offences check_own_header_first(const Source& source, const std::vector<Source>& all);
[[nodiscard]] Offences check_namespace(const Source& source, std::string_view room);
[[nodiscard]] Offences check_macros(const Source& source, const std::vector<Leave>& allowed);
[[nodiscard]] Offences check_words(const Source& source);
[[nodiscard]] Offences check_length(const Source& source, const std::vector<Long>& longer);
/// A function outside of a class, from its first line to its closing brace, has at most 60 lines.
[[nodiscard]] Offences check_functions(const Source& source, const std::vector<Long>& longer);
/// What is said on a forge stands in bot/sentences.hpp: no literal of three or more words in bot/report*.cpp;
/// elsewhere in bot/ none of two or more where a reason is made of it.
[[nodiscard]] Offences check_sentences(const Source& source);
/// Files of a folder whose names begin with the same word, and those that are alone with theirs, may be
/// compiled as one (`quicken` in CMakeLists.txt): what one of them calls could be the other's, where both
/// keep a function of that name to themselves.
[[nodiscard]] Offences check_own_names(const std::vector<Source>& all);
/// `name` is a path; no part of it may be a word that says nothing of what is inside.
[[nodiscard]] Offences check_name(std::string_view name);

}  // namespace house
