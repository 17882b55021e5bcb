// Deliveries from Gitea and Forgejo, second half: verified bytes -> Event. Pure, never throws.
// Shapes: https://docs.gitea.com/usage/webhooks
//
// What they leave out: which label was set or taken off (only those that the issue has now), and the number
// of a review. `completed` asks for it. Locking, renaming, archiving and transferring are not told at all.

#include <array>
#include <string>
#include <string_view>
#include <utility>

#include "integrations/forge_decode.hpp"
#include "integrations/forge_payload.hpp"
#include "integrations/forge_words.hpp"
#include "integrations/gitea.hpp"

namespace integrations {
namespace {

/// All that is looked at.
constexpr std::array<std::string_view, 23> wanted{
    "action",
    "is_pull",
    "issue.number",
    "issue.pull_request",
    "issue.updated_at",
    "comment.id",
    "comment.body",
    "comment.created_at",
    "pull_request.number",
    "pull_request.merged",
    "pull_request.closed_at",
    "review.content",
    "repository.id",
    "repository.full_name",
    "repository.clone_url",
    "repository.default_branch",
    "state",
    "sha",
    "ref",
    "after",  // of a branch that is gone zeros, instead of GitHub's `deleted`
    "sender.login",
    "sender.id",
    "sender.type"};

Event decode_labels(const VerifiedDelivery& delivery, const Payload& payload) {
    auto issue = thread(delivery, payload, "issue.number", ThreadRef::Kind::issue);
    if (!issue) return Ignored{"issues." + payload["action"] + ": no number"};
    if (!payload["issue.pull_request"].empty()) return Ignored{"labels of a pull request"};
    return LabelsChanged{*std::move(issue), sender(payload), moment(payload, "issue.updated_at")};
}

Event decode_end(const VerifiedDelivery& delivery, const Payload& payload) {
    auto issue = thread(delivery, payload, "issue.number", ThreadRef::Kind::issue);
    if (!issue) return Ignored{"issues." + payload["action"] + ": no number"};
    if (!payload["issue.pull_request"].empty()) return Ignored{"an issues event about a pull request"};
    const auto how = payload["action"] == "closed" ? IssueEnded::How::closed : IssueEnded::How::deleted;
    return IssueEnded{*std::move(issue), how, sender(payload), moment(payload, "issue.updated_at")};
}

Event decode_comment(const VerifiedDelivery& delivery, const Payload& payload) {
    const bool of_issue = payload["is_pull"] != "true" && payload["issue.pull_request"].empty();
    auto about = thread(delivery, payload, "issue.number",
                        of_issue ? ThreadRef::Kind::issue : ThreadRef::Kind::pull_request);
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
    if (!about) return Ignored{"a review without a pull request"};
    return ChangesRequested{.pull_request = *std::move(about),
                            .review_id = {},
                            .body = payload["review.content"],
                            .by = sender(payload)};
}

Event decode_repository(const VerifiedDelivery& delivery, const Payload& payload) {
    return AccessEnded{.how = AccessEnded::How::deleted,
                       .forge = delivery.forge(),
                       .installation = {},
                       .repositories = {payload["repository.id"]}};
}

/// By `X-Gitea-Event`; what `X-Gitea-Event-Type` says besides is not needed.
constexpr std::array<DecodeRow, 10> acted_on{{
    {"issues", "label_updated", decode_labels},
    {"issues", "label_cleared", decode_labels},
    {"issues", "closed", decode_end},
    {"issues", "deleted", decode_end},
    {"issue_comment", "created", decode_comment},
    {"pull_request", "closed", decode_pull_request},
    {"pull_request_rejected", "reviewed", decode_review},
    {"status", "", decode_status},
    {"push", "", decode_push},
    {"repository", "deleted", decode_repository},
}};

}  // namespace

Event decode_gitea(const VerifiedDelivery& delivery) {
    return decode_by(acted_on, delivery, Payload(wanted));
}

}  // namespace integrations
