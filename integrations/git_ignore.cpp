// .gitignore rules, read from the objects of the base commit: no file of a working tree is opened, and a rule
// file that is a link is none, as with git. libgit2's own evaluation is not used because it drops a `!rule`
// that answers to a rule of a folder above (src/libgit2/ignore.c, does_negate_rule), and because its matcher
// takes minutes for a pattern made to be slow: some of the rules here were written by the agent. This one
// backs up over the last star only, which is enough for globs, and counts its steps.
// https://git-scm.com/docs/gitignore
#include <algorithm>
#include <cctype>
#include <map>
#include <memory>
#include <optional>
#include <ranges>
#include <string_view>
#include <utility>

#include "integrations/git_objects.hpp"

namespace integrations {

namespace {

constexpr std::size_t most_rule_bytes = 64 * 1024;
constexpr std::size_t longest_line = 256;
constexpr std::size_t longest_path = 1024;
constexpr auto deepest_path = 64;
constexpr std::uint64_t most_steps =
    1'000'000'000;  ///< a few seconds; afterwards nothing is ignored any more

struct Rule {
    std::vector<std::string> segments;  ///< `**` stands for any number of folders
    bool anchored = false;              ///< matches from the rule file's folder, not any name below it
    bool folders_only = false;
    bool negated = false;
};

std::vector<std::string> split(std::string_view path) {
    std::vector<std::string> parts;
    for (const auto part : path | std::views::split('/')) parts.emplace_back(part.begin(), part.end());
    return parts;
}

bool in_posix_class(std::string_view name, unsigned char c) {
    static const std::map<std::string_view, int (*)(int)> classes = {
        {"alnum", std::isalnum}, {"alpha", std::isalpha}, {"blank", std::isblank}, {"cntrl", std::iscntrl},
        {"digit", std::isdigit}, {"graph", std::isgraph}, {"lower", std::islower}, {"print", std::isprint},
        {"punct", std::ispunct}, {"space", std::isspace}, {"upper", std::isupper}, {"xdigit", std::isxdigit}};
    const auto known = classes.find(name);
    return known != classes.end() && known->second(c) != 0;
}

/// `[...]` at `at`; moves past it. nullopt: it is never closed, so the pattern matches nothing.
std::optional<bool> in_brackets(std::string_view pattern, std::size_t& at, unsigned char c) {
    std::size_t next = at + 1;
    const bool negated = next < pattern.size() && (pattern[next] == '!' || pattern[next] == '^');
    if (negated) ++next;
    bool found = false;
    for (bool first = true; next < pattern.size() && (first || pattern[next] != ']'); first = false) {
        if (pattern.substr(next, 2) == "[:") {
            const auto end = pattern.find(":]", next);
            if (end == std::string_view::npos) return {};
            found = found || in_posix_class(pattern.substr(next + 2, end - next - 2), c);
            next = end + 2;
            continue;
        }
        if (pattern[next] == '\\') ++next;
        if (next == pattern.size()) return {};
        const auto low = static_cast<unsigned char>(pattern[next++]);
        auto high = low;
        if (next + 1 < pattern.size() && pattern[next] == '-' && pattern[next + 1] != ']') {
            next += pattern[next + 1] == '\\' && next + 2 < pattern.size() ? 2 : 1;
            high = static_cast<unsigned char>(pattern[next++]);
        }
        found = found || (low <= c && c <= high);
    }
    if (next >= pattern.size()) return {};
    at = next + 1;
    return found != negated;
}

/// One name against one segment of a pattern.
bool matches_name(std::string_view pattern, std::string_view name, std::uint64_t& steps) {
    std::size_t at = 0, in = 0;
    std::optional<std::pair<std::size_t, std::size_t>> star;  // where to go on after the last one
    while (in < name.size()) {
        ++steps;
        bool fits = false;
        if (at < pattern.size() && pattern[at] == '*') {
            star = {++at, in};
            continue;
        }
        if (at < pattern.size() && pattern[at] == '[') {
            const auto held = in_brackets(pattern, at, static_cast<unsigned char>(name[in]));
            if (!held) return false;
            fits = *held;
        } else if (at < pattern.size()) {
            const bool literal = pattern[at] == '\\';
            if (literal && ++at == pattern.size()) return false;
            fits = (!literal && pattern[at] == '?') || pattern[at] == name[in];
            ++at;
        }
        if (fits) {
            ++in;
        } else if (star) {
            at = star->first;
            in = ++star->second;
        } else {
            return false;
        }
    }
    while (at < pattern.size() && pattern[at] == '*') ++at;
    return at == pattern.size();
}

/// The same over folders: `**` is the star.
bool matches_path(const std::vector<std::string>& pattern, const std::vector<std::string>& path,
                  std::uint64_t& steps) {
    std::size_t at = 0, in = 0;
    std::optional<std::pair<std::size_t, std::size_t>> star;
    while (in < path.size()) {
        if (at < pattern.size() && pattern[at] == "**") {
            if (++at == pattern.size()) return true;  // everything inside
            star = {at, in};
        } else if (at < pattern.size() && matches_name(pattern[at], path[in], steps)) {
            ++at;
            ++in;
        } else if (star) {
            at = star->first;
            in = ++star->second;
        } else {
            return false;
        }
    }
    return at == pattern.size();
}

std::optional<Rule> parse_rule(std::string_view line) {
    if (line.ends_with('\r')) line.remove_suffix(1);
    while (line.ends_with(' ') && !line.ends_with("\\ ")) line.remove_suffix(1);
    Rule rule;
    if (line.size() > longest_line || line.starts_with('#')) return {};
    if (line.starts_with('!')) {
        rule.negated = true;
        line.remove_prefix(1);
    }
    if (line.ends_with('/')) {
        rule.folders_only = true;
        line.remove_suffix(1);
    }
    rule.anchored = line.find('/') != std::string_view::npos;
    if (line.starts_with('/')) line.remove_prefix(1);
    if (line.empty()) return {};
    rule.segments = split(line);
    return rule;
}

std::vector<Rule> parse_rules(std::string_view text) {
    if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
    std::vector<Rule> rules;
    for (const auto line : text.substr(0, most_rule_bytes) | std::views::split('\n'))
        if (auto rule = parse_rule({line.begin(), line.end()})) rules.push_back(std::move(*rule));
    return rules;
}

/// What the function of `open_ignore_rules` asks.
class Rules {
 public:
    Rules(GitRepositoryHandle repository, GitTreeHandle tree, std::string commit, const std::string& more)
        : repository_(std::move(repository)), tree_(std::move(tree)), commit_(std::move(commit)) {
        for (auto& rule : parse_rules(more)) rules_of("").push_back(std::move(rule));
    }

