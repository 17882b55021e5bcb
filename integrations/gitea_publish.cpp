// Pull requests, and what is said of commits. https://docs.gitea.com/api: repoCreatePullRequest,
// repoCreateStatus. There is no draft but in the title, and no check but a commit status.

#include <algorithm>
#include <array>
#include <functional>
#include <set>
#include <string_view>
#include <utility>

#include "integrations/forge_comments.hpp"
#include "integrations/forge_json.hpp"
#include "integrations/forge_proposals.hpp"
#include "integrations/forge_statuses.hpp"
#include "integrations/forge_words.hpp"
#include "integrations/gitea_client.hpp"

namespace integrations {
namespace {

using nlohmann::json;
using std::chrono::seconds;

constexpr std::size_t title_limit = 255;
constexpr std::size_t status_limit = 255;
constexpr int pages_of_own_pulls = 5;
constexpr int pages_of_statuses = 20;
/// What makes a title a draft's where nothing else is configured.
/// https://docs.gitea.com/usage/pull-request#work-in-progress-pull-requests
constexpr DraftMarks draft_marks{.written = "WIP: ", .known = {"wip:", "[wip]"}};
/// A pull request whose commits changed is looked through by the forge, and cannot be merged until then.
constexpr seconds forge_looks{30};
constexpr std::size_t most_remembered = 1000;
/// Who makes the statuses of CI jobs: Gitea Actions, Forgejo Actions.
constexpr std::array<std::string_view, 2> actions{"gitea-actions", "forgejo-actions"};

PullRequest read(const json& pull) {
    auto read = read_pull(pull);
    read.draft = read.draft || says_draft(text_at(pull, "title"), draft_marks);
    read.conflicts.reset();
    return read;
}

}  // namespace

/// There is no filter by branch that knows closed ones: the newest are looked through.
ForgeResult<PullRequest> GiteaForge::propose(const Proposal& proposal) {
    const auto& repo = proposal.repo;
    const json words = {{"title", draft_title(proposal, draft_marks, title_limit)},
                        {"body", marked_text(proposal.body, proposal.marker, gitea_text_limit)}};
    const auto read_answer = [](const ForgeResult<json>& answer) -> ForgeResult<PullRequest> {
        if (!answer) return std::unexpected(answer.error());
        return read(*answer);
    };
    return propose_once(
        {.self = [&] { return self(); },
         .ask = [&](std::int64_t number) { return pull_request(repo, number); },
         .show =
             [&](ProposedBefore& before) {
                 return api_.each(repo, "/pulls?state=all", pages_of_own_pulls, [&](const json& pull) {
                     return !is_from_home(pull) || before.look_at(read(pull), text_at(pull, "body"));
                 });
             },
         .open =
             [&] {
                 auto body = words;
                 body.update({{"head", proposal.head_branch}, {"base", proposal.base_branch}});
                 return read_answer(api_.call(repo, "POST", "/pulls", body));
             },
         .is_second = [](const ForgeError& error) { return error.status == 409; },
         .update =
             [&](const PullRequest& found) {
                 return read_answer(
                     api_.call(repo, "PATCH", "/pulls/" + std::to_string(found.number), words));
             }},
        proposal);
}

ForgeResult<PullRequest> GiteaForge::pull_request(const RepoRef& repo, std::int64_t number) {
    const auto answer = api_.call(repo, "GET", "/pulls/" + std::to_string(number));
    if (!answer) return std::unexpected(answer.error());
    const auto asked = read_asked_pull(*answer, repo, number);
    if (!asked) return asked;
    auto pull = read(*answer);
    if (true_at(*answer, "mergeable"))
        pull.conflicts = false;
    else if (pull.open && !pull.draft)
        pull.conflicts = conflicts(repo, pull, text(at(*answer, "base", "sha")));
    return pull;
}

/// `mergeable` is false for a conflict, for a draft, and while the forge looks: a conflict is what stays so
/// at the same commits.
std::optional<bool> GiteaForge::conflicts(const RepoRef& repo, const PullRequest& pull,
                                          const std::string& base_sha) {
    const std::scoped_lock lock(mutex_);
    if (unmergeable_.size() > most_remembered) unmergeable_.clear();
    const auto now = clock_.now();
    const auto [known, first] =
        unmergeable_.try_emplace({repo.full_name, pull.number, pull.head_sha, base_sha}, now);
    if (first || now - known->second < forge_looks) return std::nullopt;
    return true;
}

ForgeResult<void> GiteaForge::report_check(const RepoRef& repo, const CheckReport& report) {
    const bool failed = report.conclusion == CheckReport::Conclusion::failure;
    json body = {{"state", failed ? "failure" : "success"},  // there is no neutral status
                 {"context", report.name},
                 {"description", one_line(report.title, status_limit)}};
    if (is_clone_url(report.details_url)) body["target_url"] = report.details_url;
    return done(api_.call(repo, "POST", "/statuses/" + url_encoded(report.head_sha), body));
}

ForgeResult<std::vector<FailedCheck>> GiteaForge::failed_checks(const RepoRef& repo, const std::string& sha) {
    if (!is_commit_id(sha))
        return std::unexpected(
            ForgeError{.kind = ForgeError::Kind::invalid, .message = "not a commit: " + one_line(sha, 60)});
    const auto us = self();
    if (!us) return std::unexpected(us.error());
    std::vector<json> statuses;
    const auto listed =
        api_.each(repo, "/commits/" + sha + "/statuses", pages_of_statuses, [&](const json& status) {
            statuses.push_back(status);
            return true;
        });
    if (!listed && listed.error().kind != ForgeError::Kind::gone) return std::unexpected(listed.error());
    // The forge sorts by the second, and what it calls `highestindex` begins with the lowest.
    std::ranges::sort(statuses, std::greater{}, [](const json& status) { return number_at(status, "id"); });
    LastStatuses last;
    bool goes_on = false;
    std::set<std::string> seen;
    for (const auto& status : statuses) {
        const auto name = text_at(status, "context");
        const auto creator = text(at(status, "creator", "login"));
        if (name == our_status && same_name(creator, us->login)) continue;
        const auto state = text_at(status, "status");
        const bool is_last = seen.insert(name).second;
        goes_on = goes_on ||
                  (is_last && state == "pending" && std::ranges::find(actions, creator) != actions.end());
        last.take({.context = name,
                   .description = text_at(status, "description"),
                   .web_url = text_at(status, "target_url"),
                   .bad = is_bad_status(state),
                   .passed = state == "success"});
    }
    // A status of somebody else may stay pending until people approve: only CI's own jobs are waited for.
    return goes_on ? std::vector<FailedCheck>{} : last.failed();
}

}  // namespace integrations
