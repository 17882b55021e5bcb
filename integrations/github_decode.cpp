// Deliveries from GitHub, second half: verified bytes -> Event. Pure, never throws.
// Shapes: https://docs.github.com/en/webhooks/webhook-events-and-payloads

#include <algorithm>
#include <array>
#include <iterator>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "integrations/forge_decode.hpp"
#include "integrations/forge_payload.hpp"
#include "integrations/forge_words.hpp"
#include "integrations/github.hpp"

namespace integrations {
namespace {

/// All that is looked at.
constexpr std::array<std::string_view, 28> wanted{"action",
                                                  "label.name",
                                                  "installation.id",
                                                  "issue.number",
                                                  "issue.pull_request",
                                                  "issue.updated_at",
                                                  "comment.id",
                                                  "comment.body",
                                                  "comment.created_at",
                                                  "pull_request.number",
                                                  "pull_request.merged",
                                                  "pull_request.closed_at",
                                                  "review.id",
                                                  "review.state",
                                                  "review.body",
                                                  "repository.id",
                                                  "repository.full_name",
                                                  "repository.clone_url",
                                                  "repository.default_branch",
                                                  "check_suite.conclusion",
                                                  "check_suite.head_sha",
                                                  "state",
                                                  "sha",
                                                  "ref",
                                                  "deleted",
                                                  "sender.login",
                                                  "sender.id",
                                                  "sender.type"};
constexpr std::array<std::string_view, 1> removed_repositories{"repositories_removed[].id"};

Event decode_issue(const VerifiedDelivery& delivery, const Payload& payload) {
    const auto& action = payload["action"];
    auto issue = thread(delivery, payload, "issue.number", ThreadRef::Kind::issue);
    if (!issue) return Ignored{"issues." + action + ": no number"};
    if (!payload["issue.pull_request"].empty()) return Ignored{"an issues event about a pull request"};
    if (action == "labeled" || action == "unlabeled") {
        const auto& label = payload["label.name"];
        if (label.empty()) return Ignored{"issues." + action + " without a label"};
        const auto at = moment(payload, "issue.updated_at");
        if (action == "labeled") return IssueLabelled{*std::move(issue), label, sender(payload), at};
        return IssueUnlabelled{*std::move(issue), label, sender(payload), at};
    }
    using How = IssueEnded::How;
    const auto how = action == "closed"    ? How::closed
                     : action == "deleted" ? How::deleted
                     : action == "locked"  ? How::locked
                                           : How::transferred;
    return IssueEnded{*std::move(issue), how, sender(payload), moment(payload, "issue.updated_at")};
}

Event decode_comment(const VerifiedDelivery& delivery, const Payload& payload) {
    const auto kind =
        payload["issue.pull_request"].empty() ? ThreadRef::Kind::issue : ThreadRef::Kind::pull_request;
    auto about = thread(delivery, payload, "issue.number", kind);
    if (!about) return Ignored{"issue_comment.created: no number"};
    if (!is_digits(payload["comment.id"], 20)) return Ignored{"issue_comment.created without a comment"};
    return CommentCreated{.thread = *std::move(about),
                          .comment_id = payload["comment.id"],
                          .body = payload["comment.body"],
                          .by = sender(payload),
                          .at = moment(payload, "comment.created_at")};
}

Event decode_review(const VerifiedDelivery& delivery, const Payload& payload) {
    auto about = thread(delivery, payload, "pull_request.number", ThreadRef::Kind::pull_request);
    if (!about) return Ignored{"pull_request_review.submitted: no number"};
    if (!is_digits(payload["review.id"], 20))
        return Ignored{"pull_request_review.submitted without a review"};
    if (lower_case(payload["review.state"]) != "changes_requested")
        return Ignored{"a review that asks for no changes"};
    return ChangesRequested{.pull_request = *std::move(about),
                            .review_id = payload["review.id"],
                            .body = payload["review.body"],
                            .by = sender(payload)};
}

/// Our own suite is told too: an App's check run makes one, and nothing in the payload says which App hears
/// it. `failed_checks` leaves it out.
Event decode_check_suite(const VerifiedDelivery& delivery, const Payload& payload) {
    if (!is_bad_conclusion(payload["check_suite.conclusion"])) return Ignored{"checks that did not fail"};
    if (!is_commit_id(payload["check_suite.head_sha"]))
        return Ignored{"check_suite.completed without a commit"};
    return ChecksFailed{repository(delivery, payload), payload["check_suite.head_sha"]};
}

Event decode_repository(const VerifiedDelivery& delivery, const Payload& payload) {
    const auto& action = payload["action"];
    if (action == "renamed" || action == "transferred")
        return RepositoryRenamed{repository(delivery, payload)};
    return AccessEnded{.how = action == "deleted" ? AccessEnded::How::deleted : AccessEnded::How::archived,
                       .forge = delivery.forge(),
                       .installation = payload["installation.id"],
                       .repositories = {payload["repository.id"]}};
}

/// Fail closed: a list that cannot be read must not pass for none, which means all.
Event decode_removed(const VerifiedDelivery& delivery, const Payload& payload) {
    std::vector<std::string> removed;
    std::ranges::copy_if(payload.list(removed_repositories[0]), std::back_inserter(removed),
                         [](const std::string& id) { return is_digits(id, 20); });
    if (removed.empty()) return Ignored{"installation_repositories.removed without a repository"};
    return AccessEnded{.how = AccessEnded::How::removed,
                       .forge = delivery.forge(),
                       .installation = payload["installation.id"],
                       .repositories = std::move(removed)};
}

Event decode_installation(const VerifiedDelivery& delivery, const Payload& payload) {
    return AccessEnded{.how = AccessEnded::How::uninstalled,
                       .forge = delivery.forge(),
                       .installation = payload["installation.id"],
                       .repositories = {}};
}

/// Why what concerns a whole installation cannot be used, or nothing. It names no `repository`.
std::string misfit_of_installation(const Payload& payload) {
    return is_digits(payload["installation.id"], 20) ? std::string() : "no installation";
}

Event decode_ping(const VerifiedDelivery& /*delivery*/, const Payload& /*payload*/) { return Pinged{}; }

constexpr std::array<DecodeRow, 20> acted_on{{
    {"ping", "", decode_ping, [](const Payload&) { return std::string(); }},
    {"issues", "labeled", decode_issue},
    {"issues", "unlabeled", decode_issue},
    {"issues", "closed", decode_issue},
    {"issues", "deleted", decode_issue},
    {"issues", "transferred", decode_issue},
    {"issues", "locked", decode_issue},
    {"issue_comment", "created", decode_comment},
    {"pull_request", "closed", decode_pull_request},
    {"pull_request_review", "submitted", decode_review},
    {"check_suite", "completed", decode_check_suite},
    {"status", "", decode_status},
    {"push", "", decode_push},
    {"repository", "renamed", decode_repository},
    {"repository", "transferred", decode_repository},
    {"repository", "deleted", decode_repository},
    {"repository", "archived", decode_repository},
    {"installation_repositories", "removed", decode_removed, misfit_of_installation},
    {"installation", "deleted", decode_installation, misfit_of_installation},
    {"installation", "suspend", decode_installation, misfit_of_installation},
}};

}  // namespace

Event decode_github(const VerifiedDelivery& delivery) {
    return decode_by(acted_on, delivery, Payload(wanted, removed_repositories));
}

}  // namespace integrations
