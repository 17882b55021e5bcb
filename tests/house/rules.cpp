#include "tests/house/rules.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <map>
#include <optional>
#include <regex>
#include <set>
#include <sstream>

namespace house {

namespace {

struct Include {
    int line;
    bool quoted;
    std::string name;
};

std::vector<std::string> lines_of(const std::string& text) {
    std::vector<std::string> lines;
    std::istringstream in(text);
    for (std::string line; std::getline(in, line);) lines.push_back(line);
    return lines;
}

std::vector<Include> includes_of(const Source& source) {
    static const std::regex include(R"(^\s*#\s*include\s*([<"])([^>"]+)[>"])");
    std::vector<Include> found;
    const auto lines = lines_of(source.text);
    for (std::size_t i = 0; i < lines.size(); ++i) {
        std::smatch match;
        if (std::regex_search(lines[i], match, include)) {
            found.push_back({static_cast<int>(i) + 1, match[1] == "\"", match[2]});
        }
    }
    return found;
}

std::string at(const Source& source, std::size_t line) {
    return source.path + ":" + std::to_string(line) + ": ";
}

bool begins_with_any(std::string_view text, const std::vector<std::string>& prefixes) {
    return std::ranges::any_of(prefixes, [&](const std::string& prefix) { return text.starts_with(prefix); });
}

bool is_open(const std::vector<Leave>& leaves, std::string_view path) {
    return std::ranges::any_of(leaves, [&](const Leave& leave) { return path.starts_with(leave.prefix); });
}

/// The language's own headers have no dot; those of the C library and the kernel are known by folder or by
/// name.
bool belongs_to_the_system(const std::string& name) {
    static const std::set<std::string> plain{
        "dirent.h",  "fcntl.h",     "fnmatch.h",  "grp.h",    "netdb.h", "poll.h",   "pthread.h", "pwd.h",
        "sched.h",   "semaphore.h", "sysexits.h", "signal.h", "spawn.h", "stdio.h",  "stdlib.h",  "string.h",
        "strings.h", "termios.h",   "time.h",     "unistd.h", "errno.h", "stdint.h", "stddef.h",  "limits.h",
        "ftw.h",     "glob.h",      "ifaddrs.h",  "link.h",   "malloc.h"};
    static const std::vector<std::string> folders{"sys/", "linux/", "arpa/", "netinet/", "net/", "asm/"};
    return name.find_first_of("./") == std::string::npos || plain.contains(name) ||
           begins_with_any(name, folders);
}

int count_lines(const std::string& text) { return static_cast<int>(std::ranges::count(text, '\n')); }

/// Whether what a foreign namespace holds, from the line after its opening on, is only names of types.
bool only_declares(const std::vector<std::string>& lines, std::size_t opening) {
    static const std::regex declaration(R"(^(class|struct|enum class) \w+;$)");
    for (std::size_t i = opening + 1; i < lines.size(); ++i) {
        if (lines[i].starts_with("}")) return true;
        if (!lines[i].empty() && !std::regex_match(lines[i], declaration)) return false;
    }
    return false;
}

/// Without comments and includes, line by line.
std::string code_of(const Source& source) {
    std::string text;
    for (const std::string& line : lines_of(source.text))
        text += (line.starts_with("#") ? std::string() : line.substr(0, line.find("//"))) + "\n";
    return text;
}

/// Between blanks, beginning with a letter; what is filled in may stand among them.
int words_in(std::string_view literal) {
    int words = 0;
    bool begins = true;
    for (std::size_t at = 0; at < literal.size(); ++at) {
        const bool newline = literal[at] == '\\' && at + 1 < literal.size() && literal[at + 1] == 'n';
        if (begins && !newline && std::isalpha(static_cast<unsigned char>(literal[at])) != 0) ++words;
        begins = newline || literal[at] == ' ';
        if (newline) ++at;
    }
    return words;
}

/// Whether what comes next stands in a call or a field whose words a forge shows.
bool makes_a_reason(std::string_view before) {
    const auto statement = before.substr(before.find_last_of(";{}") + 1);
    static const std::vector<std::string_view> calls{"halt(",           "move(db",       "stopped_since(",
                                                     "infrastructure(", "push_refused(", "agent_failed(",
                                                     "setup_failed(",   "fall_back(",    "begin_cycle("};
    const auto end = statement.find_last_not_of(" \n");
    if (statement.find("Kind::") != std::string_view::npos &&
        statement.substr(0, end + 1).ends_with(".reason ="))
        return true;
    return std::ranges::any_of(
        calls, [&](std::string_view call) { return statement.find(call) != std::string_view::npos; });
}

struct OwnFunction {
    std::string name;  ///< with its namespaces
    std::size_t line;
};

/// The name before the first bracket, of a line that begins a function; empty for any other.
std::string function_on(const std::string& line) {
    static const std::regex other(
        R"(^(using|static_assert|struct|class|enum|template|namespace|TEST_CASE)\b)");
    static const std::regex named(R"(^[^(=]*?(\w+)\()");
    static const std::regex argument("<[^<>]*>");
    if (line.empty() || std::isalpha(static_cast<unsigned char>(line.front())) == 0) return {};
    std::string plain = line;
    for (std::string last; last != plain;) {
        last = plain;
        plain = std::regex_replace(last, argument, "");
    }
    std::smatch match;
    if (std::regex_search(plain, other) || !std::regex_search(plain, match, named)) return {};
    return match[1];
}

/// What a file keeps to itself in nameless namespaces.
std::vector<OwnFunction> own_functions(const Source& source) {
    static const std::regex opening(R"(^(?:inline )?namespace(?: ([\w:]+))? \{$)");
    std::vector<OwnFunction> found;
    std::vector<std::string> inside;
    const auto lines = lines_of(source.text);
    for (std::size_t i = 0; i < lines.size(); ++i) {
        std::smatch match;
        if (std::regex_search(lines[i], match, opening)) inside.push_back(match[1]);
        if (lines[i].starts_with("}  // namespace") && !inside.empty()) inside.pop_back();
        if (std::ranges::find(inside, "") == inside.end()) continue;
        const auto name = function_on(lines[i]);
        if (name.empty()) continue;
        std::string whole;
        for (const std::string& each : inside) whole += each.empty() ? "" : each + "::";
        found.push_back({whole + name, i + 1});
    }
    return found;
}

/// Files that may be compiled as one.
std::map<std::string, std::vector<const Source*>> groups_of(const std::vector<Source>& all) {
    std::map<std::string, std::vector<const Source*>> groups;
    for (const Source& source : all) {
        if (!source.path.ends_with(".cpp") || source.path.ends_with("/main.cpp")) continue;
        const auto file = source.path.rfind('/') + 1;
        groups[source.path.substr(0, source.path.find_first_of("_.", file))].push_back(&source);
    }
    std::map<std::string, std::vector<const Source*>> alone;
    for (const auto& [word, files] : groups)
        if (files.size() == 1) alone[word.substr(0, word.rfind('/') + 1)].push_back(files.front());
    std::erase_if(groups, [](const auto& group) { return group.second.size() == 1; });
    groups.merge(alone);
    return groups;
}

}  // namespace

