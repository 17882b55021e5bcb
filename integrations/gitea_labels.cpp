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
constexpr int pages_of_comments = 10;

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
ForgeResult<LabelRecord> GiteaForge::label_record(const ThreadRef& issue) {
    LabelRecord events;
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
    const auto record = label_record(issue);
    if (!record) return std::unexpected(record.error());
    return events_of(*record, label);
}

ForgeResult<std::vector<IssueLabelled>> GiteaForge::labelled(const std::string& trigger_label) {
    Labelled found;
    const auto look = [&](const RepoRef& repo) { return labelled_in(repo, trigger_label, found); };
    return found_by(sweep_watched(label_turns_, watched(), seen_by_name(), look), found);
}

/// From old to new. https://docs.gitea.com/api: issueGetRepoComments
ForgeResult<std::vector<CommentCreated>> GiteaForge::comments_since(
    std::chrono::system_clock::time_point since) {
    std::vector<CommentCreated> found;
    const auto look = [&](const RepoRef& repo) {
        return api_.each(repo, "/issues/comments?since=" + timestamp(since), pages_of_comments,
                         [&](const json& comment) {
                             auto said = read_comment(repo, comment);
                             if (said && (!said->at || *said->at >= since)) found.push_back(*std::move(said));
                             return true;
                         });
    };
    return found_by(sweep_watched(comment_turns_, watched(), seen_by_name(), look), found);
}

std::function<ForgeResult<RepoSeen>(const RepoRef& repo)> GiteaForge::seen_by_name() {
    return [this](const RepoRef& repo) { return read_seen(api_.call(repo, "GET", ""), name_); };
}

/// By patterns those that we may push to.
ForgeResult<std::vector<RepoRef>> GiteaForge::watched() {
    return watched_repositories(name_, repositories_, &is_full_name, [&](const auto& show) {
        return api_.each_any(
            "/repos/search?sort=id", pages_of_repositories,
            [&](const json& body) {
                auto repo = read_seen(body, name_);
                if (repo && true_at(at(body, "permissions"), "push")) show(*std::move(repo));
                return true;
            },
            "data");
    });
}

/// Names that no label has filter nothing: only those that are there are asked for.
ForgeResult<void> GiteaForge::labelled_in(const RepoRef& repo, const std::string& trigger_label,
                                          Labelled& found) {
    const auto known = labels_of(repo);
    if (!known) return std::unexpected(known.error());
    std::vector<std::string> labels;
    for (const auto& [key, one] : *known) labels.push_back(one.name);
    const auto list = [&](const std::string& label, Labelled& issues) {
        const auto visit = [&](const json& issue) {
            const auto carries = [&](const json& worn) { return same_name(read_label(worn), label); };
            if (std::ranges::any_of(at(issue, "labels"), carries) && at(issue, "pull_request").is_null())
                issues.push_back({.issue = {.repo = repo, .number = number_at(issue, "number")},
                                  .label = label,
                                  .by = {},
                                  .at = parse_timestamp(text_at(issue, "updated_at"))});
            return true;
        };
        return api_.each(repo, "/issues?state=open&type=issues&labels=" + url_encoded(label), pages_of_issues,
                         visit);
    };
    return add_labelled(*this, labels, trigger_label, list, found);
}

}  // namespace integrations
