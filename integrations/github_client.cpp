#include "integrations/github_client.hpp"

#include <algorithm>
#include <utility>

#include "integrations/forge_json.hpp"
#include "integrations/forge_proposals.hpp"
#include "integrations/forge_words.hpp"

namespace integrations {
namespace {

using nlohmann::json;

constexpr int pages_of_pulls = 5;  // the 500 newest open pull requests
constexpr int pages_of_labels = 10;

std::unexpected<ForgeError> fail(ForgeError::Kind kind, std::string message, int status = 0) {
    return std::unexpected(ForgeError{.kind = kind, .status = status, .message = std::move(message)});
}

std::string issue_path(const ThreadRef& thread) { return "/issues/" + std::to_string(thread.number); }

}  // namespace

std::unique_ptr<Forge> connect_github(const config::ForgeSettings& settings, ForgeClock clock) {
    return std::make_unique<GithubForge>(settings, std::move(clock));
}

GithubForge::GithubForge(const config::ForgeSettings& settings, ForgeClock clock)
    : name_(settings.name), repositories_(settings.repositories), api_(settings, std::move(clock)) {}

ForgeResult<Person> GithubForge::self() {
    {
        const std::scoped_lock lock(mutex_);
        if (self_) return *self_;
    }
    const auto answer = api_.is_app() ? api_.call_as_app("/app") : api_.call_any("", "/user");
    if (!answer) return std::unexpected(answer.error());
    // An App acts as the user `slug[bot]`; the App's id is not that user's, so there is none to give.
    auto person = api_.is_app() ? Person{.login = text_at(*answer, "slug") + "[bot]", .id = {}, .bot = true}
                                : read_person(*answer);
    if (person.login.empty() || person.login == "[bot]") {
        return fail(ForgeError::Kind::unreachable, "the forge does not say who we are; is api_url right?");
    }
    const std::scoped_lock lock(mutex_);
    self_ = person;
    return person;
}

ForgeResult<RepoNow> GithubForge::repository(const RepoRef& repo) {
    auto installation = api_.installation(repo);
    if (!installation) return std::unexpected(std::move(installation.error()));
    const auto answer = api_.call(repo, "GET", "");
    if (!answer) return std::unexpected(answer.error());
    auto now = read_repository(*answer, name_, *std::move(installation));
    if (!now) return std::unexpected(std::move(now.error()));
    if (!repo.id.empty() && now->id != repo.id) {
        return fail(ForgeError::Kind::gone, "another repository bears the name " + repo.full_name + " now");
    }
    const auto branch = api_.call(*now, "GET", "/branches/" + url_encoded(now->default_branch));
    const auto head = branch ? text(at(*branch, "commit", "sha")) : std::string();
    if (!branch && branch.error().kind != ForgeError::Kind::gone && branch.error().status != 409) {
        return std::unexpected(branch.error());
    }
    if (head.size() != 40) {
        return fail(ForgeError::Kind::gone,
                    "the default branch `" + now->default_branch + "` of " + now->full_name + " is not there",
                    branch ? 0 : branch.error().status);
    }
    return RepoNow{.repo = *std::move(now), .head_commit = head, .archived = true_at(*answer, "archived")};
}

ForgeResult<Permission> GithubForge::permission(const RepoRef& repo, const Person& person) {
    if (person.login.empty()) return Permission::none;
    const auto answer = api_.call(repo, "GET", "/collaborators/" + url_encoded(person.login) + "/permission");
    if (!answer) {
        if (answer.error().status == 404) return Permission::none;
        return std::unexpected(answer.error());
    }
    // Fail closed: the login may belong to somebody else by now, and roles that we do not know allow nothing.
    const auto id = text(at(*answer, "user", "id"));
    if (!person.id.empty() && id != person.id) return Permission::none;
    const auto level = text_at(*answer, "permission");
    if (level == "admin") return Permission::admin;
    if (level == "write") return Permission::write;
    return level == "read" ? Permission::read : Permission::none;
}

/// A transferred issue is answered with a redirect into its new repository, which may not be one of ours.
ForgeResult<bool> GithubForge::was_transferred(const RepoRef& repo, const json& issue) {
    const auto url = text_at(issue, "repository_url");
    const auto mark = url.rfind("/repos/");
    if (mark == std::string::npos) return false;
    const auto now = url.substr(mark + 7);
    if (same_name(now, repo.full_name)) return false;
    const auto renamed = api_.call(repo, "GET", "");
    if (!renamed) return std::unexpected(renamed.error());
    return !same_name(now, text_at(*renamed, "full_name"));
}

ForgeResult<IssueSnapshot> GithubForge::issue(const ThreadRef& issue) {
    const auto answer = api_.call(issue.repo, "GET", issue_path(issue));
    if (!answer) return std::unexpected(answer.error());
    const auto transferred = was_transferred(issue.repo, *answer);
    if (!transferred) return std::unexpected(transferred.error());
    if (*transferred || number_at(*answer, "number") != issue.number) {
        return fail(ForgeError::Kind::gone, "the issue was transferred to " + text_at(*answer, "html_url"));
    }
    return read_issue(*answer);
}

ForgeResult<std::vector<PullRequest>> GithubForge::closing(const ThreadRef& issue) {
    std::vector<PullRequest> found;
    const auto listed = api_.each(issue.repo, "/pulls?state=open&sort=created&direction=desc", pages_of_pulls,
                                  [&](const json& pull) {
                                      if (would_close(pull, issue)) found.push_back(read_pull(pull));
                                      return true;
                                  });
    if (!listed) return std::unexpected(listed.error());
    return found;
}

ForgeResult<void> GithubForge::ensure_label(const RepoRef& repo, const std::string& label) {
    const auto key = lower_case(repo.full_name + " " + label);
    {
        const std::scoped_lock lock(mutex_);
        if (labels_made_.contains(key)) return {};
    }
    const auto made =
        api_.call(repo, "POST", "/labels",
                  {{"name", label}, {"color", label_colour(label)}, {"description", label_description}});
    const bool there = !made && made.error().status == 422 &&
                       made.error().message.find("already_exists") != std::string::npos;
    if (!made && !there) return std::unexpected(made.error());
    const std::scoped_lock lock(mutex_);
    labels_made_.insert(key);
    return {};
}

ForgeResult<void> GithubForge::relabel(const ThreadRef& issue, const std::vector<std::string>& remove,
                                       const std::vector<std::string>& add) {
    std::vector<std::string> present;
    const auto listed =
        api_.each(issue.repo, issue_path(issue) + "/labels", pages_of_labels, [&](const json& label) {
            present.push_back(read_label(label));
            return true;
        });
    if (!listed) return listed;
    const auto find = [&](const std::string& label) {
        return std::ranges::find_if(present, [&](const auto& other) { return same_name(label, other); });
    };
    auto missing = json::array();
    for (const auto& label : add) {
        if (find(label) != present.end()) continue;
        if (const auto made = ensure_label(issue.repo, label); !made) return made;
        missing.push_back(label);
    }
    if (!missing.empty()) {
        const auto added =
            api_.call(issue.repo, "POST", issue_path(issue) + "/labels", {{"labels", missing}});
        if (!added) return std::unexpected(added.error());
    }
    for (const auto& label : remove) {
        if (find(label) == present.end()) continue;
        const auto taken =
            api_.call(issue.repo, "DELETE", issue_path(issue) + "/labels/" + url_encoded(label));
        if (!taken && taken.error().status != 404) return std::unexpected(taken.error());
    }
    return {};
}

ForgeResult<void> GithubForge::react(const ThreadRef& thread, const std::optional<std::string>& comment_id,
                                     Reaction reaction) {
    if (comment_id && !is_digits(*comment_id, 20))
        return fail(ForgeError::Kind::invalid, "not a comment's id");
    const auto path = comment_id ? "/issues/comments/" + *comment_id : issue_path(thread);
    // 200 instead of 201 when it is there already.
    return done(api_.call(thread.repo, "POST", path + "/reactions", {{"content", reaction_name(reaction)}}));
}

ForgeResult<GitCredential> GithubForge::git_credential(const RepoRef& repo) {
    auto token = api_.token(repo);
    if (!token) return std::unexpected(std::move(token.error()));
    return GitCredential{.user = "x-access-token", .password = *std::move(token)};
}

}  // namespace integrations