Offences check_rooms(const Source& source, const std::vector<Room>& rooms) {
    // The longest folder that holds the file is its room.
    const Room* room = nullptr;
    for (const Room& each : rooms) {
        const bool inside = source.path.starts_with(each.folder);
        if (inside && (room == nullptr || each.folder.size() > room->folder.size())) room = &each;
    }
    if (room == nullptr) return {source.path + ":1: is in no room of the house"};
    Offences offences;
    for (const Include& include : includes_of(source)) {
        if (!include.quoted || begins_with_any(include.name, room->may_include)) continue;
        offences.push_back(at(source, static_cast<std::size_t>(include.line)) + room->folder +
                           " must not know " + include.name);
    }
    return offences;
}

Offences check_doors(const Source& source, const std::vector<Door>& doors) {
    Offences offences;
    for (const Include& include : includes_of(source)) {
        if (include.quoted || belongs_to_the_system(include.name)) continue;
        const auto door = std::ranges::find_if(
            doors, [&](const Door& each) { return begins_with_any(include.name, each.headers); });
        const std::string place = at(source, static_cast<std::size_t>(include.line));
        if (door == doors.end()) {
            offences.push_back(place + "<" + include.name + "> belongs to a library without a door");
        } else if (!is_open(door->open_to, source.path)) {
            offences.push_back(place + door->library + " has no door here");
        }
    }
    return offences;
}

