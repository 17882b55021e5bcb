#include "bot/change.hpp"

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <tuple>

#include "bot/report.hpp"
#include "bot/sentences.hpp"

namespace bot {

namespace {

std::vector<std::string> protected_changes(const sandbox::Changes& changes, const config::Recipe& recipe) {
    std::vector<std::string> paths;
    for (const auto& change : changes)
        if (config::matches_any(change.path, config::built_in_protected_paths()) ||
            config::matches_any(change.path, recipe.protected_paths))
            paths.push_back(change.path);
    return paths;
}

/// Paths of a rebase's conflicts that still hold a conflict marker.
std::vector<std::string> conflicts_left(const sandbox::Changes& changes,
                                        const std::optional<Refinement>& refinement) {
    std::vector<std::string> left;
    if (!refinement) return left;
    for (const auto& change : changes) {
        if (!std::ranges::binary_search(refinement->conflicts, change.path)) continue;
        const std::string_view content = change.content;
        if (content.starts_with("<<<<<<< ") || content.contains("\n<<<<<<< ")) left.push_back(change.path);
    }
    return left;
}

bool is_test(const std::string& path, const config::Recipe& recipe) {
    return config::matches_any(path,
                               recipe.test_paths.empty() ? config::usual_test_paths() : recipe.test_paths);
}

/// Paths that hold a secret of ours, or something of a key's shape that was not there before.
std::vector<std::string> secrets_in(const SecretScan& scan, const sandbox::Changes& changes,
                                    const Groundwork& ground, const std::string& base_commit) {
    constexpr std::size_t longest_before = 16U << 20;
    std::vector<std::string> paths;
    for (const auto& change : changes) {
        if (scan.holds_ours(change.path)) {
            paths.emplace_back(sentence::secret_in_a_file_name);
            continue;
        }
        if (!scan.suspicious(change.content)) continue;
        const auto before = ground.mirror->file(base_commit, change.path, longest_before);
        if (scan.holds_ours(change.content) || !before || !scan.suspicious(*before))
            paths.push_back(change.path);
    }
    return paths;
}

}  // namespace

Step<TestsTouched> tests_touched(const sandbox::Changes& changes, const Groundwork& ground,
                                 const std::string& base_commit) {
    const auto before = ground.mirror->files(base_commit);  // asked of git: the checkout may hold links
    if (!before) return std::unexpected(halt(before.error(), sentence::reading_the_base_commit));
    TestsTouched touched;
    for (const auto& change : changes) {
        if (!is_test(change.path, ground.recipe)) continue;
        if (change.kind == sandbox::Change::Kind::removed)
            touched.removed.push_back(change.path);
        else
            (std::ranges::binary_search(*before, change.path) ? touched.changed : touched.added)
                .push_back(change.path);
    }
    return touched;
}

sandbox::Changes without_tests(const sandbox::Changes& changes, const config::Recipe& recipe) {
    sandbox::Changes rest;
    std::ranges::copy_if(changes, std::back_inserter(rest),
                         [&](const auto& change) { return !is_test(change.path, recipe); });
    return rest;
}

sandbox::Changes news(const sandbox::Changes& changes, const std::optional<Refinement>& refinement) {
    if (!refinement) return changes;
    sandbox::Changes fresh;
    std::ranges::set_difference(
        changes, refinement->proposed, std::back_inserter(fresh), {},
        [](const auto& change) { return std::tie(change.path, change.kind, change.content); },
        [](const auto& change) { return std::tie(change.path, change.kind, change.content); });
    for (const auto& before : refinement->proposed)  // and what is as on the base again
        if (!std::ranges::binary_search(changes, before.path, {}, &sandbox::Change::path))
            fresh.push_back({.path = before.path, .kind = sandbox::Change::Kind::removed, .content = {}});
    return fresh;
}

void keep_unseen(sandbox::Changes& changes, const sandbox::Changes& proposed,
                 const std::function<bool(const std::string& path)>& unseen) {
    const auto hidden = [&](const std::string& path) {
        for (auto end = path.find('/'); end != std::string::npos; end = path.find('/', end + 1))
            if (unseen(path.substr(0, end + 1))) return true;
        return unseen(path);
    };
    const auto seen = changes.size();
    for (const auto& change : proposed)
        if (hidden(change.path) &&
            !std::ranges::binary_search(changes.begin(), changes.begin() + static_cast<std::ptrdiff_t>(seen),
                                        change.path, {}, &sandbox::Change::path))
            changes.push_back(change);
    std::ranges::sort(changes, {}, &sandbox::Change::path);
}

bool instructs_agents(const std::string& path) {
    return config::matches_any(path, config::standing_instructions());
}

sandbox::Changes without_instructions(const sandbox::Changes& proposed) {
    sandbox::Changes rest;
    std::ranges::copy_if(proposed, std::back_inserter(rest),
                         [](const auto& change) { return !instructs_agents(change.path); });
    return rest;
}

std::optional<Halt> unpublishable(const Shop& shop, const Job& job, const Groundwork& ground,
                                  const sandbox::Changes& all) {
    if (const auto left = conflicts_left(all, ground.refinement); !left.empty())
        return Halt{.kind = Halt::Kind::failed, .reason = report::conflict_left(left)};
    const auto changes = news(all, ground.refinement);
    if (const auto paths = protected_changes(changes, ground.recipe); !paths.empty())
        return Halt{.kind = Halt::Kind::failed, .reason = report::protected_paths(paths)};
    const auto found = secrets_in(shop.secrets, changes, ground, job.assignment.base_commit);
    if (!found.empty()) return Halt{.kind = Halt::Kind::failed, .reason = report::secret_found(found)};
    return std::nullopt;
}

std::vector<integrations::TreeEdit> tree_edits(const sandbox::Changes& changes) {
    using From = sandbox::Change::Kind;
    using To = integrations::TreeEdit::Kind;
    std::vector<integrations::TreeEdit> edits;
    for (const auto& change : changes) {
        const auto kind = change.kind == From::file         ? To::file
                          : change.kind == From::executable ? To::executable
                          : change.kind == From::link       ? To::link
                                                            : To::removed;
        edits.push_back({.path = change.path, .kind = kind, .content = change.content});
    }
    return edits;
}

}  // namespace bot
