// Theory of operation: path and pattern are taken apart at `/`. One greedy walk with a single point of return
// matches
// `*` within a segment and, one level up, `**` among segments; a wildcard only ever needs to give back to the
// latest one before it, so the cost is bounded by the product of the lengths whatever a hostile pattern
// holds.
#include <algorithm>
#include <cctype>
#include <string>
#include <string_view>
#include <vector>

#include "config/recipe.hpp"

namespace config {

namespace {

char lower(char c) { return static_cast<char>(std::tolower(static_cast<unsigned char>(c))); }

/// Greedy wildcard match over any two sequences. `is_star(p)`: pattern element p matches any run, also an
/// empty one.
template <typename IsStar, typename Fits>
bool matches(std::size_t pattern_size, std::size_t text_size, IsStar is_star, Fits fits) {
    std::size_t p = 0;
    std::size_t t = 0;
    std::size_t star = pattern_size;  // none seen yet
    std::size_t resume = 0;
    while (t < text_size) {
        if (p < pattern_size && is_star(p)) {
            star = p++;
            resume = t;
        } else if (p < pattern_size && fits(p, t)) {
            ++p, ++t;
        } else if (star != pattern_size) {
            p = star + 1;
            t = ++resume;
        } else {
            return false;
        }
    }
    while (p < pattern_size && is_star(p)) ++p;
    return p == pattern_size;
}

/// One character of a pattern's segment: a set of characters, or a star.
struct Token {
    bool star = false;
    bool negated = false;
    std::string low, high;  // ranges, pairwise