Offences check_own_header_first(const Source& source, const std::vector<Source>& all) {
    if (!source.path.ends_with(".cpp")) return {};
    const std::string own = source.path.substr(0, source.path.size() - 4) + ".hpp";
    if (std::ranges::find(all, own, &Source::path) == all.end()) return {};
    const auto includes = includes_of(source);
    if (!includes.empty() && includes.front().quoted && includes.front().name == own) return {};
    return {at(source, includes.empty() ? 1 : static_cast<std::size_t>(includes.front().line)) +
            "includes something before " + own};
}

Offences check_namespace(const Source& source, std::string_view room) {
    static const std::regex opening(R"(^(?:inline )?namespace(?: ([\w:]+))? \{)");
    static const std::regex using_all(R"(^\s*using namespace (?!std::\w*literals;))");
    Offences offences;
    bool has_room = false;
    int depth = 0;
    const auto lines = lines_of(source.text);
    for (std::size_t i = 0; i < lines.size(); ++i) {
        std::smatch match;
        if (std::regex_search(lines[i], using_all))
            offences.push_back(at(source, i + 1) + "takes in a whole namespace");
        if (lines[i].starts_with("}  // namespace")) --depth;
        if (!std::regex_search(lines[i], match, opening)) continue;
        const std::string name = match[1];
        const bool own = name == room || name.starts_with(std::string(room) + "::");
        has_room = has_room || own;
        const bool one_line = lines[i].ends_with("}");
        if (depth == 0 && !own && !name.empty() && !one_line && !only_declares(lines, i)) {
            offences.push_back(at(source, i + 1) + "namespace " + name + " is not " + std::string(room));
        }
        if (!one_line) ++depth;
    }
    const bool program = source.path.ends_with("/main.cpp");
    if (!has_room && !program)
        offences.push_back(at(source, 1) + "nothing here is in namespace " + std::string(room));
    return offences;
}

Offences check_macros(const Source& source, const std::vector<Leave>& allowed) {
    static const std::regex define(R"(^\s*#\s*define\s+(\w+))");
    Offences offences;
    const auto lines = lines_of(source.text);
    for (std::size_t i = 0; i < lines.size(); ++i) {
        std::smatch match;
        if (!std::regex_search(lines[i], match, define)) continue;
        const std::string macro = match[1];
        if (!is_open(allowed, macro)) offences.push_back(at(source, i + 1) + "defines the macro " + macro);
    }
    if (source.path.ends_with(".hpp") && source.text.find("#pragma once\n") == std::string::npos) {
        offences.push_back(at(source, 1) + "lacks #pragma once");
    }
    return offences;
}

Offences check_words(const Source& source) {
    // Put together from halves, so that this file does not offend.
    static const std::regex promise(std::string("\\b(TO") + "DO|FIX" + "ME|X" + "XX|HA" + "CK)\\b");
    Offences offences;
    const auto lines = lines_of(source.text);
    for (std::size_t i = 0; i < lines.size(); ++i) {
        std::smatch match;
        if (std::regex_search(lines[i], match, promise)) {
            offences.push_back(at(source, i + 1) + "promises to be finished later: " + match[0].str());
        }
    }
    return offences;
}

