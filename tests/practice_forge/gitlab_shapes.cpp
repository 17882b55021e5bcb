#include "tests/practice_forge/gitlab_shapes.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "tests/practice_forge/gitlab_tongue.hpp"

/// People, projects, issues, merge requests and their labels.
namespace practice_forge::gitlab {
namespace {

std::string project_api(const World& world, const Repository& repository) {
    return fmt::format("{}{}/projects/{}", world.base_url, world.customs.api_path, repository.id);
}

std::ptrdiff_t note_count(const Repository& repository, const Thread& thread) {
    return std::ranges::count_if(repository.comments, [&](const auto& entry) {
        return entry.second.thread == thread.key && !entry.second.system;
    });
}

std::ptrdiff_t award_count(const Thread& thread, std::string_view content) {
    return std::ranges::count(thread.reactions, content, &StoredReaction::content);
}

json user_or_null(World& world, const std::string& login) {
    return login.empty() ? json(nullptr) : user_json(world, login);
}

json access_json(const World& world, const Repository& repository, const std::string& login) {
    const bool member = !login.empty() && repository.collaborators.contains(lower(login));
    const int level = member ? access_level(world.permission(repository, login)) : 0;
    return {{"project_access",
             level == 0 ? json(nullptr) : json{{"access_level", level}, {"notification_level", 3}}},
            {"group_access", nullptr}};
}

std::string group_of(const Repository& repository) {
    const auto path = repository.full_name();
    return path.substr(0, path.rfind('/'));
}

json namespace_json(World& world, const std::string& group) {
    return {{"id", world.user(group).id},
            {"name", group},
            {"path", group.substr(group.rfind('/') + 1)},
            {"kind", "group"},
            {"full_path", group},
            {"parent_id", nullptr},
            {"avatar_url", nullptr},
            {"web_url", world.base_url + "/groups/" + group}};
}

json links_json(const World& world, const Repository& repository) {
    const auto self = project_api(world, repository);
    json links = {{"self", self}, {"repo_branches", self + "/repository/branches"}};
    for (const std::string part : {"issues", "merge_requests", "labels", "events", "members"})
        links[part] = self + "/" + part;
    return links;
}

/// As a project has them that nobody changed.
const json& project_habits() {
    static const json habits = {{"issues_enabled", true},
                                {"merge_requests_enabled", true},
                                {"jobs_enabled", true},
                                {"can_create_merge_request_in", true},
                                {"issues_access_level", "enabled"},
                                {"merge_requests_access_level", "enabled"},
                                {"repository_access_level", "enabled"},
                                {"builds_access_level", "enabled"},
                                {"ci_config_path", nullptr},
                                {"public_jobs", true},
                                {"only_allow_merge_if_pipeline_succeeds", false},
                                {"only_allow_merge_if_all_discussions_are_resolved", false},
                                {"remove_source_branch_after_merge", true},
                                {"merge_method", "merge"},
                                {"squash_option", "default_off"},
                                {"autoclose_referenced_issues", true}};
    return habits;
}

json references_json(const Repository& repository, const Thread& thread) {
    const auto mark = fmt::format("{}{}", thread.pull ? '!' : '#', thread.number);
    return {{"short", mark}, {"relative", mark}, {"full", repository.full_name() + mark}};
}

const json& time_stats() {
    static const json none = {{"time_estimate", 0},
                              {"total_time_spent", 0},
                              {"human_time_estimate", nullptr},
                              {"human_total_time_spent", nullptr}};
    return none;
}

/// What issues and merge requests have in common.
json thread_json(World& world, const Repository& repository, const Thread& thread) {
    auto labels = thread.labels;
    std::ranges::sort(labels);
    return {{"id", thread.id},
            {"iid", thread.number},
            {"project_id", repository.id},
            {"title", thread.title},
            {"description", thread.body},
            {"state", state_word(thread)},
            {"created_at", moment(thread.created)},
            {"updated_at", moment(thread.updated)},
            {"closed_at", moment_or_null(thread.closed_at)},
            {"closed_by", user_or_null(world, thread.closed_by)},
            {"labels", labels},
            {"milestone", nullptr},
            {"assignees", json::array()},
            {"author", user_json(world, thread.author)},
            {"assignee", nullptr},
            {"user_notes_count", note_count(repository, thread)},
            {"upvotes", award_count(thread, "+1")},
            {"downvotes", award_count(thread, "-1")},
            {"discussion_locked", thread.locked ? json(true) : json(nullptr)},
            {"web_url", thread_page(world, repository, thread)},
            {"time_stats", time_stats()},
            {"task_completion_status", {{"count", 0}, {"completed_count", 0}}},
            {"references", references_json(repository, thread)},
            {"imported", false},
            {"imported_from", "none"}};
}

}  // namespace

std::string moment(Time time) {
    const auto fraction = std::chrono::duration_cast<std::chrono::milliseconds>(
        time - std::chrono::floor<std::chrono::seconds>(time));
    const auto whole = timestamp(time);
    return fmt::format("{}.{:03}Z", whole.substr(0, whole.size() - 1), fraction.count());
}

json moment_or_null(const std::optional<Time>& time) { return time ? json(moment(*time)) : json(nullptr); }

json user_json(World& world, const std::string& login) {
    return {{"id", world.user(login).id},
            {"username", login},
            {"public_email", nullptr},
            {"name", login},
            {"state", "active"},
            {"locked", false},
            {"avatar_url", avatar_url(world, login)},
            {"web_url", world.base_url + "/" + encode_url(login)}};
}

json project_json(World& world, const Repository& repository, const std::string& login) {
    const std::string page = html(world, repository);
    const std::string path = repository.full_name();
    const auto name = path.substr(path.rfind('/') + 1);
    json project = {
        {"id", repository.id},
        {"description", repository.description.empty() ? json(nullptr) : json(repository.description)},
        {"name", name},
        {"name_with_namespace", fmt::format("{} / {}", group_of(repository), name)},
        {"path", name},
        {"path_with_namespace", path},
        {"created_at", moment(repository.created)},
        {"default_branch", repository.default_branch},
        {"tag_list", json::array()},
        {"topics", json::array()},
        {"ssh_url_to_repo", "git@127.0.0.1:" + path + ".git"},
        {"http_url_to_repo", page + ".git"},
        {"web_url", page},
        {"readme_url", nullptr},
        {"forks_count", 0},
        {"avatar_url", nullptr},
        {"star_count", 0},
        {"last_activity_at", moment(repository.pushed)},
        {"visibility", repository.is_private ? "private" : "public"},
        {"namespace", namespace_json(world, group_of(repository))},
        {"_links", links_json(world, repository)},
        {"empty_repo", false},
        {"archived", repository.archived},
        {"creator_id", world.user(repository.owner).id},
        {"import_status", "none"},
        {"open_issues_count",
         std::ranges::count_if(repository.threads,
                               [](const auto& entry) { return entry.second.open && !entry.second.pull; })},
        {"updated_at", moment(repository.pushed)},
        {"permissions", access_json(world, repository, login)}};
    project.update(project_habits());
    return project;
}

json label_json(const Label& label) {
    return {{"id", label.id},
            {"name", label.name},
            {"description", label.description.empty() ? json(nullptr) : json(label.description)},
            {"description_html", label.description},
            {"text_color", "#FFFFFF"},
            {"color", "#" + label.color},
            {"archived", false}};
}

json label_event_json(World& world, Repository& repository, const Thread& thread, const LabelEvent& event) {
    json label;  // null, when there is none of the name any more
    if (const auto* known = World::find_label(repository, event.label))
        label = {{"id", known->id},
                 {"name", known->name},
                 {"color", "#" + known->color},
                 {"description", known->description}};
    return {{"id", event.id},
            {"user", user_json(world, event.by)},
            {"created_at", moment(event.when)},
            {"resource_type", thread.pull ? "MergeRequest" : "Issue"},
            {"resource_id", thread.id},
            {"label", label},
            {"action", event.event == "labeled" ? "add" : "remove"}};
}

json issue_json(World& world, const Repository& repository, const Thread& thread) {
    auto issue = thread_json(world, repository, thread);
    const auto self = fmt::format("{}/issues/{}", project_api(world, repository), thread.number);
    issue.update({{"type", "ISSUE"},
                  {"issue_type", "issue"},
                  {"merge_requests_count", requests_naming(repository, thread, true).size()},
                  {"due_date", nullptr},
                  {"confidential", false},
                  {"blocking_issues_count", 0},
                  {"has_tasks", false},
                  {"severity", "UNKNOWN"},
                  {"moved_to_id", nullptr},
                  {"service_desk_reply_to", nullptr},
                  {"_links",
                   {{"self", self},
                    {"notes", self + "/notes"},
                    {"award_emoji", self + "/award_emoji"},
                    {"project", project_api(world, repository)},
                    {"closed_as_duplicate_of", nullptr}}}});
    return issue;
}

json request_json(World& world, const Repository& repository, const Thread& thread) {
    const auto& pull = *thread.pull;
    auto request = thread_json(world, repository, thread);
    const auto [plain, detailed] = merge_status(world, thread);
    json reviewers = json::array();
    for (const auto& one : pull.reviewers) reviewers.push_back(user_json(world, one.user));
    const bool draft = world.is_draft(thread);
    request.update({{"merged_by", user_or_null(world, pull.merged_by)},
                    {"merge_user", user_or_null(world, pull.merged_by)},
                    {"merged_at", moment_or_null(pull.merged_at)},
                    {"target_branch", pull.base_branch},
                    {"source_branch", pull.head_branch},
                    {"reviewers", reviewers},
                    {"source_project_id", repository.id},
                    {"target_project_id", repository.id},
                    {"draft", draft},
                    {"work_in_progress", draft},
                    {"merge_when_pipeline_succeeds", false},
                    {"merge_status", plain},
                    {"detailed_merge_status", detailed},
                    {"merge_after", nullptr},
                    {"sha", pull.head_sha},
                    {"merge_commit_sha", pull.merged ? json(pull.merge_commit) : json(nullptr)},
                    {"squash_commit_sha", nullptr},
                    {"should_remove_source_branch", nullptr},
                    {"force_remove_source_branch", false},
                    {"prepared_at", moment(thread.created)},
                    {"reference", fmt::format("!{}", thread.number)},
                    {"squash", false},
                    {"squash_on_merge", false},
                    {"has_conflicts", pull.mergeable == false},
                    {"blocking_discussions_resolved", discussions_resolved(repository, thread)}});
    // A merge request that was merged is not closed besides.
    if (pull.merged) request["closed_at"] = request["closed_by"] = nullptr;
    return request;
}

std::string_view state_word(const Thread& thread) {
    if (thread.open) return "opened";
    return thread.pull && thread.pull->merged ? "merged" : "closed";
}

/// https://docs.gitlab.com/api/merge_requests/#merge-status
MergeStatus merge_status(const World& world, const Thread& thread) {
    const auto& mergeable = thread.pull->mergeable;
    const std::string_view plain = !mergeable   ? "unchecked"
                                   : *mergeable ? "can_be_merged"
                                                : "cannot_be_merged";
    if (!thread.open) return {plain, "not_open"};
    if (!mergeable) return {plain, "unchecked"};
    if (world.is_draft(thread)) return {plain, "draft_status"};
    return {plain, *mergeable ? "mergeable" : "conflict"};
}

}  // namespace practice_forge::gitlab
