#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "config/settings.hpp"
#include "integrations/forge.hpp"
#include "integrations/forge_sweep.hpp"
#include "integrations/github.hpp"
#include "integrations/github_api.hpp"

namespace integrations {

/// The verbs of Forge in GitHub's REST, api version 2022-11-28. Made by connect_github.
///   github_client   reading, labels, reactions      github_comments      say, reply, review_comments
///   github_publish  pull requests, checks           github_conversation  conversation
///   github_sweep    what never arrived              github_checks        failed_checks
class GithubForge final : public Forge {
 public:
    GithubForge(const config::ForgeSettings& settings, ForgeClock clock);

    [[nodiscard]] ForgeResult<Person> self() override;
    [[nodiscard]] ForgeResult<RepoNow> repository(const RepoRef& repo) override;
    [[nodiscard]] ForgeResult<Permission> permission(const RepoRef& repo, const Person& person) override;
    [[nodiscard]] ForgeResult<IssueSnapshot> issue(const ThreadRef& issue) override;
    [[nodiscard]] ForgeResult<std::vector<PullRequest>> closing(const ThreadRef& issue) override;
    [[nodiscard]] ForgeResult<void> relabel(const ThreadRef& issue, const std::vector<std::string>& remove,
                                            const std::vector<std::string>& add) override;
    [[nodiscard]] ForgeResult<void> react(const ThreadRef& thread,
                                          const std::optional<std::string>& comment_id,
                                          Reaction reaction) override;
    [[nodiscard]] ForgeResult<std::string> say(const ThreadRef& thread, const std::string& marker,
                                               const std::string& body, const std::string& known_id) override;
    [[nodiscard]] ForgeResult<PullRequest> propose(const Proposal& proposal) override;
    [[nodiscard]] ForgeResult<PullRequest> pull_request(const RepoRef& repo, std::int64_t number) override;
    [[nodiscard]] ForgeResult<std::vector<ReviewComment>> review_comments(
        const ThreadRef& pull_request, const std::string& review_id) override;
    [[nodiscard]] ForgeResult<Conversation> conversation(const ThreadRef& pull_request) override;
    [[nodiscard]] ForgeResult<std::string> reply(const ThreadRef& pull_request, const std::string& comment_id,
                                                 const std::string& marker, const std::string& body) override;
    [[nodiscard]] ForgeResult<std::vector<FailedCheck>> failed_checks(const RepoRef& repo,
                                                                      const std::string& sha) override;
    [[nodiscard]] ForgeResult<void> report_check(const RepoRef& repo, const CheckReport& report) override;
    [[nodiscard]] ForgeResult<GitCredential> git_credential(const RepoRef& repo) override;
    [[nodiscard]] ForgeResult<std::vector<IssueLabelled>> labelled(const std::string& trigger_label) override;
    [[nodiscard]] ForgeResult<std::vector<CommentCreated>> comments_since(
        std::chrono::system_clock::time_point since) override;
    [[nodiscard]] ForgeResult<std::vector<VerifiedDelivery>> undelivered(
        std::chrono::system_clock::time_point since,
        const std::function<bool(const std::string& delivery_id)>& known) override;
    [[nodiscard]] ForgeResult<std::vector<LabelEvent>> label_events(const ThreadRef& issue,
                                                                    const std::string& label) override;

 private:
    [[nodiscard]] std::function<ForgeResult<RepoSeen>(const RepoRef& repo)> seen_by_name();
    [[nodiscard]] ForgeResult<bool> was_transferred(const RepoRef& repo, const nlohmann::json& issue);
    [[nodiscard]] ForgeResult<void> ensure_label(const RepoRef& repo, const std::string& label);
    [[nodiscard]] ForgeResult<void> report_check_run(const RepoRef& repo, const CheckReport& report);
    struct LastRun;
    [[nodiscard]] ForgeResult<std::vector<LastRun>> last_runs(const RepoRef& repo, const std::string& sha);
    [[nodiscard]] ForgeResult<std::vector<FailedCheck>> failed_statuses(const RepoRef& repo,
                                                                        const std::string& sha);
    [[nodiscard]] ForgeResult<void> add_details(const RepoRef& repo, LastRun& run);
    [[nodiscard]] ForgeResult<void> report_status(const RepoRef& repo, const CheckReport& report);
    [[nodiscard]] ForgeResult<std::vector<RepoRef>> watched();
    [[nodiscard]] ForgeResult<void> labelled_in(const RepoRef& repo, const std::string& trigger_label,
                                                std::vector<IssueLabelled>& found);

    std::string name_;                       ///< ForgeSettings::name
    std::vector<std::string> repositories_;  ///< patterns
    GithubApi api_;
    std::mutex mutex_;
    std::optional<Person> self_;
    std::set<std::string> labels_made_;  ///< `owner/name label`: known to be there, or made by us
    SweepTurns label_turns_, comment_turns_;
};

}  // namespace integrations
