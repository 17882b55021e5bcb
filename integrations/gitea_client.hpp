#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "config/settings.hpp"
#include "integrations/forge.hpp"
#include "integrations/forge_labels.hpp"
#include "integrations/forge_sweep.hpp"
#include "integrations/gitea.hpp"
#include "integrations/gitea_api.hpp"

namespace integrations {

/// The verbs of Forge in Gitea's REST, as of Gitea 1.17 and Forgejo 1.18. Made by connect_gitea.
///   gitea_client    reading, reactions              gitea_labels     labels, what never arrived
///   gitea_publish   pull requests, checks           gitea_reviews    reviews, what stands beside lines
///   gitea_complete  completed
class GiteaForge final : public Forge {
 public:
    GiteaForge(const config::ForgeSettings& settings, ForgeClock clock);

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
    [[nodiscard]] ForgeResult<std::vector<LabelEvent>> label_events(const ThreadRef& issue,
                                                                    const std::string& label) override;
    [[nodiscard]] ForgeResult<std::vector<Event>> completed(const Event& event) override;

 private:
    [[nodiscard]] std::function<ForgeResult<RepoSeen>(const RepoRef& repo)> seen_by_name();
    struct Label {
        std::int64_t id = 0;
        std::string name;
    };
    using Labels = std::map<std::string, Label>;  ///< by name in lower case
    [[nodiscard]] ForgeError of_thread(const ThreadRef& thread, const ForgeError& error);
    [[nodiscard]] ForgeResult<Labels> labels_of(const RepoRef& repo);
    [[nodiscard]] ForgeResult<std::int64_t> ensure_label(const RepoRef& repo, const std::string& label,
                                                         const Labels& known);
    [[nodiscard]] ForgeResult<LabelRecord> label_record(const ThreadRef& issue);
    [[nodiscard]] ForgeResult<std::vector<RepoRef>> watched();
    [[nodiscard]] ForgeResult<void> labelled_in(const RepoRef& repo, const std::string& trigger_label,
                                                std::vector<IssueLabelled>& found);
    [[nodiscard]] std::optional<bool> conflicts(const RepoRef& repo, const PullRequest& pull,
                                                const std::string& base_sha);
    [[nodiscard]] ForgeResult<std::vector<nlohmann::json>> lines_of(const ThreadRef& pull_request,
                                                                    const std::string& review_id);
    [[nodiscard]] ForgeResult<std::vector<Event>> completed_review(const ChangesRequested& review);

    std::string name_;                       ///< ForgeSettings::name
    std::vector<std::string> repositories_;  ///< patterns
    TokenApi api_;
    ForgeClock clock_;
    SweepTurns label_turns_, comment_turns_;
    std::mutex making_labels_;  ///< held while one is made: two of one name may stand beside each other there
    std::mutex mutex_;
    /// Repository, number, head, base: since when it cannot be merged.
    std::map<std::tuple<std::string, std::int64_t, std::string, std::string>,
             std::chrono::system_clock::time_point>
        unmergeable_;
};

}  // namespace integrations
