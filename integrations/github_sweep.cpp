// What never arrived, found by asking: labels, and what was said. A label on an issue does not say who set
// it, and only that person's permission counts: the issue's own events tell.

#include <algorithm>
#include <optional>
#include <ranges>
#include <set>
#include <utility>

#include "integrations/forge_json.hpp"
#include "integrations/forge_sweep.hpp"
#include "integrations/forge_words.hpp"
#include "integrations/github_client.hpp"

namespace integrations {
namespace {

using nlohmann::json;

constexpr int pages = 10;
constexpr int pages_of_events = 5;
constexpr int pages_of_newest = 3;
constexpr std::size_t most_undelivered = 50;  ///< that one call brings
constexpr std::ptrdiff_t most_asked = 200;    ///< for them, should some not be shown

}  // namespace

ForgeResult<Labelled> GithubForge::labelled(const std::string& trigger_label) {
    Labelled found;
    const auto look = [&](const RepoRef& repo) { return labelled_in(repo, trigger_label, found); };
    return found_by(sweep_watched(label_turns_, watched(), seen_by_name(), look), found);
}

/// https://docs.github.com/en/rest/issues/comments#list-issue-comments-for-a-repository
ForgeResult<std::vector<CommentCreated>> GithubForge::comments_since(
    std::chrono::system_clock::time_point since) {
    std::vector<CommentCreated> found;
    const auto look = [&](const RepoRef& repo) {
        return api_.each(repo, "/issues/comments?sort=created&direction=desc&since=" + timestamp(since),
                         pages_of_newest, [&](const json& comment) {
                             auto said = read_comment(repo, comment);
                             if (said && said->at && *said->at < since) return false;
                             if (said) found.push_back(*std::move(said));
                             return true;
                         });
    };
    return found_by(sweep_watched(comment_turns_, watched(), seen_by_name(), look), found);
}

/// Those of an App; a repository's own webhooks are shown to its administrators only.
/// https://docs.github.com/en/rest/apps/webhooks#list-deliveries-for-an-app-webhook
ForgeResult<std::vector<VerifiedDelivery>> GithubForge::undelivered(
    std::chrono::system_clock::time_point since,
    const std::function<bool(const std::string& delivery_id)>& known) {
    std::vector<VerifiedDelivery> found;
    if (!api_.is_app()) return found;
    std::set<std::string> seen;
    std::vector<std::string> failed;  // the numbers of their last tries, the newest first
    const auto listed = api_.each_as_app("/app/hook/deliveries", pages, [&](const json& delivery) {
        const auto tried_at = parse_timestamp(text_at(delivery, "delivered_at"));
        if (tried_at && *tried_at < since) return false;
        const auto status = number_at(delivery, "status_code");
        const auto id = text_at(delivery, "guid");
        if (seen.insert(id).second && (status < 200 || status > 299) && !known(id))
            failed.push_back(text_at(delivery, "id"));
        return true;
    });
    if (!listed && can_be_skipped(listed.error())) return found;  // an older server keeps no such account
    if (!listed) return std::unexpected(listed.error());
    for (const auto& number : failed | std::views::reverse | std::views::take(most_asked)) {
        if (found.size() == most_undelivered) break;  // the others next time
        const auto told = api_.call_as_app("/app/hook/deliveries/" + url_encoded(number));
        if (!told && can_be_skipped(told.error())) continue;
        if (!told && found.empty()) return std::unexpected(told.error());
        if (!told) break;
        const auto& request = at(*told, "request");
        if (auto names = github_names(headers_in(at(request, "headers")), name_))
            found.push_back(Replay::asked(name_, std::move(names->hook_id), std::move(names->delivery_id),
                                          std::move(names->event_name), write_json(at(request, "payload"))));
    }
    return found;
}

std::function<ForgeResult<RepoSeen>(const RepoRef& repo)> GithubForge::seen_by_name() {
    return [this](const RepoRef& repo) { return read_seen(api_.call(repo, "GET", ""), name_); };
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
            auto repo = read_repository(body, name_, installation);
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
                                           Labelled& found) {
    std::vector<std::string> labels;
    const auto listed = api_.each(repo, "/labels", pages, [&](const json& label) {
        labels.push_back(read_label(label));
        return true;
    });
    if (!listed) return listed;
    const auto list = [&](const std::string& label, Labelled& issues) {
        const auto visit = [&](const json& issue) {
            if (at(issue, "pull_request").is_null())
                issues.push_back({.issue = {.repo = repo, .number = number_at(issue, "number")},
                                  .label = label,
                                  .by = {},
                                  .at = parse_timestamp(text_at(issue, "updated_at"))});
            return true;
        };
        return api_.each(repo, "/issues?state=open&labels=" + url_encoded(label), pages, visit);
    };
    return add_labelled(*this, labels, trigger_label, list, found);
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
