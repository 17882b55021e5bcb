// Labels, and who set them. https://docs.gitea.com/api: issueReplaceLabels, issueGetCommentsAndTimeline

#include <algorithm>
#include <map>
#include <mutex>
#include <utility>

#include "integrations/forge_json.hpp"
#include "integrations/forge_words.hpp"
#include "integrations/gitea_client.hpp"

namespace integrations {
namespace {

using nlohmann::json;

constexpr int pages_of_labels = 20;
constexpr int pages_of_issues = 20;
constexpr int pages_of_timeline = 60;  // 3,000 entries, from old to new
constexpr int pages_of_repositories = 20;

}  // namespace

/// The repository's and its organization's. Of two of one name the older.
ForgeResult<GiteaForge::Labels> GiteaForge::labels_of(const RepoRef& repo) {
    Labels labels;
    const auto visit = [&](const json& label) {
        auto name = text_at(label, "name");
        labels.try_emplace(lower_case(name), Label{.id = number_at(label, "id"), .name = name});
        return true;
    };
    const auto own = api_.each(repo, "/labels", pages_of_labels, visit);
    if (!own) return std::unexpected(own.error());
    const auto owner = repo.full_name.substr(0, repo.full_name.find('/'));
    const auto shared = api_.each_any("/orgs/" + owner + "/labels", pages_of_labels, visit);
    if (!shared && !can_be_skipped(shared.error()))
        return std::unexpected(shared.error());  // no organization
    return labels;
}

ForgeResult<std::int64_t> GiteaForge::ensure_label(const RepoRef& repo, const std::string& label,
                                                   const Labels& known) {
    if (const auto there = known.find(lower_case(label)); there != known.end()) return there->second.id;
    const auto made = api_.call(repo, "POST", "/labels",
                                {{"name", label},
                                 {"color", std::string("#") + label_colour(label)},
                                 {"description", label_description}});
    if (!made) return std::unexpected(made.error());
    return number_at(*made, "id");
}

ForgeResult<void> GiteaForge::relabel(const ThreadRef& issue, const std::vector<std::string>& remove,
                                      const std::vector<std::string>& add) {
    std::map<std::string, std::int64_t> present;
    const auto path = issue_path(issue) + "/labels";
    const auto listed = api_.each(issue.repo, path, pages_of_labels, [&](const json& label) {
        present.try_emplace(lower_case(text_at(label, "name")), number_at(label, "id"));
        return true;
    });
    if (!listed) return listed;
    auto missing = json::array();
    if (std::ranges::any_of(add, [&](const auto& label) { return !present.contains(lower_case(label)); })) {
        const std::scoped_lock lock(making_labels_);
        const auto known = labels_of(issue.repo);
        if (!known) return std::unexpected(known.error());
        for (const auto& label : add) {
            if (present.contains(lower_case(label))) continue;
            const auto id = ensure_label(issue.repo, label, *known);
            if (!id) return std::unexpected(id.error());
            missing.push_back(*id);
        }
    }
    if (!missing.empty()) {
        const auto added = api_.call(issue.repo, "POST", path, {{"labels", missing}});
        if (!added) return std::unexpected(added.error());
    }
    for (const auto& label : remove) {
        const auto there = present.find(lower_case(label));
        if (there == present.end()) continue;
        const auto taken = api_.call(issue.repo, "DELETE", path + "/" + std::to_string(there->second));
        if (!taken && taken.error().status != 404) return std::unexpected(taken.error());
    }
    return {};
}

/// Entries of other kinds stand between, and what the reader may not see is left out of a page: only an empty
/// one is the last.
ForgeResult<std::vector<GiteaForge::NamedEvent>> GiteaForge::all_label_events(const ThreadRef& issue) {
    std::vector<NamedEvent> events;
    for (int page = 1; page <= pages_of_timeline; ++page) {
        const auto answer = api_.call(issue.repo, "GET",
                                      issue_path(issue) + "/timeline?limit=50&page=" + std::to_string(page));
        if (!answer) return std::unexpected(of_thread(issue, answer.error()));
        if (answer->is_null() || answer->empty()) break;
        if (!answer->is_array())
            return std::unexpected(ForgeError{.kind = ForgeError::Kind::unreachable,
                                              .message = "the issue's timeline is no list"});
        for (const auto& entry : *answer) {
            const auto name = text(at(entry, "label", "name"));
            if (text_at(entry, "type") != "label" || name.empty()) continue;
            events.push_back({.label = name,
                              .event = {.id = std::to_string(number_at(entry, "id")),
                                        .set = text_at(entry, "body") == "1",
                                        .by = read_person(at(entry, "user")),
                                        .at = parse_timestamp(text_at(entry, "created_at"))}});
        }
    }
    return events;
}

ForgeResult<std::vector<LabelEvent>> GiteaForge::label_events(const ThreadRef& issue,
                                                              const std::string& label) {
    const auto all = all_label_events(issue);
    if (!all) return std::unexpected(all.error());
    std::vector<LabelEvent> events;
    for (const auto& named : *all)
        if (same_name(named.label, label)) events.push_back(named.event);
    return events;
}

ForgeResult<std::vector<IssueLabelled>> GiteaForge::labelled(const std::string& trigger_label) {
    const auto repositories = watched();
    if (!repositories) return std::unexpected(repositories.error());
    return look_at_each(turns_.next_of(*repositories), [&](const RepoRef& named, Labelled& found) {
        const auto repo = known(named);
        return repo ? labelled_in(*repo, trigger_label, found) : std::unexpected(repo.error());
    });
}

/// With what the forge says of it, where only its name is known.
ForgeResult<RepoRef> GiteaForge::known(const RepoRef& repo) {
    if (!repo.id.empty()) return repo;
    const auto answer = api_.call(repo, "GET", "");
    if (!answer) return std::unexpected(answer.error());
    if (true_at(*answer, "archived"))
        return std::unexpected(ForgeError{.kind = ForgeError::Kind::gone, .message = "it is archived"});
    return read_repository(*answer, name_, "");
}

/// The repositories that we shall serve: those that are named, and for patterns those that we may push to.
ForgeResult<std::vector<RepoRef>> GiteaForge::watched() {
    std::vector<RepoRef> repos;
    std::vector<std::string> patterns;
    for (const auto& name : repositories_) {
        if (is_full_name(name))
            repos.push_back({.forge = name_, .full_name = name});
        else
            patterns.push_back(name);
    }
    if (patterns.empty()) return repos;
    const auto listed = api_.each_any(
        "/repos/search?sort=id", pages_of_repositories,
        [&](const json& body) {
            auto repo = read_repository(body, name_, "");
            const auto wanted = [&](const std::string& pattern) { return matches(pattern, repo->full_name); };
            if (repo && !true_at(body, "archived") && true_at(at(body, "permissions"), "push") &&
                std::ranges::any_of(patterns, wanted))
                repos.push_back(*std::move(repo));
            return true;
        },
        "data");
    if (!listed && repos.empty()) return std::unexpected(listed.error());
    return repos;
}

/// Names that no label has filter nothing: only those that are there are asked for.
ForgeResult<void> GiteaForge::labelled_in(const RepoRef& repo, const std::string& trigger_label,
                                          Labelled& found) {
    const auto labels = labels_of(repo);
    if (!labels) return std::unexpected(labels.error());
    for (const auto& [key, one] : *labels) {
        const auto& label = one.name;
        if (!is_trigger(label, trigger_label)) continue;
        Labelled issues;
        const auto seen =
            api_.each(repo, "/issues?state=open&type=issues&labels=" + url_encoded(label), pages_of_issues,
                      [&](const json& issue) {
                          const auto& worn = at(issue, "labels");
                          const auto carries = [&](const json& worn_one) {
                              return same_name(read_label(worn_one), label);
                          };
                          if (std::ranges::any_of(worn, carries) && at(issue, "pull_request").is_null())
                              issues.push_back({.issue = {.repo = repo, .number = number_at(issue, "number")},
                                                .label = label,
                                                .by = {},
                                                .at = parse_timestamp(text_at(issue, "updated_at"))});
                          return true;
                      });
        if (!seen) return seen;
        if (const auto added = add_who(*this, std::move(issues), found); !added) return added;
    }
    return {};
}

}  // namespace integrations
