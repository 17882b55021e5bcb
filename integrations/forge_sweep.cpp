#include "integrations/forge_sweep.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include "integrations/forge_words.hpp"

namespace integrations {
namespace {

constexpr std::size_t repositories_per_call = 20;

}  // namespace

std::vector<RepoRef> SweepTurns::next_of(std::vector<RepoRef> repos) {
    if (repos.size() <= repositories_per_call) return repos;
    const std::scoped_lock lock(mutex_);
    const auto first = next_ % repos.size();
    next_ = first + repositories_per_call;
    std::ranges::rotate(repos, repos.begin() + static_cast<std::ptrdiff_t>(first));
    repos.resize(repositories_per_call);
    return repos;
}

ForgeResult<Labelled> look_at_each(
    const std::vector<RepoRef>& repos,
    const std::function<ForgeResult<void>(const RepoRef& repo, Labelled& found)>& look) {
    Labelled found;
    std::optional<ForgeError> failure;
    bool searched = false;
    for (const auto& repo : repos) {
        const auto done = look(repo, found);
        searched = searched || done;
        if (done || can_be_skipped(done.error())) continue;
        if (!failure) failure = done.error();
        if (is_of_the_forge(done.error())) break;
    }
    if (failure && !searched && found.empty()) return std::unexpected(*failure);
    return found;
}

bool is_trigger(std::string_view label, std::string_view trigger_label) {
    const auto name = lower_case(label);
    const auto trigger = lower_case(trigger_label);
    return (name == trigger || name.starts_with(trigger + ":")) && name.find(',') == std::string::npos;
}

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

bool can_be_skipped(const ForgeError& error) {
    return error.kind == ForgeError::Kind::gone || error.kind == ForgeError::Kind::forbidden;
}

bool is_of_the_forge(const ForgeError& error) {
    return error.kind == ForgeError::Kind::rate_limited || error.kind == ForgeError::Kind::unauthorized ||
           (error.kind == ForgeError::Kind::unreachable && error.status == 0);
}

}  // namespace integrations