Offences check_length(const Source& source, const std::vector<Long>& longer) {
    const int lines = count_lines(source.text);
    const int usual = source.path.ends_with(".hpp") ? 150 : 400;
    const auto excused = std::ranges::find(longer, source.path, &Long::path);
    if (excused == longer.end()) {
        if (lines <= usual) return {};
        return {at(source, static_cast<std::size_t>(lines)) + "is longer than " + std::to_string(usual) +
                " lines"};
    }
    if (lines <= usual) return {at(source, 1) + "is short enough now and needs no excuse"};
    if (lines <= excused->lines) return {};
    return {at(source, static_cast<std::size_t>(lines)) + "is longer than even its excuse of " +
            std::to_string(excused->lines) + " lines"};
}

Offences check_functions(const Source& source, const std::vector<Long>& longer) {
    // The formatter puts a function's closing brace alone in the first column, and only its first line there
    // too.
    Offences offences;
    const auto lines = lines_of(source.text);
    std::size_t first = 0;
    for (std::size_t i = 0; i < lines.size(); ++i) {
        const bool outer =
            !lines[i].empty() && std::string_view(" }#/)").find(lines[i].front()) == std::string_view::npos;
        if (outer) first = i;
        if (lines[i] != "}" || i - first + 1 <= 60) continue;
        const std::string name = source.path + ": " + lines[first];
        const auto excused = std::ranges::find(longer, name, &Long::path);
        if (excused != longer.end() && static_cast<int>(i - first + 1) <= excused->lines) continue;
        offences.push_back(at(source, first + 1) + "a function of " + std::to_string(i - first + 1) +
                           " lines");
    }
    return offences;
}

Offences check_sentences(const Source& source) {
    if (!source.path.starts_with("bot/") || !source.path.ends_with(".cpp")) return {};
    const bool says = source.path.starts_with("bot/report");
    const std::string text = code_of(source);
    Offences offences;
    for (std::size_t open = text.find('"'); open != std::string::npos; open = text.find('"', open)) {
        std::size_t close = open + 1;
        while (close < text.size() && text[close] != '"' && text[close] != '\n')
            close += text[close] == '\\' ? 2 : 1;
        const auto words = words_in(std::string_view(text).substr(open + 1, close - open - 1));
        if (says ? words > 2 : words > 1 && makes_a_reason(std::string_view(text).substr(0, open))) {
            const auto line =
                std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(open), '\n');
            offences.push_back(at(source, static_cast<std::size_t>(line) + 1) +
                               "says something that bot/sentences.hpp does not know");
        }
        open = std::min(close + 1, text.size());
    }
    return offences;
}

Offences check_own_names(const std::vector<Source>& all) {
    Offences offences;
    for (const auto& [word, files] : groups_of(all)) {
        std::map<std::string, const Source*> owners;
        for (const Source* source : files)
            for (const OwnFunction& each : own_functions(*source)) {
                const Source& owner = *owners.emplace(each.name, source).first->second;
                if (&owner != source)
                    offences.push_back(at(*source, each.line) + each.name + " is another's name in " +
                                       owner.path);
            }
    }
    return offences;
}

Offences check_name(std::string_view name) {
    static const std::set<std::string> empty_words{"util",    "utils",   "utility", "utilities",
                                                   "common",  "commons", "base",    "helper",
                                                   "helpers", "misc",    "shared",  "stuff"};
    std::string word;
    for (const char c : std::string(name) + "/") {
        if (c != '_' && c != '-' && c != '/' && c != '.') {
            word += c;
            continue;
        }
        // A base commit is a word of the trade; a base of other files is not.
        const bool of_the_trade = word == "base" && c == '_';
        if (empty_words.contains(word) && !of_the_trade)
            return {std::string(name) + ":1: `" + word + "` says nothing of what is inside"};
        word.clear();
    }
    return {};
}

}  // namespace house
