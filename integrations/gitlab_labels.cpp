// Labels, and who set them. https://docs.gitlab.com/api/issues/#update-an-issue and
// https://docs.gitlab.com/api/resource_label_events/

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "integrations/forge_json.hpp"
#include "integrations/forge_words.hpp"
#include "integrations/gitlab_client.hpp"
#include "integrations/gitlab_json.hpp"

namespace integrations {
namespace {

using nlohmann::json;

constexpr int pages_of_project_labels = 20;
constexpr int pages_of_labelled = 10;
constexpr int pages_of_projects = 10;
constexpr int pages_of_events = 5;
constexpr Most newest_label_events{.pages = 5};

/// What people say to all, not beside a line, and have not edited.
std::optional<CommentCreated> read_said(const RepoRef& repo, const json& note) {
    const auto on = text_at(note, "noteable_type");
    const bool on_request = on == "MergeRequest";
    const bool to_all =
        !true_at(note, "system") && !true_at(note, "internal") && !true_at(note, "confidential");
    if (!to_all || text_at(note, "type") == "DiffNote" || !(on_request || on == "Issue" || on == "WorkItem"))
        return std::nullopt;
    const auto id = text_at(note, "id");
    const auto number = number_at(note, "noteable_iid");
    if (was_edited(note) || !is_digits(id, 20) || number <= 0) return std::nullopt;
    return CommentCreated{
        .thread = {.repo = repo,
                   .number = number,
                   .kind = on_request ? ThreadRef::Kind::pull_request : ThreadRef::Kind::issue},
        .comment_id = id,
        .body = text_at(note, "body"),
        .by = read_gitlab_person(at(note, "author")),
        .at = parse_timestamp(text_at(note, "created_at"))};
}

}  // namespace

/// As the project, or a group above it, spells it. GitLab would make one that is missing by itself, in a
/// colour of its own.
ForgeResult<std::string> GitlabForge::ensure_label(const RepoRef& repo, const std::string& label) {
    std::string known;
    const auto listed = api_.each(repo, "/labels?search=" + url_encoded(label), pages_of_project_labels,
                                  [&](const json& other) {
                                      auto name = text_at(other, "name");
                                      if (!same_name(name, label)) return true;
                                      known = std::move(name);
                                      return false;
                                  });
    if (!listed) return std::unexpected(listed.error());
    if (!known.empty()) return known;
    const auto made = api_.call(repo, "POST", "/labels",
                                {{"name", label},
                                 {"color", std::string("#") + label_colour(label)},
                                 {"description", label_description}});
    if (!made && made.error().status != 409) return std::unexpected(made.error());  // made meanwhile
    return label;
}

/// All in one request, so that its hook tells all at once.
ForgeResult<void> GitlabForge::relabel(const ThreadRef& issue, const std::vector<std::string>& remove,
                                       const std::vector<std::string>& add) {
    const auto now = this->issue(issue);
    if (!now) return std::unexpected(now.error());
    const auto worn = [&](const std::string& label) {
        return std::ranges::find_if(now->labels,
                                    [&](const std::string& other) { return same_name(other, label); });
    };
    auto missing = json::array();
    auto off = json::array();
    for (const auto& label : add) {
        if (worn(label) != now->labels.end()) continue;
        const auto name = ensure_label(issue.repo, label);
        if (!name) return std::unexpected(name.error());
        missing.push_back(*name);
    }
    for (const auto& label : remove)
        if (const auto there = worn(label); there != now->labels.end()) off.push_back(*there);
    if (missing.empty() && off.empty()) return {};
    return done(
        api_.call(issue.repo, "PUT", thread_path(issue), {{"add_labels", missing}, {"remove_labels", off}}));
}

/// Of a label that was deleted since, the record has no name.
ForgeResult<LabelRecord> GitlabForge::label_record(const ThreadRef& issue) {
    LabelRecord record;
    const auto listed =
        api_.newest(issue.repo, thread_path(issue) + "/resource_label_events", newest_label_events,
                    [&](const json& entry) {
                        auto name = text(at(entry, "label", "name"));
                        if (name.empty()) return true;
                        record.push_back({.label = std::move(name),
                                          .event = {.id = std::to_string(number_at(entry, "id")),
                                                    .set = text_at(entry, "action") == "add",
                                                    .by = read_gitlab_person(at(entry, "user")),
                                                    .at = parse_timestamp(text_at(entry, "created_at"))}});
                        return true;
                    });
    if (!listed) return std::unexpected(listed.error());
    return record;
}

ForgeResult<std::vector<LabelEvent>> GitlabForge::label_events(const ThreadRef& issue,
                                                               const std::string& label) {
    const auto record = label_record(issue);
    if (!record) return std::unexpected(record.error());
    return events_of(*record, label);
}

ForgeResult<std::vector<IssueLabelled>> GitlabForge::labelled(const std::string& trigger_label) {
    Labelled found;
    const auto look = [&](const RepoRef& repo) { return labelled_in(repo, trigger_label, found); };
    return found_by(sweep_watched(label_turns_, watched(), seen_by_name(), look), found);
}

/// By whole days, of which the one that is named is not among them.
/// https://docs.gitlab.com/api/events/#list-all-visible-events-for-a-project
ForgeResult<std::vector<CommentCreated>> GitlabForge::comments_since(
    std::chrono::system_clock::time_point since) {
    const auto day_before =
        timestamp(since - std::chrono::days(1)).substr(0, std::string_view("2026-01-31").size());
    std::vector<CommentCreated> found;
    const auto look = [&](const RepoRef& repo) {
        return api_.each(repo, "/events?target_type=note&sort=desc&after=" + day_before, pages_of_events,
                         [&](const json& event) {
                             const auto& note = at(event, "note");
                             const auto said_at = parse_timestamp(text_at(note, "created_at"));
                             if (said_at && *said_at < since) return false;
                             if (auto said = read_said(repo, note)) found.push_back(*std::move(said));
                             return true;
                         });
    };
    return found_by(sweep_watched(comment_turns_, watched(), seen_by_name(), look), found);
}

std::function<ForgeResult<RepoSeen>(const RepoRef& repo)> GitlabForge::seen_by_name() {
    return [this](const RepoRef& repo) { return seen(repo); };
}

/// By patterns those where we are a developer.
ForgeResult<std::vector<RepoRef>> GitlabForge::watched() {
    return watched_repositories(name_, repositories_, &is_full_path, [&](const auto& show) {
        return api_.each_any("/projects?membership=true&archived=false&min_access_level=30&order_by=id",
                             pages_of_projects, [&](const json& body) {
                                 if (auto project = read_project(body, name_)) show(*std::move(project));
                                 return true;
                             });
    });
}

ForgeResult<void> GitlabForge::labelled_in(const RepoRef& repo, const std::string& trigger_label,
                                           Labelled& found) {
    std::vector<std::string> labels;
    const auto listed = api_.each(repo, "/labels?search=" + url_encoded(trigger_label),
                                  pages_of_project_labels, [&](const json& label) {
                                      labels.push_back(text_at(label, "name"));
                                      return true;
                                  });
    if (!listed) return listed;
    const auto list = [&](const std::string& label, Labelled& issues) {
        return api_.each(repo, "/issues?state=opened&labels=" + url_encoded(label), pages_of_labelled,
                         [&](const json& issue) {
                             issues.push_back({.issue = {.repo = repo, .number = number_at(issue, "iid")},
                                               .label = label,
                                               .by = {},
                                               .at = parse_timestamp(text_at(issue, "updated_at"))});
                             return true;
                         });
    };
    return add_labelled(*this, labels, trigger_label, list, found);
}

}  // namespace integrations