    bool ignored(std::string_view path) {
        const bool folder = path.ends_with('/');
        if (folder) path.remove_suffix(1);
        if (path.empty() || path.size() > longest_path || path.find('\0') != std::string_view::npos)
            return false;
        const auto names = split(path);
        if (names.size() > deepest_path || std::ranges::find(names, "") != names.end()) return false;
        // What lies in an ignored folder cannot be brought back.
        for (std::size_t depth = 1; depth < names.size(); ++depth)
            if (folder_ignored({names.begin(), names.begin() + static_cast<std::ptrdiff_t>(depth)}))
                return !known(path);
        return (folder ? folder_ignored(names) : matched(names, false)) && !known(path);
    }

 private:
    bool known(std::string_view path) {
        GitTreeEntryHandle entry;
        return take(entry, git_tree_entry_bypath, tree_.get(), std::string(path).c_str()) == 0;
    }

    std::vector<Rule>& rules_of(const std::string& folder) {
        if (const auto at = rules_.find(folder); at != rules_.end()) return at->second;
        const auto text = read_file(repository_.get(), commit_,
                                    folder.empty() ? ".gitignore" : folder + "/.gitignore", most_rule_bytes);
        return rules_[folder] = text ? parse_rules(*text) : std::vector<Rule>{};
    }

    bool folder_ignored(const std::vector<std::string>& names) {
        if (const auto at = folders_.find(names); at != folders_.end()) return at->second;
        return folders_[names] = matched(names, true);
    }

    /// The last rule that matches decides, the nearest file first.
    bool matched(const std::vector<std::string>& names, bool folder) {
        for (auto depth = names.size(); depth-- > 0;) {
            std::string above;
            for (std::size_t at = 0; at < depth; ++at) above += (at == 0 ? "" : "/") + names[at];
            const std::vector<std::string> below(names.begin() + static_cast<std::ptrdiff_t>(depth),
                                                 names.end());
            for (const auto& rule : rules_of(above) | std::views::reverse) {
                if (steps_ > most_steps) return false;
                if (rule.folders_only && !folder) continue;
                const bool hit = rule.anchored ? matches_path(rule.segments, below, steps_)
                                               : matches_name(rule.segments.front(), names.back(), steps_);
                if (hit) return !rule.negated;
            }
        }
        return false;
    }

    GitRepositoryHandle repository_;
    GitTreeHandle tree_;
    std::string commit_;
    std::map<std::string, std::vector<Rule>> rules_;    ///< by the folder of the rule file
    std::map<std::vector<std::string>, bool> folders_;  ///< answers for folders
    std::uint64_t steps_ = 0;
};

}  // namespace

GitResult<std::function<bool(const std::string& path)>> open_ignore_rules(GitRepositoryHandle repository,
                                                                          const std::string& commit,
                                                                          const std::string& more) {
    auto tree = find_tree(repository.get(), commit);
    if (!tree) return std::unexpected(tree.error());
    // Shared because std::function wants what it holds to be copyable, and libgit2's handles are not.
    auto rules = std::make_shared<Rules>(std::move(repository), std::move(*tree), commit, more);
    return [rules = std::move(rules)](const std::string& path) { return rules->ignored(path); };
}

}  // namespace integrations
