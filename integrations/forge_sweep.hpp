#pragma once

#include <cstddef>
#include <functional>
#include <mutex>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "integrations/forge.hpp"

namespace integrations {

// What `Forge::labelled` and `Forge::comments_since` are made of, whatever the forge.

/// Whose turn it is among many repositories: a call stays within minutes and within the forge's patience.
/// Thread-safe.
class SweepTurns {
 public:
    /// `most`: repositories of one call.
    explicit SweepTurns(std::size_t most = 20) : most_(most) {}
    [[nodiscard]] std::vector<RepoRef> next_of(std::vector<RepoRef> repos);

 private:
    std::size_t most_;
    std::mutex mutex_;
    std::size_t next_ = 0;
};

using Labelled = std::vector<IssueLabelled>;
/// A repository as a forge describes it.
struct RepoSeen {
    RepoRef repo;
    bool archived = false;
};
/// Shows the repositories that a forge lists to us.
using ListRepositories = std::function<ForgeResult<void>(const std::function<void(RepoSeen&&)>& show)>;
/// Those that we shall serve: those that are named (`is_name`), of which no more is known yet, and of those
/// that are listed the ones that fit a pattern. `forge`: ForgeSettings::name.
[[nodiscard]] ForgeResult<std::vector<RepoRef>> watched_repositories(
    const std::string& forge, const std::vector<std::string>& names_and_patterns,
    bool (*is_name)(std::string_view), const ListRepositories& list);

/// Looks at those whose turn it is, one after the other, and returns how many could be looked at. One that
/// fails does not hide the others; an error: there was none but those. `ask`: of which only the name is
/// known.
[[nodiscard]] ForgeResult<std::size_t> sweep_watched(
    SweepTurns& turns, const ForgeResult<std::vector<RepoRef>>& watched,
    const std::function<ForgeResult<RepoSeen>(const RepoRef& repo)>& ask,
    const std::function<ForgeResult<void>(const RepoRef& repo)>& look);

/// What such a sweep found; an error where it found nothing, since nothing could be looked at.
template <typename Found>
[[nodiscard]] ForgeResult<Found> found_by(const ForgeResult<std::size_t>& sweep, Found& found) {
    if (!sweep && found.empty()) return std::unexpected(sweep.error());
    return std::move(found);
}

/// The answer to a question for one, as GitHub words it. `forge`: ForgeSettings::name.
[[nodiscard]] ForgeResult<RepoSeen> read_seen(const ForgeResult<nlohmann::json>& answer,
                                              const std::string& forge);

/// The label itself, or one of its profiles: `agent`, `agent:codex`. None with a comma, which would ask for
/// two.
[[nodiscard]] bool is_trigger(std::string_view label, std::string_view trigger_label);

/// Adds the issues that `list` finds for each label that can be the trigger's, and who set it, by the record
/// of each issue.
[[nodiscard]] ForgeResult<void> add_labelled(
    Forge& forge, const std::vector<std::string>& labels, std::string_view trigger_label,
    const std::function<ForgeResult<void>(const std::string& label, Labelled& issues)>& list,
    Labelled& found);

/// One repository that is gone or closed to us must not hide the others.
[[nodiscard]] bool can_be_skipped(const ForgeError& error);
/// The next repository would be answered the same.
[[nodiscard]] bool is_of_the_forge(const ForgeError& error);

}  // namespace integrations
