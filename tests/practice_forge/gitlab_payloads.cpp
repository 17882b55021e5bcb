#include "tests/practice_forge/gitlab_payloads.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "tests/practice_forge/gitlab_shapes.hpp"

/// People, projects, issues, merge requests and notes.
namespace practice_forge::gitlab {
namespace {

json hook_moment_or_null(const std::optional<Time>& time) {
    return time ? json(hook_moment(*time)) : json(nullptr);
}

int visibility(const Repository& repository) { return repository.is_private ? 0 : 20; }

/// What issues and merge requests have in common.
json hook_thread(World& world, Repository& repository, const Thread& thread) {
    return {{"id", thread.id},
            {"iid", thread.number},
            {"title", thread.title},
            {"description", thread.body},
            {"author_id", world.user(thread.author).id},
            {"assignee_id", nullptr},
            {"assignee_ids", json::array()},
            {"created_at", hook_moment(thread.created)},
            {"updated_at", hook_moment(thread.updated)},
            {"updated_by_id", nullptr},
            {"last_edited_at", nullptr},
            {"last_edited_by_id", nullptr},
            {"milestone_id", nullptr},
            {"state", state_word(thread)},
            {"state_id", thread.open                      ? 1
                         : state_word(thread) == "merged" ? 3
                                                          : 2},
            {"time_estimate", 0},
            {"total_time_spent", 0},
            {"time_change", 0},
            {"human_total_time_spent", nullptr},
            {"human_time_estimate", nullptr},
            {"human_time_change", nullptr},
            {"labels", hook_labels(repository, thread.labels)},
            {"url", thread_page(world, repository, thread)}};
}

/// What all kinds of notes have in common.
template <typename Said>
json any_hook_note(World& world, const Repository& repository, const Said& said, Time updated) {
    const auto& thread = repository.threads.at(said.thread);
    const auto first = said.in_reply_to == 0 ? said.id : said.in_reply_to;
    return {{"id", said.id},
            {"note", said.body},
            {"description", said.body},
            {"noteable_type", thread.pull ? "MergeRequest" : "Issue"},
            {"noteable_id", thread.id},
            {"author_id", world.user(said.user).id},
            {"created_at", hook_moment(said.created)},
            {"updated_at", hook_moment(updated)},
            {"updated_by_id", nullptr},
            {"project_id", repository.id},
            {"attachment", nullptr},
            {"commit_id", nullptr},
            {"discussion_id", discussion_id(first)},
            {"resolved_at", nullptr},
            {"resolved_by_id", nullptr},
            {"resolved_by_push", nullptr},
            {"st_diff", nullptr},
            {"url", fmt::format("{}#note_{}", thread_page(world, repository, thread), said.id)}};
}

}  // namespace

std::string hook_moment(Time time) {
    auto text = timestamp(time);
    text[10] = ' ';
    return text.substr(0, text.size() - 1) + " UTC";
}

json hook_user(World& world, const std::string& login) {
    return {{"id", world.user(login).id},
            {"name", login},
            {"username", login},
            {"avatar_url", avatar_url(world, login)},
            {"email", "[REDACTED]"}};
}

json hook_project(const World& world, const Repository& repository) {
    const std::string page = html(world, repository);
    const std::string path = repository.full_name();
    const auto ssh = "git@127.0.0.1:" + path + ".git";
    return {{"id", repository.id},
            {"name", path.substr(path.rfind('/') + 1)},
            {"description", repository.description},
            {"web_url", page},
            {"avatar_url", nullptr},
            {"git_ssh_url", ssh},
            {"git_http_url", page + ".git"},
            {"namespace", path.substr(0, path.rfind('/'))},
            {"visibility_level", visibility(repository)},
            {"path_with_namespace", path},
            {"default_branch", repository.default_branch},
            {"ci_config_path", nullptr},
            {"homepage", page},
            {"url", ssh},
            {"ssh_url", ssh},
            {"http_url", page + ".git"}};
}

json hook_repository(const World& world, const Repository& repository) {
    const auto project = hook_project(world, repository);
    return {{"name", project["name"]},
            {"url", project["url"]},
            {"description", repository.description},
            {"homepage", project["homepage"]}};
}

json hook_labels(Repository& repository, const std::vector<std::string>& names) {
    json labels = json::array();
    for (const auto& name : names) {
        const auto* label = World::find_label(repository, name);
        if (label == nullptr) continue;
        labels.push_back({{"id", label->id},
                          {"title", label->name},
                          {"color", "#" + label->color},
                          {"project_id", repository.id},
                          {"created_at", hook_moment(repository.created)},
                          {"updated_at", hook_moment(repository.created)},
                          {"template", false},
                          {"description", label->description},
                          {"type", "ProjectLabel"},
                          {"group_id", nullptr}});
    }
    return labels;
}

json hook_issue(World& world, Repository& repository, const Thread& thread) {
    auto issue = hook_thread(world, repository, thread);
    issue.update({{"project_id", repository.id},
                  {"closed_at", hook_moment_or_null(thread.closed_at)},
                  {"confidential", false},
                  {"due_date", nullptr},
                  {"duplicated_to_id", nullptr},
                  {"moved_to_id", nullptr},
                  {"discussion_locked", thread.locked ? json(true) : json(nullptr)},
                  {"relative_position", 0},
                  {"weight", nullptr},
                  {"severity", "unknown"},
                  {"type", "Issue"}});
    return issue;
}

json hook_request(World& world, Repository& repository, const Thread& thread) {
    const auto& pull = *thread.pull;
    auto request = hook_thread(world, repository, thread);
    const auto [plain, detailed] = merge_status(world, thread);
    const bool draft = world.is_draft(thread);
    json reviewer_ids = json::array();
    for (const auto& reviewer : pull.reviewers) reviewer_ids.push_back(world.user(reviewer.user).id);
    const Commit last{.sha = pull.head_sha, .author = thread.author, .message = thread.title};
    auto last_commit = hook_commit(world, repository, last);
    for (const char* more : {"added", "modified", "removed"}) last_commit.erase(more);
    request.update({{"source_branch", pull.head_branch},
                    {"target_branch", pull.base_branch},
                    {"source_project_id", repository.id},
                    {"target_project_id", repository.id},
                    {"source", hook_project(world, repository)},
                    {"target", hook_project(world, repository)},
                    {"last_commit", last_commit},
                    {"draft", draft},
                    {"work_in_progress", draft},
                    {"head_pipeline_id", nullptr},
                    {"merge_commit_sha", pull.merged ? json(pull.merge_commit) : json(nullptr)},
                    {"merge_error", nullptr},
                    {"merge_params", {{"force_remove_source_branch", "0"}}},
                    {"merge_status", plain},
                    {"detailed_merge_status", detailed},
                    {"merge_user_id", pull.merged ? json(world.user(pull.merged_by).id) : json(nullptr)},
                    {"merge_when_pipeline_succeeds", false},
                    {"prepared_at", hook_moment(thread.created)},
                    {"reviewer_ids", reviewer_ids},
                    {"approval_rules", json::array()},
                    {"first_contribution", false},
                    {"blocking_discussions_resolved", discussions_resolved(repository, thread)}});
    return request;
}

json hook_note(World& world, Repository& repository, const StoredComment& comment) {
    auto note = any_hook_note(world, repository, comment, comment.updated);
    note.update({{"type", comment.in_reply_to == 0 ? json(nullptr) : json("DiscussionNote")},
                 {"system", comment.system},
                 {"internal", comment.internal},
                 {"line_code", nullptr},
                 {"position", nullptr},
                 {"original_position", nullptr},
                 {"change_position", nullptr}});
    return note;
}

json hook_note(World& world, Repository& repository, const StoredReviewComment& comment) {
    auto note = any_hook_note(world, repository, comment, comment.updated.value_or(comment.created));
    const auto position = position_json(repository, comment);
    note.update({{"type", "DiffNote"},
                 {"system", false},
                 {"internal", false},
                 {"line_code", fmt::format("{}_{}_{}", std::string(40, '0'), std::max(-comment.line, 0),
                                           std::max(comment.line, 0))},
                 {"position", position},
                 {"original_position", position},
                 {"change_position",
                  {{"base_sha", nullptr},
                   {"start_sha", nullptr},
                   {"head_sha", nullptr},
                   {"old_path", nullptr},
                   {"new_path", nullptr},
                   {"position_type", "text"},
                   {"old_line", nullptr},
                   {"new_line", nullptr},
                   {"line_range", nullptr}}}});
    return note;
}

json hook_reviewers(World& world, const std::vector<Reviewer>& reviewers) {
    json all = json::array();
    for (const auto& reviewer : reviewers) {
        auto one = hook_user(world, reviewer.user);
        one.update({{"state", reviewer.state}, {"re_requested", false}});
        all.push_back(std::move(one));
    }
    return all;
}

}  // namespace practice_forge::gitlab
