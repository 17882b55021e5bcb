#pragma once

#include <optional>
#include <string>
#include <vector>

#include "config/settings.hpp"
#include "integrations/forge.hpp"
#include "integrations/forge_api.hpp"
#include "integrations/forge_labels.hpp"
#include "integrations/forge_sweep.hpp"
#include "integrations/gitlab.hpp"
#include "integrations/gitlab_notes.hpp"

namespace integrations {

/// The verbs of Forge in GitLab's REST. Made by connect_gitlab.
///   gitlab_client   reading, reactions, notes       gitlab_labels    labels, what never arrived
///   gitlab_publish  merge requests                  gitlab_checks    failed_checks, report_check
///   gitlab_reviews  reviews, discussions            gitlab_notes     which notes are whose review
///   gitlab_complete completed, warnings             gitlab_json      how it is spoken to, what it says
class GitlabForge final : public Forge {
 public:
    GitlabForge(const config::ForgeSettings& settings, ForgeClock clock);

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
    [[nodiscard]] ForgeResult<std::vector<Event>> completed(const Event& event) override;
    [[nodiscard]] ForgeResult<std::vector<std::string>> warnings() override;

 private:
    [[nodiscard]] std::function<ForgeResult<RepoSeen>(const RepoRef& repo)> seen_by_name();
    struct Jobs;  ///< of a commit's pipelines

    [[nodiscard]] ForgeResult<std::string> id_of(const Person& person);
    [[nodiscard]] ForgeResult<RepoSeen> seen(const RepoRef& repo);
    [[nodiscard]] ForgeResult<std::string> ensure_label(const RepoRef& repo, const std::string& label);
    [[nodiscard]] ForgeResult<LabelRecord> label_record(const ThreadRef& issue);
    [[nodiscard]] ForgeResult<std::vector<RepoRef>> watched();
    [[nodiscard]] ForgeResult<void> labelled_in(const RepoRef& repo, const std::string& trigger_label,
                                                Labelled& found);
    [[nodiscard]] ForgeResult<bool> read_notes(const ThreadRef& pull_request, std::vector<GitlabNote>& notes);
    [[nodiscard]] ForgeResult<Jobs> jobs_of(const RepoRef& repo, const std::string& sha);
    [[nodiscard]] ForgeResult<std::vector<Event>> completed_review(const ChangesRequested& review);
    [[nodiscard]] ForgeResult<void> warn_of_token(std::vector<std::string>& lines);
    [[nodiscard]] ForgeResult<void> warn_of_hooks(const RepoRef& repo, std::vector<std::string>& lines);
    /// Visits our webhooks there. Who is no maintainer is not shown them.
    [[nodiscard]] ForgeResult<void> each_hook(const RepoRef& repo,
                                              const std::function<void(const nlohmann::json& hook)>& visit);

    std::string name_;                       ///< ForgeSettings::name
    std::vector<std::string> repositories_;  ///< patterns
    TokenApi api_;
    ForgeClock clock_;
    SweepTurns label_turns_, comment_turns_, turns_of_hooks_;
    SweepTurns undelivered_turns_{5};  // what failed is shown again and again, and is large
};

}  // namespace integrations
