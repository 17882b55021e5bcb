#include "tests/practice_forge/gitea_shapes.hpp"

#include <fmt/format.h>

#include <algorithm>

/// Users, repositories, issues and what is said of them.
namespace practice_forge::gitea {
namespace {

/// Go's zero time, where a moment never was.
constexpr const char* kNever = "0001-01-01T00:00:00Z";

std::size_t comment_count(const Repository& repository, std::int64_t number) {
    return static_cast<std::size_t>(std::ranges::count_if(
        repository.comments, [&](const auto& entry) { return entry.second.thread == number; }));
}

std::ptrdiff_t open_count(const Repository& repository, bool pulls) {
    return std::ranges::count_if(repository.threads, [&](const auto& entry) {
        return entry.second.open && entry.second.pull.has_value() == pulls;
    });
}

}  // namespace

json moment_or_null(const World& world, const std::optional<Time>& time) {
    return time ? json(moment(world, *time)) : json(nullptr);
}

std::string moment(const World& world, Time time) { return timestamp(time, world.customs.zone); }

json user_json(World& world, const std::string& login) {
    const User& user = world.user(login);
    return {{"id", user.id},
            {"login", login},
            {"login_name", ""},
            {"source_id", 0},
            {"full_name", ""},
            {"email", login + "@noreply.forge.invalid"},
            {"avatar_url", avatar_url(world, login)},
            {"html_url", world.base_url + "/" + encode_url(login)},
            {"language", ""},
            {"is_admin", false},
            {"last_login", kNever},
            {"created", "2026-01-01T00:00:00Z"},
            {"restricted", false},
            {"active", false},
            {"prohibit_login", false},
            {"location", ""},
            {"website", ""},
            {"description", ""},
            {"visibility", "public"},
            {"followers_count", 0},
            {"following_count", 0},
            {"starred_repos_count", 0},
            {"username", login}};  // an older name of `login`
}

json repository_json(World& world, const Repository& repository, Permission permission) {
    const std::string page = html(world, repository);
    json result = {
        {"id", repository.id},
        {"owner", user_json(world, repository.owner)},
        {"name", repository.name},
        {"full_name", repository.full_name()},
        {"description", repository.description},
        {"empty", false},
        {"private", repository.is_private},
        {"fork", false},
        {"template", false},
        {"parent", nullptr},
        {"mirror", false},
        {"size", 27},
        {"language", ""},
        {"languages_url", api(world, repository) + "/languages"},
        {"html_url", page},
        {"url", api(world, repository)},
        {"link", ""},
        {"ssh_url", "git@127.0.0.1:" + repository.full_name() + ".git"},
        {"clone_url", page + ".git"},
        {"original_url", ""},
        {"website", ""},
        {"stars_count", 0},
        {"forks_count", 0},
        {"watchers_count", 1},
        {"open_issues_count", open_count(repository, false)},
        {"open_pr_counter", open_count(repository, true)},
        {"release_counter", 0},
        {"default_branch", repository.default_branch},
        {"archived", repository.archived},
        {"created_at", moment(world, repository.created)},
        {"updated_at", moment(world, repository.pushed)},
        {"archived_at", repository.archived ? json(moment(world, repository.pushed)) : json(kNever)},
        {"permissions",
         {{"admin", permission == Permission::admin},
          {"push", permission >= Permission::write},
          {"pull", permission >= Permission::read}}}};
    result.update({{"has_issues", true},
                   {"internal_tracker",
                    {{"enable_time_tracker", true},
                     {"allow_only_contributors_to_track_time", true},
                     {"enable_issue_dependencies", true}}},
                   {"has_wiki", true},
                   {"has_pull_requests", true},
                   {"has_projects", true},
                   {"has_releases", true},
                   {"has_packages", true},
                   {"has_actions", true},
                   {"ignore_whitespace_conflicts", false},
                   {"allow_merge_commits", true},
                   {"allow_rebase", true},
                   {"allow_rebase_explicit", true},
                   {"allow_squash_merge", true},
                   {"allow_fast_forward_only_merge", true},
                   {"allow_rebase_update", true},
                   {"default_delete_branch_after_merge", false},
                   {"default_merge_style", "merge"},
                   {"default_allow_maintainer_edit", false},
                   {"avatar_url", ""},
                   {"internal", false},
                   {"mirror_interval", ""},
                   {"object_format_name", "sha1"},
                   {"mirror_updated", kNever},
                   {"repo_transfer", nullptr},
                   {"topics", json::array()}});
    return result;
}

json label_json(const World& world, const Repository& repository, const Label& label) {
    return {{"id", label.id},
            {"name", label.name},
            {"exclusive", false},
            {"is_archived", false},
            {"color", label.color},
            {"description", label.description},
            {"url", fmt::format("{}/labels/{}", api(world, repository), label.id)}};
}

json labels_json(const World& world, Repository& repository, const Thread& thread) {
    json labels = json::array();
    for (const auto& name : thread.labels) {
        if (const auto* label = World::find_label(repository, name))
            labels.push_back(label_json(world, repository, *label));
    }
    return labels;
}

json reaction_json(World& world, const StoredReaction& reaction) {
    return {{"user", user_json(world, reaction.user)},
            {"content", reaction.content},
            {"created_at", moment(world, reaction.created)}};
}

json issue_json(World& world, Repository& repository, const Thread& thread) {
    const std::string page = thread_page(world, repository, thread);
    json result = {{"id", thread.id},
                   {"url", fmt::format("{}/issues/{}", api(world, repository), thread.number)},
                   {"html_url", page},
                   {"number", thread.number},
                   {"user", user_json(world, thread.author)},
                   {"original_author", ""},
                   {"original_author_id", 0},
                   {"title", thread.title},
                   {"body", thread.body},
                   {"ref", ""},
                   {"assets", json::array()},
                   {"labels", labels_json(world, repository, thread)},
                   {"milestone", nullptr},
                   {"assignee", nullptr},
                   {"assignees", nullptr},
                   {"state", thread.open ? "open" : "closed"},
                   {"is_locked", thread.locked},
                   {"comments", comment_count(repository, thread.number)},
                   {"created_at", moment(world, thread.created)},
                   {"updated_at", moment(world, thread.updated)},
                   {"closed_at", moment_or_null(world, thread.closed_at)},
                   {"due_date", nullptr},
                   {"pull_request", nullptr},
                   {"repository",
                    {{"id", repository.id},
                     {"name", repository.name},
                     {"owner", repository.owner},
                     {"full_name", repository.full_name()}}},
                   {"pin_order", 0}};
    if (thread.pull) {
        result["pull_request"] = {{"merged", thread.pull->merged},
                                  {"merged_at", moment_or_null(world, thread.pull->merged_at)},
                                  {"draft", world.is_draft(thread)},
                                  {"html_url", page}};
    }
    return result;
}

json comment_json(World& world, Repository& repository, const StoredComment& comment) {
    const auto& thread = repository.threads.at(comment.thread);
    const std::string page = thread_page(world, repository, thread);
    return {{"id", comment.id},
            {"html_url", fmt::format("{}#issuecomment-{}", page, comment.id)},
            {"pull_request_url", thread.pull ? page : ""},
            {"issue_url", thread.pull ? "" : page},
            {"user", user_json(world, comment.user)},
            {"original_author", ""},
            {"original_author_id", 0},
            {"body", comment.body},
            {"assets", json::array()},
            {"created_at", moment(world, comment.created)},
            {"updated_at", moment(world, comment.updated)}};
}

}  // namespace practice_forge::gitea
