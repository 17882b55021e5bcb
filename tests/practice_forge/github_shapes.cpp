#include "tests/practice_forge/github_shapes.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "tests/practice_forge/git.hpp"

namespace practice_forge::github {
namespace {

std::string node_id(std::string_view kind, std::int64_t id) { return fmt::format("{}_{}", kind, id); }

json text_or_null(const std::string& text) { return text.empty() ? json(nullptr) : json(text); }
json time_or_null(const std::optional<Time>& time) { return time ? json(timestamp(*time)) : json(nullptr); }

json reactions_json(const std::string& url, const std::vector<StoredReaction>& reactions) {
    json result = {{"url", url + "/reactions"}, {"total_count", reactions.size()}};
    for (const char* content : {"+1", "-1", "laugh", "hooray", "confused", "heart", "rocket", "eyes"}) {
        result[content] = std::ranges::count(reactions, content, &StoredReaction::content);
    }
    return result;
}

std::string association(const Repository& repository, const std::string& login) {
    if (lower(login) == lower(repository.owner)) return "OWNER";
    return repository.collaborators.contains(lower(login)) ? "COLLABORATOR" : "NONE";
}

json labels_json(const World& world, Repository& repository, const Thread& thread) {
    json labels = json::array();
    for (const auto& name : thread.labels) {
        if (const auto* label = World::find_label(repository, name))
            labels.push_back(label_json(world, repository, *label));
    }
    return labels;
}

std::size_t comment_count(const Repository& repository, std::int64_t number) {
    return static_cast<std::size_t>(std::ranges::count_if(
        repository.comments, [&](const auto& entry) { return entry.second.thread == number; }));
}

json end_json(World& world, const Repository& repository, const std::string& branch, const std::string& sha) {
    return {{"label", repository.owner + ":" + branch},
            {"ref", branch},
            {"sha", sha},
            {"user", user_json(world, repository.owner)},
            {"repo", repository_json(world, repository)}};
}

}  // namespace

json user_json(World& world, const std::string& login) {
    const User& user = world.user(login);
    const std::string url = world.base_url + "/api/v3/users/" + encode_url(login);
    return {{"login", login},
            {"id", user.id},
            {"node_id", node_id("U", user.id)},
            {"avatar_url", avatar_url(world, login)},
            {"gravatar_id", ""},
            {"url", url},
            {"html_url", world.base_url + "/" + encode_url(login)},
            {"followers_url", url + "/followers"},
            {"following_url", url + "/following{/other_user}"},
            {"gists_url", url + "/gists{/gist_id}"},
            {"starred_url", url + "/starred{/owner}{/repo}"},
            {"subscriptions_url", url + "/subscriptions"},
            {"organizations_url", url + "/orgs"},
            {"repos_url", url + "/repos"},
            {"events_url", url + "/events{/privacy}"},
            {"received_events_url", url + "/received_events"},
            {"type", user.bot ? "Bot" : "User"},
            {"site_admin", false}};
}

json repository_json(World& world, const Repository& repository) {
    const std::string url = api(world, repository);
    const std::string page = html(world, repository);
    const auto open =
        std::ranges::count_if(repository.threads, [](const auto& entry) { return entry.second.open; });
    json result = {{"id", repository.id},
                   {"node_id", node_id("R", repository.id)},
                   {"name", repository.name},
                   {"full_name", repository.full_name()},
                   {"private", repository.is_private},
                   {"owner", user_json(world, repository.owner)},
                   {"html_url", page},
                   {"description", text_or_null(repository.description)},
                   {"fork", false},
                   {"url", url},
                   {"created_at", timestamp(repository.created)},
                   {"updated_at", timestamp(repository.pushed)},
                   {"pushed_at", timestamp(repository.pushed)},
                   {"clone_url", page + ".git"},
                   {"svn_url", page},
                   {"git_url", "git://127.0.0.1/" + repository.full_name() + ".git"},
                   {"ssh_url", "git@127.0.0.1:" + repository.full_name() + ".git"},
                   {"homepage", nullptr},
                   {"size", 0},
                   {"stargazers_count", 0},
                   {"watchers_count", 0},
                   {"language", nullptr},
                   {"has_issues", true},
                   {"has_projects", false},
                   {"has_downloads", true},
                   {"has_wiki", false},
                   {"has_pages", false},
                   {"has_discussions", false},
                   {"forks_count", 0},
                   {"mirror_url", nullptr},
                   {"archived", repository.archived},
                   {"disabled", false},
                   {"open_issues_count", open},
                   {"license", nullptr},
                   {"forks", 0},
                   {"open_issues", open},
                   {"watchers", 0},
                   {"default_branch", repository.default_branch},
                   {"is_template", false},
                   {"web_commit_signoff_required", false},
                   {"allow_forking", true},
                   {"topics", json::array()},
                   {"visibility", repository.is_private ? "private" : "public"},
                   {"custom_properties", json::object()}};
    static constexpr std::pair<const char*, const char*> kUrls[] = {
        {"forks_url", "/forks"},
        {"keys_url", "/keys{/key_id}"},
        {"collaborators_url", "/collaborators{/collaborator}"},
        {"teams_url", "/teams"},
        {"hooks_url", "/hooks"},
        {"issue_events_url", "/issues/events{/number}"},
        {"events_url", "/events"},
        {"assignees_url", "/assignees{/user}"},
        {"branches_url", "/branches{/branch}"},
        {"tags_url", "/tags"},
        {"blobs_url", "/git/blobs{/sha}"},
        {"git_tags_url", "/git/tags{/sha}"},
        {"git_refs_url", "/git/refs{/sha}"},
        {"trees_url", "/git/trees{/sha}"},
        {"statuses_url", "/statuses/{sha}"},
        {"languages_url", "/languages"},
        {"stargazers_url", "/stargazers"},
        {"contributors_url", "/contributors"},
        {"subscribers_url", "/subscribers"},
        {"subscription_url", "/subscription"},
        {"commits_url", "/commits{/sha}"},
        {"git_commits_url", "/git/commits{/sha}"},
        {"comments_url", "/comments{/number}"},
        {"issue_comment_url", "/issues/comments{/number}"},
        {"contents_url", "/contents/{+path}"},
        {"compare_url", "/compare/{base}...{head}"},
        {"merges_url", "/merges"},
        {"archive_url", "/{archive_format}{/ref}"},
        {"downloads_url", "/downloads"},
        {"issues_url", "/issues{/number}"},
        {"pulls_url", "/pulls{/number}"},
        {"milestones_url", "/milestones{/number}"},
        {"notifications_url", "/notifications{?since,all,participating}"},
        {"labels_url", "/labels{/name}"},
        {"releases_url", "/releases{/id}"},
        {"deployments_url", "/deployments"}};
    for (const auto& [name, path] : kUrls) result[name] = url + path;
    return result;
}

json full_repository_json(World& world, const Repository& repository) {
    json result = repository_json(world, repository);
    result["network_count"] = 0;
    result["subscribers_count"] = 0;
    return result;
}

json label_json(const World& world, const Repository& repository, const Label& label) {
    return {{"id", label.id},
            {"node_id", node_id("LA", label.id)},
            {"url", api(world, repository) + "/labels/" + encode_url(label.name)},
            {"name", label.name},
            {"color", label.color},
            {"default", false},
            {"description", text_or_null(label.description)}};
}

json reaction_json(World& world, const StoredReaction& reaction) {
    return {{"id", reaction.id},
            {"node_id", node_id("REA", reaction.id)},
            {"user", user_json(world, reaction.user)},
            {"content", reaction.content},
            {"created_at", timestamp(reaction.created)}};
}

json issue_json(World& world, Repository& repository, const Thread& thread) {
    const std::string url = fmt::format("{}/issues/{}", api(world, repository), thread.number);
    const std::string page = thread_page(world, repository, thread);
    json result = {{"url", url},
                   {"repository_url", api(world, repository)},
                   {"labels_url", url + "/labels{/name}"},
                   {"comments_url", url + "/comments"},
                   {"events_url", url + "/events"},
                   {"html_url", page},
                   {"timeline_url", url + "/timeline"},
                   {"id", thread.id},
                   {"node_id", node_id("I", thread.id)},
                   {"number", thread.number},
                   {"title", thread.title},
                   {"user", user_json(world, thread.author)},
                   {"labels", labels_json(world, repository, thread)},
                   {"state", thread.open ? "open" : "closed"},
                   {"state_reason", text_or_null(thread.state_reason)},
                   {"locked", thread.locked},
                   {"assignee", nullptr},
                   {"assignees", json::array()},
                   {"milestone", nullptr},
                   {"comments", comment_count(repository, thread.number)},
                   {"created_at", timestamp(thread.created)},
                   {"updated_at", timestamp(thread.updated)},
                   {"closed_at", time_or_null(thread.closed_at)},
                   {"author_association", association(repository, thread.author)},
                   {"active_lock_reason", nullptr},
                   {"body", text_or_null(thread.body)},
                   {"reactions", reactions_json(url, thread.reactions)},
                   {"performed_via_github_app", nullptr}};
    if (thread.pull) {
        result["draft"] = thread.pull->draft;
        result["pull_request"] = {{"url", fmt::format("{}/pulls/{}", api(world, repository), thread.number)},
                                  {"html_url", page},
                                  {"diff_url", page + ".diff"},
                                  {"patch_url", page + ".patch"},
                                  {"merged_at", time_or_null(thread.pull->merged_at)}};
    }
    return result;
}

json full_issue_json(World& world, Repository& repository, const Thread& thread) {
    json result = issue_json(world, repository, thread);
    result["closed_by"] = thread.closed_by.empty() ? json(nullptr) : user_json(world, thread.closed_by);
    return result;
}

json comment_json(World& world, Repository& repository, const StoredComment& comment) {
    const std::string url = fmt::format("{}/issues/comments/{}", api(world, repository), comment.id);
    const auto& thread = repository.threads.at(comment.thread);
    return {
        {"url", url},
        {"html_url", fmt::format("{}#issuecomment-{}", thread_page(world, repository, thread), comment.id)},
        {"issue_url", fmt::format("{}/issues/{}", api(world, repository), comment.thread)},
        {"id", comment.id},
        {"node_id", node_id("IC", comment.id)},
        {"user", user_json(world, comment.user)},
        {"created_at", timestamp(comment.created)},
        {"updated_at", timestamp(comment.updated)},
        {"author_association", association(repository, comment.user)},
        {"body", comment.body},
        {"reactions", reactions_json(url, comment.reactions)},
        {"performed_via_github_app", nullptr}};
}

json simple_pull_json(World& world, Repository& repository, const Thread& thread) {
    const auto& pull = *thread.pull;
    const std::string base = api(world, repository);
    const std::string url = fmt::format("{}/pulls/{}", base, thread.number);
    const std::string issue = fmt::format("{}/issues/{}", base, thread.number);
    const std::string page = thread_page(world, repository, thread);
    const std::string statuses = base + "/statuses/" + pull.head_sha;
    const auto link = [](const std::string& href) { return json{{"href", href}}; };
    return {{"url", url},
            {"id", thread.id},
            {"node_id", node_id("PR", thread.id)},
            {"html_url", page},
            {"diff_url", page + ".diff"},
            {"patch_url", page + ".patch"},
            {"issue_url", issue},
            {"number", thread.number},
            {"state", thread.open ? "open" : "closed"},
            {"locked", thread.locked},
            {"title", thread.title},
            {"user", user_json(world, thread.author)},
            {"body", text_or_null(thread.body)},
            {"created_at", timestamp(thread.created)},
            {"updated_at", timestamp(thread.updated)},
            {"closed_at", time_or_null(thread.closed_at)},
            {"merged_at", time_or_null(pull.merged_at)},
            {"merge_commit_sha", text_or_null(pull.merge_commit)},
            {"assignee", nullptr},
            {"assignees", json::array()},
            {"requested_reviewers", json::array()},
            {"requested_teams", json::array()},
            {"labels", labels_json(world, repository, thread)},
            {"milestone", nullptr},
            {"draft", pull.draft},
            {"commits_url", url + "/commits"},
            {"review_comments_url", url + "/comments"},
            {"review_comment_url", base + "/pulls/comments{/number}"},
            {"comments_url", issue + "/comments"},
            {"statuses_url", statuses},
            {"head", end_json(world, repository, pull.head_branch, pull.head_sha)},
            {"base", end_json(world, repository, pull.base_branch, pull.base_sha)},
            {"_links",
             {{"self", link(url)},
              {"html", link(page)},
              {"issue", link(issue)},
              {"comments", link(issue + "/comments")},
              {"review_comments", link(url + "/comments")},
              {"review_comment", link(base + "/pulls/comments{/number}")},
              {"commits", link(url + "/commits")},
              {"statuses", link(statuses)}}},
            {"author_association", association(repository, thread.author)},
            {"auto_merge", nullptr},
            {"active_lock_reason", nullptr}};
}

json pull_json(World& world, Repository& repository, const Thread& thread) {
    const auto& pull = *thread.pull;
    json result = simple_pull_json(world, repository, thread);
    const json mergeable = pull.mergeable && !pull.merged ? json(*pull.mergeable) : json(nullptr);
    result.update({{"merged", pull.merged},
                   {"mergeable", mergeable},
                   {"rebaseable", mergeable},
                   {"mergeable_state", mergeable.is_null() ? "unknown"
                                       : !*pull.mergeable  ? "dirty"
                                       : pull.draft        ? "draft"
                                                           : "clean"},
                   {"merged_by", pull.merged_by.empty() ? json(nullptr) : user_json(world, pull.merged_by)},
                   {"comments", comment_count(repository, thread.number)},
                   {"review_comments", 0},
                   {"maintainer_can_modify", false},
                   {"commits", pull.commits},
                   {"additions", pull.additions},
                   {"deletions", pull.deletions},
                   {"changed_files", pull.changed_files}});
    return result;
}

json app_json(World& world) {
    const std::string born = "2026-01-01T00:00:00Z";
    return {{"id", world.app.id},
            {"slug", world.app.slug},
            {"node_id", node_id("A", world.app.id)},
            {"client_id", "Iv1.practice"},
            {"owner", user_json(world, "octocat")},
            {"name", world.app.slug},
            {"description", nullptr},
            {"external_url", world.base_url},
            {"html_url", world.base_url + "/apps/" + world.app.slug},
            {"created_at", born},
            {"updated_at", born},
            {"permissions",
             {{"actions", "read"},
              {"checks", "write"},
              {"contents", "write"},
              {"issues", "write"},
              {"metadata", "read"},
              {"pull_requests", "write"},
              {"statuses", "write"}}},
            {"events",
             {"issues", "issue_comment", "pull_request", "pull_request_review", "check_run", "check_suite",
              "status", "push", "repository"}}};
}

json installation_json(World& world) {
    const json app = app_json(world);
    const std::string url =
        fmt::format("{}/api/v3/app/installations/{}", world.base_url, world.app.installation_id);
    // The description wants an account to be a user and an enterprise at once.
    json owner = user_json(world, "octocat");
    owner.update({{"name", "octocat"},
                  {"slug", "octocat"},
                  {"created_at", app["created_at"]},
                  {"updated_at", app["updated_at"]}});
    return {
        {"id", world.app.installation_id},
        {"account", owner},
        {"repository_selection", "all"},
        {"access_tokens_url", url + "/access_tokens"},
        {"repositories_url", world.base_url + "/api/v3/installation/repositories"},
        {"html_url", fmt::format("{}/settings/installations/{}", world.base_url, world.app.installation_id)},
        {"app_id", world.app.id},
        {"app_slug", world.app.slug},
        {"target_id", owner["id"]},
        {"target_type", "User"},
        {"permissions", app["permissions"]},
        {"events", app["events"]},
        {"created_at", app["created_at"]},
        {"updated_at", app["updated_at"]},
        {"single_file_name", nullptr},
        {"suspended_by", world.suspended ? user_json(world, "octocat") : json(nullptr)},
        {"suspended_at", world.suspended ? json(timestamp(world.now())) : json(nullptr)}};
}

json event_json(World& world, const Repository& repository, const std::string& action,
                const std::string& sender) {
    return {{"action", action},
            {"repository", repository_json(world, repository)},
            {"sender", user_json(world, sender)},
            {"installation",
             {{"id", world.app.installation_id}, {"node_id", node_id("IN", world.app.installation_id)}}}};
}

}  // namespace practice_forge::github
