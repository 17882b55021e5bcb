#include "integrations/gitlab_client.hpp"

#include <algorithm>
#include <utility>

#include "integrations/forge_comments.hpp"
#include "integrations/forge_json.hpp"
#include "integrations/forge_words.hpp"
#include "integrations/gitlab_json.hpp"

namespace integrations {
namespace {

using nlohmann::json;

constexpr int pages_of_open_requests = 10;  // the 1000 newest
constexpr int pages_of_notes = 100;

// https://docs.gitlab.com/api/access_requests/#valid-access-levels
constexpr int reporter_level = 10;  // guests and planners too read what is not private
constexpr int developer_level = 30;
constexpr int maintainer_level = 40;

std::unexpected<ForgeError> gitlab_failure(ForgeError::Kind kind, std::string message, int status = 0) {
    return std::unexpected(ForgeError{.kind = kind, .status = status, .message = std::move(message)});
}

const char* emoji_of(Reaction reaction) {
    return reaction == Reaction::thumbs_down ? "thumbsdown" : reaction_name(reaction);
}

}  // namespace

std::unique_ptr<Forge> connect_gitlab(const config::ForgeSettings& settings, ForgeClock clock) {
    return std::make_unique<GitlabForge>(settings, std::move(clock));
}

GitlabForge::GitlabForge(const config::ForgeSettings& settings, ForgeClock clock)
    : name_(settings.name),
      repositories_(settings.repositories),
      api_(gitlab_manner(settings)),
      clock_(std::move(clock)) {}

ForgeResult<Person> GitlabForge::self() { return api_.self(&read_gitlab_person); }

ForgeResult<RepoSeen> GitlabForge::seen(const RepoRef& repo) {
    return read_project(api_.call(repo, "GET", ""), name_);
}

ForgeResult<RepoNow> GitlabForge::repository(const RepoRef& repo) {
    auto now = seen(repo);
    if (!now) return std::unexpected(std::move(now.error()));
    const auto& branch = now->repo.default_branch;
    const auto asked = api_.call(now->repo, "GET", "/repository/branches/" + url_encoded(branch));
    if (!asked && asked.error().kind != ForgeError::Kind::gone) return std::unexpected(asked.error());
    const auto head = asked ? text(at(*asked, "commit", "id")) : std::string();
    if (!is_commit_id(head))
        return gitlab_failure(
            ForgeError::Kind::gone,
            "the default branch `" + branch + "` of " + now->repo.full_name + " is not there",
            asked ? 0 : asked.error().status);
    return RepoNow{.repo = std::move(now->repo), .head_commit = head, .archived = now->archived};
}

/// Of whom only the name is known. Empty: there is nobody of that name.
ForgeResult<std::string> GitlabForge::id_of(const Person& person) {
    if (is_digits(person.id, 20) || person.login.empty()) return person.id;
    std::string id;
    const auto listed =
        api_.each_any("/users?username=" + url_encoded(person.login), 1, [&](const json& user) {
            if (!same_name(text_at(user, "username"), person.login)) return true;
            id = text_at(user, "id");
            return false;
        });
    if (!listed) return std::unexpected(listed.error());
    return id;
}

/// Fail closed: who is no member, blocked or not confirmed yet may do nothing, though everybody may read a
/// public project.
ForgeResult<Permission> GitlabForge::permission(const RepoRef& repo, const Person& person) {
    const auto id = id_of(person);
    if (!id) return std::unexpected(id.error());
    if (!is_digits(*id, 20)) return Permission::none;
    const auto answer = api_.call(repo, "GET", "/members/all/" + *id);
    if (!answer) {
        if (answer.error().status == 404) return Permission::none;
        return std::unexpected(answer.error());
    }
    if (text_at(*answer, "id") != *id || text_at(*answer, "state") != "active") return Permission::none;
    const auto level = number_at(*answer, "access_level");
    if (level >= maintainer_level) return Permission::admin;
    if (level >= developer_level) return Permission::write;
    return level >= reporter_level ? Permission::read : Permission::none;
}

ForgeResult<IssueSnapshot> GitlabForge::issue(const ThreadRef& issue) {
    const auto answer = api_.call(issue.repo, "GET", thread_path(issue));
    if (!answer) return std::unexpected(answer.error());
    if (number_at(*answer, "iid") != issue.number)
        return gitlab_failure(ForgeError::Kind::unreachable, "the forge's answer is not the issue");
    IssueSnapshot snapshot{.title = text_at(*answer, "title"),
                           .body = text_at(*answer, "description"),
                           .labels = {},
                           .author = read_gitlab_person(at(*answer, "author")),
                           .open = text_at(*answer, "state") == "opened",
                           .web_url = text_at(*answer, "web_url"),
                           .locked = true_at(*answer, "discussion_locked")};
    for (const auto& label : at(*answer, "labels")) snapshot.labels.push_back(read_label(label));
    return snapshot;
}

/// Those that GitLab itself will close it with, in whatever words, and those of our branches.
ForgeResult<std::vector<PullRequest>> GitlabForge::closing(const ThreadRef& issue) {
    std::vector<PullRequest> found;
    const auto take = [&](const json& request) {
        auto read = read_merge_request(request);
        if (read.open && std::ranges::find(found, read.number, &PullRequest::number) == found.end())
            found.push_back(std::move(read));
        return true;
    };
    const auto said = api_.each(issue.repo, thread_path(issue) + "/closed_by", 1, [&](const json& request) {
        // One of another project may close it too; its number says nothing here.
        return !(issue.repo.id.empty() || text_at(request, "project_id") == issue.repo.id) || take(request);
    });
    if (!said) return std::unexpected(said.error());
    const auto listed = api_.each(
        issue.repo, "/merge_requests?state=opened", pages_of_open_requests, [&](const json& request) {
            const bool from_home = text_at(request, "source_project_id") == text_at(request, "project_id");
            if (from_home && is_branch_for(text_at(request, "source_branch"), issue.number)) take(request);
            return true;
        });
    if (!listed) return std::unexpected(listed.error());
    return found;
}

ForgeResult<void> GitlabForge::react(const ThreadRef& thread, const std::optional<std::string>& comment_id,
                                     Reaction reaction) {
    if (comment_id && !is_digits(*comment_id, 20))
        return gitlab_failure(ForgeError::Kind::invalid, "not a note's id");
    const auto path = thread_path(thread) + (comment_id ? "/notes/" + *comment_id : "") + "/award_emoji";
    const auto given = api_.call(thread.repo, "POST", path, {{"name", emoji_of(reaction)}});
    // Of one that is there already GitLab says that it is not found, because its name was taken.
    if (!given && given.error().status == 404 && given.error().message.find("taken") != std::string::npos)
        return {};
    return done(given);
}

ForgeResult<std::string> GitlabForge::say(const ThreadRef& thread, const std::string& marker,
                                          const std::string& body, const std::string& known_id) {
    const auto path = thread_path(thread) + "/notes";
    return say_once({.each =
                         [&](const auto& visit) {
                             return api_.each(
                                 thread.repo, path + "?sort=asc", pages_of_notes, [&](const json& other) {
                                     return visit({.id = text_at(other, "id"),
                                                   .author = text(at(other, "author", "username")),
                                                   .body = text_at(other, "body")});
                                 });
                         },
                     .edit =
                         [&](const std::string& id, const std::string& text) {
                             return done(api_.call(thread.repo, "PUT", path + "/" + id, {{"body", text}}));
                         },
                     .create =
                         [&](const std::string& text) {
                             return made_id(api_.call(thread.repo, "POST", path, {{"body", text}}));
                         },
                     .self = [&] { return self(); },
                     .text_limit = gitlab_text_limit},
                    marker, without_quick_actions(body), known_id);
}

/// Any name goes with a token.
/// https://docs.gitlab.com/user/profile/personal_access_tokens/#clone-repository-using-personal-access-token
ForgeResult<GitCredential> GitlabForge::git_credential(const RepoRef& /*repo*/) {
    return GitCredential{.user = "oauth2", .password = api_.token()};
}

}  // namespace integrations
