#pragma once

#include <chrono>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/error.hpp"
#include "config/hosts.hpp"
#include "config/limits.hpp"

namespace config {

enum class Gate { required, advisory };

/// A command of the recipe with a verdict. It runs with `/bin/sh -c` in the workspace, without network.
struct Check {
    std::string name;  ///< shown in reports; unique, at most 60 characters, one line
    std::string command;
    std::chrono::seconds timeout{15 * 60};
    std::optional<std::string> junit;  ///< JUnit XML written by the command; relative path, no `..`
    Gate gate = Gate::required;

    friend bool operator==(const Check&, const Check&) = default;
};

/// The repository's own file, read at the default branch's commit only.
struct Recipe {
    std::optional<std::string> image;  ///< none: the operator's default image
    std::string setup;  ///< shell, run once per image, setup text and base commit; may be empty
    std::chrono::seconds setup_timeout{15 * 60};
    std::vector<Check> checks;
    std::string agent;  ///< profile name; empty: the operator's default
    int rounds = 2;     ///< how often red checks go back to the agent, 0..10
    std::optional<std::uint64_t> memory_bytes,
        disk_bytes;  ///< asked limits, never above the operator's ceiling
    std::optional<double> cpus;
    std::optional<int> pids;
    std::optional<std::chrono::seconds> total, idle;  ///< of the agent
    Egress egress;  ///< hosts that a step wants to reach; the operator's ceiling decides
    std::vector<std::string>
        protected_paths;  ///< globs added to the built-in ones; a change there blocks publishing
    std::vector<std::string>
        test_paths;       ///< globs of test files; empty: the usual names of the known ecosystems
    int max_files = 100;  ///< of a change
    std::uint64_t max_change_bytes = 4ULL << 20;

    friend bool operator==(const Recipe&, const Recipe&) = default;
};

inline constexpr std::string_view recipe_file_name = ".shopfloor.yml";

/// Hostile input: size and depth are bounded, aliases and tags refused, unknown keys are errors.
[[nodiscard]] std::expected<Recipe, std::vector<Error>> parse_recipe(std::string_view text);

/// The same recipe as canonical text: equal recipes give equal text (the key of cached baselines).
[[nodiscard]] std::string canonical(const Recipe& recipe);

/// The recipe's wishes under the operator's ceiling: the smaller of the two, field by field.
[[nodiscard]] Limits effective_limits(const Recipe& recipe, const Limits& ceiling);

struct ProposedRecipe {
    Recipe recipe;
    std::vector<std::string> assumptions;  ///< one sentence each, for the pull request
};

/// For a repository without a recipe: what its root folder shows (CMake, npm, Cargo, Go, Maven, Python,
/// Make). `root_files`: names in the root folder; `package_json`: its text, or empty. No known project: no
/// checks, and says so.
[[nodiscard]] ProposedRecipe propose_recipe(const std::vector<std::string>& root_files,
                                            std::string_view package_json);

/// Shell-style globs as in .gitignore: `*` within a path segment, `**` across, a trailing `/` for a whole
/// folder, no slash: at any depth. Case-insensitive, since some checkouts are.
[[nodiscard]] bool matches_any(std::string_view path, const std::vector<std::string>& globs);

/// Paths whose change blocks publishing in every repository: workflows, CODEOWNERS, the recipe and the like.
[[nodiscard]] const std::vector<std::string>& built_in_protected_paths();
/// Of these, what agent programs read as instructions (AGENTS.md, skill folders, settings of theirs).
[[nodiscard]] const std::vector<std::string>& standing_instructions();

/// The usual names of test files in the known ecosystems.
[[nodiscard]] const std::vector<std::string>& usual_test_paths();

}  // namespace config
