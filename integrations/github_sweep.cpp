// Issues whose `labeled` event never arrived, found by asking. A label on an issue does not say who set it,
// and only that person's permission counts: the issue's own events tell.

#include <algorithm>
#include <cstddef>
#include <optional>
#include <utility>

#include "integrations/github_client.hpp"
#include "integrations/github_json.hpp"
#include "integrations/github_words.hpp"

namespace integrations {
namespace {

using nlohmann::json;

constexpr int pages = 10;
constexpr int pages_of_events = 5;

/// A call stays within minutes and within the forge's patience.
constexpr std::size_t repositories_per_call = 20;

/// One repository that is gone or closed to us must not hide the others.
bool can_be_skipped(const ForgeError& error) {
    return error.kind == ForgeError::Kind::gone || error.kind == ForgeError::Kind::forbidden;
}

/// The next repository would be answered the same.
bool is_of_the_forge(const ForgeError& error) {
    return error.kind == ForgeError::Kind::rate_limited || error.kind == ForgeError::Kind::unauthorized ||
           (error.kind == ForgeError::Kind::unreachable && error.status == 0);
}

}  // namespace

ForgeResult<std::vector<IssueLabelled>> GithubForge::labelled(const std::string& trigger_label) {
    const auto repositories = watched();
    if (!repositories) return std::unexpected(repositories.error());
    std::vector<IssueLabelled> found;
    std::optional<ForgeError> failure;
    bool searched = false;
    for (const auto& named : next_of(*repositories)) {
        const auto repo = known(named);
        const auto done = repo ? labelled_in(*repo, trigger_label, found) : std::unexpected(repo.error());
        searched = searched || done;
        if (done || can_be_skipped(done.error())) continue;
        if (!failure) failure = done.error();
        if (is_of_the_forge(done.error())) break;
    }
    if (failure && !searched && found.empty()) return std::unexpected(*failure);
    return found;
}

/// The repositories whose turn it is.
std::vector<RepoRef> GithubForge::next_of(std::vector<RepoRef> repos) {
    if (repos.size() <= repositories_per_call) return repos;
    const std::scoped_lock lock(mutex_);
    const auto first = next_watched_ % repos.size();
    next_watched_ = first + repositories_per_call;
    std::ranges::rotate(repos, repos.begin() + static_cast<std::ptrdiff_t>(first));
    repos.resize(repositories_per_call);
    return repos;
}

/// With what the forge says of it, where only its name is known.
ForgeResult<RepoRef> GithubForge::known(const RepoRef& repo) {
    if (!repo.id.empty()) return repo;
    const auto answer = api_.call(repo, "GET", "");
    if (!answer) return std::unexpected(answer.error());
    if (true_at(*answer, "archived"))
        return std::unexpected(ForgeError{.kind = ForgeError::Kind::gone, .message = "it is archived"});
    return read_repository(*answer, "");
}

/// The repositories we may see and shall serve. A plain token lists none by pattern: literal names only, of
/// which no more is known yet.
ForgeResult<std::vector<RepoRef>> GithubForge::watched() {
    std::vector<RepoRef> repos;
    if (!api_.is_app()) {
        for (const auto& name : repositories_)
            if (is_full_name(name)) repos.push_back({.forge = name_, .full_name = name});
        return repos;
    }
    std::vector<std::string> installations;
    const auto listed = api_.each_as_app("/app/installations", pages, [&](const json& installation) {
        if (at(installation, "suspended_at").is_null()) installations.push_back(text_at(installation, "id"));
        return true;
    });
    if (!listed) return std::unexpected(listed.error());
    std::optional<ForgeError> failure;
    for (const auto& installation : installations) {
        const auto visit = [&](const json& body) {
            auto repo = read_repository(body, installation);
            const auto wanted = [&](const std::string& pattern) { return matches(pattern, repo->full_name); };
            if (repo && !true_at(body, "archived") && std::ranges::any_of(repositories_, wanted)) {
                repos.push_back(*std::move(repo));
            }
            return true;
        };
        const auto seen =
            api_.each_any(installation, "/installation/repositories", pages, visit, "repositories");
        if (seen) continue;
        if (is_of_the_forge(seen.error())) return std::unexpected(seen.error());
        if (!can_be_skipped(seen.error()) && !failure) failure = seen.error();
    }
    if (failure && repos.empty()) return std::unexpected(*failure);
    return repos;
}

ForgeResult<void> GithubForge::labelled_in(const RepoRef& repo, const std::string& trigger_label,
                                           std::vector<IssueLabelled>& found) {
    std::vector<std::string> labels;
    const auto prefix = lower_case(trigger_label) + ":";
    const auto listed = api_.each(repo, "/labels", pages, [&](const json& label) {
        const auto name = read_label(label);
        const bool trigger = same_name(name, trigger_label) || lower_case(name).starts_with(prefix);
        // A comma would ask for two labels.
        if (trigger && name.find(',') == std::string::npos) labels.push_back(name);
        return true;
    });
    if (!listed) return listed;
    for (const auto& label : labels) {
        std::vector<IssueLabelled> issues;
        const auto visit = [&](const json& issue) {
            if (at(issue, "pull_request").is_null())
                issues.push_back({.issue = {.repo = repo, .number = number_at(issue, "number")},
                                  .label = label,
                                  .by = {},
                                  .at = parse_timestamp(text_at(issue, "updated_at"))});
            return true;
        };
        const auto seen = api_.each(repo, "/issues?state=open&labels=" + url_encoded(label), pages, visit);
        if (!seen) return seen;
        for (auto& labelled : issues) {
            const auto events = label_events(labelled.issue, label);
            if (!events && is_of_the_forge(events.error())) return std::unexpected(events.error());
            if (!events && !can_be_skipped(events.error())) continue;  // the next sweep asks again
            if (const auto* last = events ? last_set(*events) : nullptr) {
                labelled.by = last->by;
                labelled.at = last->at;
                labelled.event_id = last->id;
            }
            found.push_back(std::move(labelled));
        }
    }
    return {};
}

/// https://docs.github.com/en/rest/issues/events#list-issue-events
ForgeResult<std::vector<LabelEvent>> GithubForge::label_events(const ThreadRef& issue,
                                                               const std::string& label) {
    std::vector<LabelEvent> events;
    const auto path = "/issues/" + std::to_string(issue.number) + "/events";
    const auto listed = api_.newest(issue.repo, path, {.pages = pages_of_events}, [&](const json& event) {
        const auto what = text_at(event, "event");
        if ((what == "labeled" || what == "unlabeled") && same_name(text(at(event, "label", "name")), label))
            events.push_back({.id = std::to_string(number_at(event, "id")),
                              .set = what == "labeled",
                              .by = read_person(at(event, "actor")),
                              .at = parse_timestamp(text_at(event, "created_at"))});
        return true;
    });
    if (!listed) return std::unexpected(listed.error());
    return events;
}

}  // namespace integrations
