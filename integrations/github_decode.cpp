// Deliveries from GitHub, second half: verified bytes -> Event. Pure, never throws.
// Shapes: https://docs.github.com/en/webhooks/webhook-events-and-payloads

#include <algorithm>
#include <array>
#include <cstdint>
#include <exception>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "integrations/github.hpp"
#include "integrations/github_json.hpp"
#include "integrations/github_payload.hpp"
#include "integrations/github_words.hpp"

namespace integrations {
namespace {

std::optional<std::int64_t> thread_number(const std::string& digits) {
    if (!is_digits(digits, 18)) return std::nullopt;
    const auto number = std::stoll(digits);
    return number > 0 ? std::optional<std::int64_t>(number) : std::nullopt;
}

/// Why this payload cannot be used, or nothing: what decode promises of every RepoRef and Person.
std::string misfit_of_repository(const Payload& payload) {
    if (!is_digits(payload["repository.id"], 20)) return "no repository id";
    if (!is_full_name(payload["repository.full_name"])) return "the repository's full_name is not owner/name";
    if (!is_clone_url(payload["repository.clone_url"]))
        return "the clone_url is not http(s) without credentials";
    if (payload["sender.login"].empty() || !is_digits(payload["sender.id"], 20)) return "no sender";
    return {};
}

Person sender(const Payload& payload) {
    const auto& login = payload["sender.login"];
    return {.login = login,
            .id = payload["sender.id"],
            .bot = payload["sender.type"] == "Bot" || login.ends_with("[bot]")};
}

RepoRef repository(const VerifiedDelivery& delivery, const Payload& payload) {
    return {.forge = delivery.forge(),
            .id = payload["repository.id"],
            .full_name = payload["repository.full_name"],
            .clone_url = payload["repository.clone_url"],
            .default_branch = payload["repository.default_branch"],
            .installation = payload["installation.id"]};
}

/// The issue or pull request that a payload is about, if it has a number.
std::optional<ThreadRef> thread(const VerifiedDelivery& delivery, const Payload& payload,
                                std::string_view path) {
    const auto number = thread_number(payload[path]);
    if (!number) return std::nullopt;
    return ThreadRef{.repo = repository(delivery, payload), .number = *number};
}

/// An issue is updated by what its event tells; by the time it is written down, perhaps by more.
Moment moment(const Payload& payload, std::string_view path) { return parse_timestamp(payload[path]); }

Event decode_issue(const VerifiedDelivery& delivery, const Payload& payload) {
    const auto& action = payload["action"];
    auto issue = thread(delivery, payload, "issue.number");
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
    auto about = thread(delivery, payload, "issue.number");
    if (!about) return Ignored{"issue_comment.created: no number"};
    if (!is_digits(payload["comment.id"], 20)) return Ignored{"issue_comment.created without a comment"};
    return CommentCreated{.thread = *std::move(about),
                          .on_pull_request = !payload["issue.pull_request"].empty(),
                          .comment_id = payload["comment.id"],
                          .body = payload["comment.body"],
                          .by = sender(payload),
                          .at = moment(payload, "comment.created_at")};
}

Event decode_pull_request(const VerifiedDelivery& delivery, const Payload& payload) {
    auto about = thread(delivery, payload, "pull_request.number");
    if (!about) return Ignored{"pull_request.closed: no number"};
    return PullRequestEnded{*std::move(about), payload["pull_request.merged"] == "true", sender(payload)};
}

Event decode_review(const VerifiedDelivery& delivery, const Payload& payload) {
    auto about = thread(delivery, payload, "pull_request.number");
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

Event decode_status(const VerifiedDelivery& delivery, const Payload& payload) {
    if (!is_bad_status(payload["state"])) return Ignored{"a status that is no failure"};
    if (!is_commit_id(payload["sha"])) return Ignored{"a status without a commit"};
    return ChecksFailed{repository(delivery, payload), payload["sha"]};
}

Event decode_push(const VerifiedDelivery& delivery, const Payload& payload) {
    constexpr std::string_view branches = "refs/heads/";
    const auto& ref = payload["ref"];
    if (payload["deleted"] == "true") return Ignored{"a push that deletes"};
    const bool plain = std::ranges::all_of(ref, [](unsigned char c) { return c > ' ' && c != 0x7F; });
    if (!ref.starts_with(branches) || ref.size() == branches.size() || !plain)
        return Ignored{"a push to no branch"};
    return BranchPushed{repository(delivery, payload), ref.substr(branches.size()), sender(payload)};
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
    if (payload.removed().empty()) return Ignored{"installation_repositories.removed without a repository"};
    return AccessEnded{.how = AccessEnded::How::removed,
                       .forge = delivery.forge(),
                       .installation = payload["installation.id"],
                       .repositories = payload.removed()};
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

/// An event that we act on. `push` and `status` know no action.
struct Row {
    std::string_view event, action;
    Event (*decode)(const VerifiedDelivery&, const Payload&);
    std::string (*misfit)(const Payload&) = misfit_of_repository;
};
constexpr std::array<Row, 19> acted_on{{
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

Event decode_payload(const VerifiedDelivery& delivery) {
    const auto& name = delivery.event_name();
    if (name != "ping" && std::ranges::find(acted_on, name, &Row::event) == acted_on.end())
        return Ignored{"event " + name + " is not for us"};
    Payload payload;
    if (!payload.read(delivery.body())) return Ignored{name + ": " + payload.fault()};
    if (name == "ping") return Pinged{};

    const auto& action = payload["action"];
    const auto row = std::ranges::find_if(
        acted_on, [&](const Row& one) { return one.event == name && one.action == action; });
    if (row == acted_on.end())
        return Ignored{name + "." + (action.empty() || action.size() > 60 ? "?" : action) + " is not for us"};
    if (auto why = row->misfit(payload); !why.empty())
        return Ignored{name + (action.empty() ? "" : "." + action) + ": " + why};
    return row->decode(delivery, payload);
}

}  // namespace

Event decode_github(const VerifiedDelivery& delivery) {
    try {
        return decode_payload(delivery);
    } catch (const std::exception&
                 problem) {  // out of memory; anything else is a fault of ours that must not spread
        return Ignored{std::string("not decoded: ") + problem.what()};
    }
}

}  // namespace integrations
