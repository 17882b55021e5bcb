#pragma once

#include <chrono>
#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/error.hpp"
#include "config/settings.hpp"
#include "integrations/delivery.hpp"
#include "integrations/event.hpp"
#include "integrations/forge_error.hpp"
#include "integrations/proposal.hpp"

namespace integrations {

/// A repository as it is now, and the commit its default branch points at.
struct RepoNow {
    RepoRef repo;
    std::string head_commit;  ///< 40 hex digits
    bool archived = false;    ///< nothing can be pushed there
};

struct GitCredential {
    std::string user;
    config::Secret password;
};

/// What we ask of a forge and nothing more. Thread-safe. Every verb may be called again after an unknown
/// outcome.
class Forge {
 public:
    virtual ~Forge() = default;

    /// Who we are there: our own comments and events are recognised by it.
    [[nodiscard]] virtual ForgeResult<Person> self() = 0;
    /// The repository as it is now (it may have been renamed since the event). A default branch that is not
    /// there (an empty repository) is `gone`, with a message that names the branch.
    [[nodiscard]] virtual ForgeResult<RepoNow> repository(const RepoRef& repo) = 0;
    /// Asked live at every decision; anything unknown is `none`.
    [[nodiscard]] virtual ForgeResult<Permission> permission(const RepoRef& repo, const Person& person) = 0;
    [[nodiscard]] virtual ForgeResult<IssueSnapshot> issue(const ThreadRef& issue) = 0;
    /// Open pull requests that close the issue (by their words or by our branch name).
    [[nodiscard]] virtual ForgeResult<std::vector<PullRequest>> closing(const ThreadRef& issue) = 0;
    /// Takes labels off and sets others; what is already so is no error. Labels we set are created when
    /// missing.
    [[nodiscard]] virtual ForgeResult<void> relabel(const ThreadRef& issue,
                                                    const std::vector<std::string>& remove,
                                                    const std::vector<std::string>& add) = 0;
    [[nodiscard]] virtual ForgeResult<void> react(const ThreadRef& thread,
                                                  const std::optional<std::string>& comment_id,
                                                  Reaction reaction) = 0;
    /// One comment per marker: edited in place when it is there already. `known_id`: from an earlier call,
    /// saves the search. Returns the comment's id. The marker is hidden in the body by us; our own comments
    /// only are looked at.
    [[nodiscard]] virtual ForgeResult<std::string> say(const ThreadRef& thread, const std::string& marker,
                                                       const std::string& body,
                                                       const std::string& known_id) = 0;
    /// Opens the pull request. One of this branch that is open already is adopted and updated; one that was
    /// merged or closed meanwhile, and is of this commit or bears the marker of this proposal, is returned as
    /// it is, and no second one is opened. With a number, that one is updated while it is open, and else
    /// returned as it is.
    [[nodiscard]] virtual ForgeResult<PullRequest> propose(const Proposal& proposal) = 0;
    /// `gone` also when another repository bears the name now.
    [[nodiscard]] virtual ForgeResult<PullRequest> pull_request(const RepoRef& repo, std::int64_t number) = 0;
    /// What stands beside lines in this review.
    [[nodiscard]] virtual ForgeResult<std::vector<ReviewComment>> review_comments(
        const ThreadRef& pull_request, const std::string& review_id) = 0;
    /// What was said on a pull request by anybody, us and bots among them: comments, reviews, what stands
    /// beside lines. Some 500 of each, the newest; of each at most 16,000 code points.
    [[nodiscard]] virtual ForgeResult<Conversation> conversation(const ThreadRef& pull_request) = 0;
    /// An answer below what stands beside a line; one per marker, as in `say`.
    [[nodiscard]] virtual ForgeResult<std::string> reply(const ThreadRef& pull_request,
                                                         const std::string& comment_id,
                                                         const std::string& marker,
                                                         const std::string& body) = 0;
    /// Checks of others on this commit, the last try of each, that ended badly; none while any of them is
    /// still going on (but for commit statuses: those may stay pending until somebody approves). The first
    /// ten with annotations and a log, as far as our credential reaches.
    [[nodiscard]] virtual ForgeResult<std::vector<FailedCheck>> failed_checks(const RepoRef& repo,
                                                                              const std::string& sha) = 0;
    [[nodiscard]] virtual ForgeResult<void> report_check(const RepoRef& repo, const CheckReport& report) = 0;
    /// For git over HTTPS; valid for at least ten minutes.
    [[nodiscard]] virtual ForgeResult<GitCredential> git_credential(const RepoRef& repo) = 0;
    /// Issues of the repositories we may see that carry one of the labels: for events that never arrived.
    /// Of one whose record does not tell who set it nobody did, and `at` is its last change. A call looks at
    /// some repositories and the next one goes on from there; one that fails does not hide the others. An
    /// error: none could be looked at.
    [[nodiscard]] virtual ForgeResult<std::vector<IssueLabelled>> labelled(
        const std::string& trigger_label) = 0;
    /// What was said since then on issues and pull requests of those, by anybody, and not edited: likewise
    /// for events that never arrived. Some hundreds of each repository.
    [[nodiscard]] virtual ForgeResult<std::vector<CommentCreated>> comments_since(
        std::chrono::system_clock::time_point since) = 0;
    /// What the forge could not hand over since then, as far as it keeps account of that and shows it to us:
    /// deliveries as they would have come whose ids are not `known`, the oldest first, some of them.
    [[nodiscard]] virtual ForgeResult<std::vector<VerifiedDelivery>> undelivered(
        std::chrono::system_clock::time_point /*since*/,
        const std::function<bool(const std::string& delivery_id)>& /*known*/) {
        return std::vector<VerifiedDelivery>{};
    }
    /// What became of the label, oldest first, as the newest hundreds of the issue's events tell; seconds
    /// late.
    [[nodiscard]] virtual ForgeResult<std::vector<LabelEvent>> label_events(const ThreadRef& issue,
                                                                            const std::string& label) = 0;
    /// What an event stands for that leaves out what counts (LabelsChanged, a ChangesRequested without the
    /// review's id, a RepositoryRenamed without an address): the forge is asked. Perhaps nothing, perhaps
    /// more than one; also what another delivery told already. An event that is whole stands for itself.
    [[nodiscard]] virtual ForgeResult<std::vector<Event>> completed(const Event& event) {
        return std::vector{event};
    }
    /// What the operator should mend before it stops the work (a credential that ends, webhooks that are not
    /// sent any more), a sentence each; of some repositories, the next call goes on from there.
    [[nodiscard]] virtual ForgeResult<std::vector<std::string>> warnings() {
        return std::vector<std::string>{};
    }
};

struct Rejected {
    int status = 401;    ///< HTTP answer
    std::string reason;  ///< for the log and for the sender
};

/// Checks a delivery's signature over its raw bytes, in constant time, before anything is parsed.
class Verifier {
 public:
    [[nodiscard]] static std::expected<VerifiedDelivery, Rejected> github(
        const config::ForgeSettings& settings, Delivery&& delivery);
    [[nodiscard]] static std::expected<VerifiedDelivery, Rejected> gitea(
        const config::ForgeSettings& settings, Delivery&& delivery);
    [[nodiscard]] static std::expected<VerifiedDelivery, Rejected> gitlab(
        const config::ForgeSettings& settings, Delivery&& delivery,
        std::chrono::system_clock::time_point now);  ///< signatures grow old
};

/// One row per forge kind: the pure half (verify, decode) and the maker of the other.
struct ForgeKind {
    std::string_view name;
    std::expected<VerifiedDelivery, Rejected> (*verify)(const config::ForgeSettings&, Delivery&&);
    Event (*decode)(
        const VerifiedDelivery&);  ///< never throws; what is malformed or not for us becomes Ignored
    std::unique_ptr<Forge> (*connect)(const config::ForgeSettings&);
    /// What in the settings can never work there; `key` is one of the forge's own.
    std::optional<config::Error> (*fault)(const config::ForgeSettings&);
    /// The address by which a commit is credited to a person without telling theirs; empty: there is none.
    std::string (*mail_of)(const config::ForgeSettings&, const Person&);
    std::string_view proposal_name;  ///< what people there call a pull request, in small letters
    char proposal_sign;              ///< before its number; before an issue's it is `#` everywhere
    std::size_t body_limit;          ///< bytes; the forge never sends more
    std::size_t text_limit;          ///< code points in a comment or pull request body
};

/// nullptr for an unknown name. `forge_kinds()` lists the names for error messages.
[[nodiscard]] const ForgeKind* find_forge_kind(std::string_view name);
[[nodiscard]] const std::vector<ForgeKind>& forge_kinds();

}  // namespace integrations
