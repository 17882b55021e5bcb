#include "integrations/forge_sweep.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include "integrations/forge_json.hpp"
#include "integrations/forge_words.hpp"

namespace integrations {
namespace {

/// Adds who set the labels, by the record of each issue, and moves them to `found`.
ForgeResult<void> add_who(Forge& forge, Labelled&& issues, Labelled& found) {
    for (auto& labelled : issues) {
        const auto events = forge.label_events(labelled.issue, labelled.label);
        if (!events && is_of_the_forge(events.error())) return std::unexpected(events.error());
        if (!events && !can_be_skipped(events.error())) continue;  // the next sweep asks again
        if (const auto* last = events ? last_set(*events) : nullptr) {
            labelled.by = last->by;
            labelled.at = last->at;
            labelled.event_id = last->id;
        }
        found.push_back(std::move(labelled));
    }
    return {};
}

}  // namespace

std::vector<RepoRef> SweepTurns::next_of(std::vector<RepoRef> repos) {
    if (repos.size() <= most_) return repos;
    const std::scoped_lock lock(mutex_);
    const auto first = next_ % repos.size();
    next_ = first + most_;
    std::ranges::rotate(repos, repos.begin() + static_cast<std::ptrdiff_t>(first));
    repos.resize(most_);
    return repos;
}

ForgeResult<std::vector<RepoRef>> watched_repositories(const std::string& forge,
                                                       const std::vector<std::string>& names_and_patterns,
                                                       bool (*is_name)(std::string_view),
                                                       const ListRepositories& list) {
    std::vector<RepoRef> repos;
    std::vector<std::string> patterns;
    for (const auto& name : names_and_patterns) {
        if (is_name(name))
            repos.push_back({.forge = forge, .full_name = name});
        else
            patterns.push_back(name);
    }
    if (patterns.empty()) return repos;
    const auto listed = list([&](RepoSeen&& seen) {
        const auto fits = [&](const std::string& pattern) { return matches(pattern, seen.repo.full_name); };
        if (!seen.archived && std::ranges::any_of(patterns, fits)) repos.push_back(std::move(seen.repo));
    });
    if (!listed && repos.empty()) return std::unexpected(listed.error());
    return repos;
}

ForgeResult<std::size_t> sweep_watched(SweepTurns& turns, const ForgeResult<std::vector<RepoRef>>& watched,
                                       const std::function<ForgeResult<RepoSeen>(const RepoRef& repo)>& ask,
                                       const std::function<ForgeResult<void>(const RepoRef& repo)>& look) {
    if (!watched) return std::unexpected(watched.error());
    const auto look_at = [&](const RepoRef& repo) -> ForgeResult<void> {
        if (!repo.id.empty()) return look(repo);
        const auto seen = ask(repo);
        if (!seen) return std::unexpected(seen.error());
        if (seen->archived) return {};
        return look(seen->repo);
    };
    std::optional<ForgeError> failure;
    std::size_t looked_at = 0;
    for (const auto& repo : turns.next_of(*watched)) {
        const auto done = look_at(repo);
        if (done) ++looked_at;
        if (done || can_be_skipped(done.error())) continue;
        if (!failure) failure = done.error();
        if (is_of_the_forge(done.error())) break;
    }
    if (failure && looked_at == 0) return std::unexpected(*failure);
    return looked_at;
}

ForgeResult<RepoSeen> read_seen(const ForgeResult<nlohmann::json>& answer, const std::string& forge) {
    if (!answer) return std::unexpected(answer.error());
    auto repo = read_repository(*answer, forge, "");
    if (!repo) return std::unexpected(std::move(repo.error()));
    return RepoSeen{.repo = *std::move(repo), .archived = true_at(*answer, "archived")};
}

bool is_trigger(std::string_view label, std::string_view trigger_label) {
    const auto name = lower_case(label);
    const auto trigger = lower_case(trigger_label);
    return (name == trigger || name.starts_with(trigger + ":")) && name.find(',') == std::string::npos;
}

ForgeResult<void> add_labelled(
    Forge& forge, const std::vector<std::string>& labels, std::string_view trigger_label,
    const std::function<ForgeResult<void>(const std::string& label, Labelled& issues)>& list,
    Labelled& found) {
    for (const auto& label : labels) {
        if (!is_trigger(label, trigger_label)) continue;
        Labelled issues;
        if (const auto listed = list(label, issues); !listed) return listed;
        if (const auto added = add_who(forge, std::move(issues), found); !added) return added;
    }
    return {};
}

bool can_be_skipped(const ForgeError& error) {
    return error.kind == ForgeError::Kind::gone || error.kind == ForgeError::Kind::forbidden;
}

bool is_of_the_forge(const ForgeError& error) {
    return error.kind == ForgeError::Kind::rate_limited || error.kind == ForgeError::Kind::unauthorized ||
           (error.kind == ForgeError::Kind::unreachable && error.status == 0);
}

}  // namespace integrations