    [[nodiscard]] bool fits(char c) const {
        bool inside = false;
        for (std::size_t i = 0; i < low.size(); ++i) inside = inside || (c >= low[i] && c <= high[i]);
        return inside != negated;
    }
};

/// Reads `[a-z]`, `[!a]`, `[]a]`; leaves `at` behind the bracket. Without a closing bracket it is a plain
/// `[`.
Token read_set(std::string_view segment, std::size_t& at) {
    std::size_t next = at + 1;
    Token token;
    if (next < segment.size() && (segment[next] == '!' || segment[next] == '^')) token.negated = true, ++next;
    const std::size_t first = next;
    while (next < segment.size() && (segment[next] != ']' || next == first)) {
        const char low = segment[next++];
        char high = low;
        if (next + 1 < segment.size() && segment[next] == '-' && segment[next + 1] != ']') {
            high = segment[next + 1];
            next += 2;
        }
        token.low += lower(low);
        token.high += lower(high);
    }
    if (next >= segment.size()) return {.low = "[", .high = "["};
    at = next;
    return token;
}

std::vector<Token> tokens(std::string_view segment) {
    std::vector<Token> result;
    for (std::size_t at = 0; at < segment.size(); ++at) {
        char c = segment[at];
        if (c == '*') {
            if (result.empty() || !result.back().star) result.push_back({.star = true});
        } else if (c == '?') {
            result.push_back({.negated = true});
        } else if (c == '[') {
            result.push_back(read_set(segment, at));
        } else {
            if (c == '\\' && at + 1 < segment.size()) c = segment[++at];
            result.push_back({.low = {lower(c)}, .high = {lower(c)}});
        }
    }
    return result;
}

std::vector<std::string_view> segments(std::string_view path) {
    std::vector<std::string_view> parts;
    while (!path.empty()) {
        const std::size_t end = std::min(path.find('/'), path.size());
        if (end > 0) parts.push_back(path.substr(0, end));
        path.remove_prefix(std::min(end + 1, path.size()));
    }
    return parts;
}

bool matches_one(const std::vector<std::string_view>& path, std::string_view glob) {
    struct Segment {
        bool any_depth = false;
        std::vector<Token> tokens;
    };
    std::vector<Segment> pattern;
    const std::size_t slash = glob.find('/');
    if (slash == std::string_view::npos || slash == glob.size() - 1) pattern.push_back({.any_depth = true});
    for (const std::string_view part : segments(glob)) {
        pattern.push_back(part == "**" ? Segment{.any_depth = true} : Segment{.tokens = tokens(part)});
    }
    if (std::ranges::all_of(pattern, &Segment::any_depth))
        return slash != std::string_view::npos || glob == "**";
    pattern.push_back({.any_depth = true});  // a folder that matches takes everything in it along
    return matches(
        pattern.size(), path.size(), [&](std::size_t p) { return pattern[p].any_depth; },
        [&](std::size_t p, std::size_t t) {
            const std::vector<Token>& wanted = pattern[p].tokens;
            const std::string_view text = path[t];
            return matches(
                wanted.size(), text.size(), [&](std::size_t i) { return wanted[i].star; },
                [&](std::size_t i, std::size_t j) { return wanted[i].fits(lower(text[j])); });
        });
}

}  // namespace

bool matches_any(std::string_view path, const std::vector<std::string>& globs) {
    const auto parts = segments(path);
    return std::ranges::any_of(globs, [&](const std::string& glob) { return matches_one(parts, glob); });
}

const std::vector<std::string>& built_in_protected_paths() {
    static const std::vector<std::string> paths{
        // what a forge or a CI service runs by itself, often with secrets
        ".github/", ".gitlab/", ".gitea/", ".forgejo/", ".gitlab-ci*.yml", ".gitlab-ci*.yaml", ".circleci/",
        ".buildkite/", ".woodpecker/", ".woodpecker.y*ml", ".drone.y*ml", ".drone.star", ".drone.jsonnet",
        ".travis.yml", "appveyor.yml", ".appveyor.yml", ".cirrus.y*ml", ".cirrus.star", "Jenkinsfile*",
        "azure-pipelines*.y*ml", ".azure-pipelines/", ".azuredevops/", "bitbucket-pipelines.yml",
        ".semaphore/", ".teamcity/", "cloudbuild.y*ml", "buildspec.y*ml", ".readthedocs.y*ml", "netlify.toml",
        "vercel.json",
        // who must review, and what merges without a person
        "CODEOWNERS", "dependabot.y*ml", "renovate.json*", ".renovaterc*", ".mergify.yml", ".mergify/",
        ".bulldozer.y*ml", ".policy.yml", "OWNERS", "OWNERS_ALIASES",
        // our own rules
        "/.shopfloor.yml",
        // what git does with the files of a checkout
        ".gitmodules", ".gitattributes", ".gitconfig", ".lfsconfig",
        // what runs on a reviewer's machine without being asked for
        ".husky/", ".githooks/", ".pre-commit-config.y*ml", "lefthook.y*ml", ".lefthook.y*ml", ".vscode/",
        ".idea/", ".devcontainer/", ".devcontainer.json", ".envrc", ".npmrc", ".yarnrc*", ".yarn/",
        ".pnpmfile.*", "pip.conf", ".cargo/", ".mvn/", "gradle-wrapper.*", "mvnw", "mvnw.cmd", "gradlew",
        "gradlew.bat"};
    static const auto all = [] {
        auto both = paths;
        // what steers later agent runs
        both.insert(both.end(), standing_instructions().begin(), standing_instructions().end());
        return both;
    }();
    return all;
}

const std::vector<std::string>& standing_instructions() {
    static const std::vector<std::string> paths{"AGENTS.md",
                                                "AGENTS.override.md",
                                                "AGENT.md",
                                                "CLAUDE.md",
                                                "CLAUDE.local.md",
                                                "GEMINI.md",
                                                ".agents/",
                                                ".claude/",
                                                ".codex/",
                                                ".cursor/",
                                                ".cursorrules",
                                                ".gemini/",
                                                ".opencode/",
                                                "opencode.json",
                                                "opencode.jsonc",
                                                ".amp/",
                                                ".pi/",
                                                ".mcp.json"};
    return paths;
}

const std::vector<std::string>& usual_test_paths() {
    static const std::vector<std::string> paths{
        "test/",      "tests/",         "spec/",         "specs/",          "__tests__/",
        "testdata/",  "__snapshots__/", "*_test.*",      "*_tests.*",       "test_*.*",
        "*.test.*",   "*.spec.*",       "*_spec.*",      "*Test.java",      "*Tests.java",
        "*IT.java",   "*Test.kt",       "*Tests.cs",     "*Test.php",       "conftest.py",
        "pytest.ini", "tox.ini",        "jest.config.*", "vitest.config.*", "CTestTestfile.cmake"};
    return paths;
}

}  // namespace config
