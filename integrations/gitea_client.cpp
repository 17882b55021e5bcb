#include "integrations/gitea_client.hpp"

#include <utility>

#include "integrations/forge_comments.hpp"
#include "integrations/forge_json.hpp"
#include "integrations/forge_proposals.hpp"
#include "integrations/forge_words.hpp"

namespace integrations {
namespace {

using nlohmann::json;

constexpr int pages_of_pulls = 10;  // the 500 newest open pull requests

std::unexpected<ForgeError> fail(ForgeError::Kind kind, std::string message, int status = 0) {
    return std::unexpected(ForgeError{.kind = kind, .status = status, .message = std::move(message)});
}

}  // namespace

std::unique_ptr<Forge> connect_gitea(const config::ForgeSettings& settings, ForgeClock clock) {
    return std::make_unique<GiteaForge>(settings, std::move(clock));
}

GiteaForge::GiteaForge(const config::ForgeSettings& settings, ForgeClock clock)
    : name_(settings.name),
      repositories_(settings.repositories),
      api_(gitea_manner(settings)),
      clock_(std::move(clock)) {}

ForgeResult<Person> GiteaForge::self() { return api_.self(&read_person); }

ForgeResult<RepoNow> GiteaForge::repository(const RepoRef& repo) {
    const auto answer = api_.call(repo, "GET", "");
    if (!answer) return std::unexpected(answer.error());
    auto now = read_repository(*answer, name_, "");
    if (!now) return std::unexpected(std::move(now.error()));
    if (!repo.id.empty() && now->id != repo.id)
        return fail(ForgeError::Kind::gone, "another repository bears the name " + repo.full_name + " now");
    const auto branch = api_.call(*now, "GET", "/branches/" + url_encoded(now->default_branch));
    if (!branch && branch.error().kind != ForgeError::Kind::gone && branch.error().status != 409)
        return std::unexpected(branch.error());
    const auto head = branch ? text(at(*branch, "commit", "id")) : std::string();
    if (!is_commit_id(head))
        return fail(ForgeError::Kind::gone,
                    "the default branch `" + now->default_branch + "` of " + now->full_name + " is not there",
                    branch ? 0 : branch.error().status);
    return RepoNow{.repo = *std::move(now), .head_commit = head, .archived = true_at(*answer, "archived")};
}

/// Only an administrator of the repository is told what others may do there; a site administrator too.
ForgeResult<Permission> GiteaForge::permission(const RepoRef& repo, const Person& person) {
    if (person.login.empty()) return Permission::none;
    const auto answer = api_.call(repo, "GET", "/collaborators/" + url_encoded(person.login) + "/permission");
    if (!answer) {
        auto error = answer.error();
        if (error.status == 404) return Permission::none;
        if (error.status == 403)
            error.message += "; give the bot's account administrator access to " + repo.full_name +
                             ", else it is not told who may label";
        return std::unexpected(std::move(error));
    }
    // Fail closed: the login may belong to somebody else by now, and roles that we do not know allow nothing.
    const auto id = text(at(*answer, "user", "id"));
    if (!person.id.empty() && id != person.id) return Permission::none;
    const auto level = text_at(*answer, "permission");
    if (level == "owner" || level == "admin") return Permission::admin;
    if (level == "write") return Permission::write;
    return level == "read" ? Permission::read : Permission::none;
}

ForgeResult<IssueSnapshot> GiteaForge::issue(const ThreadRef& issue) {
    const auto answer = api_.call(issue.repo, "GET", issue_path(issue));
    if (!answer) return std::unexpected(answer.error());
    if (number_at(*answer, "number") != issue.number)
        return fail(ForgeError::Kind::unreachable, "the forge's answer is not the issue");
    return read_issue(*answer);
}

/// What is said of an issue that is not there is answered with 500: the issue itself tells the truth.
ForgeError GiteaForge::of_thread(const ThreadRef& thread, const ForgeError& error) {
    if (error.status != 500) return error;
    const auto there = api_.call(thread.repo, "GET", issue_path(thread));
    return !there && there.error().kind == ForgeError::Kind::gone ? there.error() : error;
}

ForgeResult<std::vector<PullRequest>> GiteaForge::closing(const ThreadRef& issue) {
    std::vector<PullRequest> found;
    const auto listed = api_.each(issue.repo, "/pulls?state=open", pages_of_pulls, [&](const json& pull) {
        if (would_close(pull, issue)) found.push_back(read_pull(pull));
        return true;
    });
    if (!listed) return std::unexpected(listed.error());
    return found;
}

ForgeResult<void> GiteaForge::react(const ThreadRef& thread, const std::optional<std::string>& comment_id,
                                    Reaction reaction) {
    if (comment_id && !is_digits(*comment_id, 20))
        return fail(ForgeError::Kind::invalid, "not a comment's id");
    const auto path = comment_id ? "/issues/comments/" + *comment_id : issue_path(thread);
    // 200 instead of 201 when it is there already.
    return done(api_.call(thread.repo, "POST", path + "/reactions", {{"content", reaction_name(reaction)}}));
}

ForgeResult<std::string> GiteaForge::say(const ThreadRef& thread, const std::string& marker,
                                         const std::string& body, const std::string& known_id) {
    const auto path = issue_path(thread) + "/comments";
    const auto each = [&](const auto& visit) -> ForgeResult<void> {
        const auto listed = api_.each(thread.repo, path, pages_of_a_thread, [&](const json& other) {
            return visit({.id = text_at(other, "id"),
                          .author = text(at(other, "user", "login")),
                          .body = text_at(other, "body")});
        });
        if (!listed) return std::unexpected(of_thread(thread, listed.error()));
        return {};
    };
    return say_once(
        {.each = each,
         .edit =
             [&](const std::string& id, const std::string& text) {
                 return done(api_.call(thread.repo, "PATCH", "/issues/comments/" + id, {{"body", text}}));
             },
         .create =
             [&](const std::string& text) {
                 return made_id(api_.call(thread.repo, "POST", path, {{"body", text}}));
             },
         .self = [&] { return self(); },
         .text_limit = gitea_text_limit},
        marker, body, known_id);
}

ForgeResult<GitCredential> GiteaForge::git_credential(const RepoRef& /*repo*/) {
    const auto us = self();
    if (!us) return std::unexpected(us.error());
    return GitCredential{.user = us->login, .password = api_.token()};
}

}  // namespace integrations
