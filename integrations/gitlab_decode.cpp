// Deliveries from GitLab, second half: verified bytes -> Event. Pure, never throws.
// Shapes: https://docs.gitlab.com/user/project/integrations/webhook_events/
//
// An update tells all that it changed. What one event cannot say is left to `completed`: several labels set
// or taken off at once, which review asks for changes (told from GitLab 19.3 on), and of a project that was
// renamed, which the hooks of the whole instance tell, the address to clone from.

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "integrations/forge_decode.hpp"
#include "integrations/forge_payload.hpp"
#include "integrations/forge_words.hpp"
#include "integrations/gitlab.hpp"

namespace integrations {
namespace {

constexpr std::string_view hook_action = "object_attributes.action";

/// All that is looked at.
constexpr std::array<std::string_view, 29> gitlab_values{hook_action,
                                                         "object_attributes.status",
                                                         "object_attributes.sha",
                                                         "object_attributes.id",
                                                         "object_attributes.iid",
                                                         "object_attributes.note",
                                                         "object_attributes.noteable_type",
                                                         "object_attributes.type",
                                                         "object_attributes.system",
                                                         "object_attributes.internal",
                                                         "object_attributes.created_at",
                                                         "object_attributes.updated_at",
                                                         "object_attributes.moved_to_id",
                                                         "changes.discussion_locked.current",
                                                         "issue.iid",
                                                         "merge_request.iid",
                                                         "project.id",
                                                         "project.path_with_namespace",
                                                         "project.git_http_url",
                                                         "project.default_branch",
                                                         "user.id",
                                                         "user.username",
                                                         "ref",
                                                         "after",
                                                         "user_id",
                                                         "user_username",
                                                         "event_name",
                                                         "project_id",
                                                         "path_with_namespace"};
constexpr std::array<std::string_view, 10> gitlab_lists{
    "labels[].id",
    "labels[].title",
    "changes.labels.previous[].id",
    "changes.labels.previous[].title",
    "changes.labels.current[].id",
    "changes.labels.current[].title",
    "changes.reviewers.previous[].id",
    "changes.reviewers.previous[].state",
    "changes.reviewers.current[].id",
    "changes.reviewers.current[].state",
};

// --- who and where

std::string misfit_of_project(const Payload& payload) {
    if (!is_digits(payload["project.id"], 20)) return "no project";
    if (!is_full_path(payload["project.path_with_namespace"])) return "the project's path is not group/name";
    if (!is_clone_url(payload["project.git_http_url"]))
        return "the git_http_url is not http(s) without credentials";
    return {};
}

std::string misfit_of_deed(const Payload& payload) {
    if (payload["user.username"].empty() || !is_digits(payload["user.id"], 20)) return "no user";
    return misfit_of_project(payload);
}

std::string misfit_of_push(const Payload& payload) {
    if (payload["user_username"].empty() || !is_digits(payload["user_id"], 20)) return "no user";
    return misfit_of_project(payload);
}

std::string misfit_of_instance(const Payload& payload) {
    return is_digits(payload["project_id"], 20) ? std::string() : "no project";
}

RepoRef project(const VerifiedDelivery& delivery, const Payload& payload) {
    return {.forge = delivery.forge(),
            .id = payload["project.id"],
            .full_name = payload["project.path_with_namespace"],
            .clone_url = payload["project.git_http_url"],
            .default_branch = payload["project.default_branch"],
            .installation = {}};
}

Person person_named(const std::string& login, const std::string& id) {
    return {.login = login, .id = id, .bot = is_gitlab_bot(login)};
}

Person doer(const Payload& payload) { return person_named(payload["user.username"], payload["user.id"]); }

std::optional<ThreadRef> thread_of(const VerifiedDelivery& delivery, const Payload& payload,
                                   std::string_view path, ThreadRef::Kind kind) {
    const auto number = thread_number(payload[path]);
    if (!number) return std::nullopt;
    return ThreadRef{.repo = project(delivery, payload), .number = *number, .kind = kind};
}

// --- issues

/// What a list of objects says of each: its id, and one thing more.
struct Told {
    std::string id, what;
};
using AllTold = std::vector<Told>;

/// Nothing where one of them lacks the one or the other: which belong together is not known then.
std::optional<AllTold> told(const Payload& payload, std::string_view ids, std::string_view whats) {
    const auto& id = payload.list(ids);
    const auto& what = payload.list(whats);
    if (id.size() != what.size()) return std::nullopt;
    AllTold all;
    for (std::size_t i = 0; i < id.size(); ++i) all.push_back({.id = id[i], .what = what[i]});
    return all;
}

/// Those that the other list has not: titles may be written anew, an id stays.
AllTold only_in(const AllTold& all, const AllTold& others) {
    AllTold rest;
    std::ranges::copy_if(all, std::back_inserter(rest), [&](const Told& one) {
        return std::ranges::find(others, one.id, &Told::id) == others.end();
    });
    return rest;
}

/// `set` and `off`: nothing where the payload does not tell.
Event label_event(ThreadRef issue, const Payload& payload, const std::optional<AllTold>& before,
                  const std::optional<AllTold>& now) {
    const auto by = doer(payload);
    const auto at = moment(payload, "object_attributes.updated_at");
    if (!before || !now) return LabelsChanged{std::move(issue), by, at};
    const auto set = only_in(*now, *before);
    const auto off = only_in(*before, *now);
    if (set.empty() && off.empty()) return Ignored{"an issue whose labels did not change"};
    if (set.size() + off.size() > 1) return LabelsChanged{std::move(issue), by, at};
    if (set.empty()) return IssueUnlabelled{std::move(issue), off[0].what, by, at};
    return IssueLabelled{std::move(issue), set[0].what, by, at};
}

/// With the labels that it was opened with.
Event decode_opened(const VerifiedDelivery& delivery, const Payload& payload) {
    auto issue = thread_of(delivery, payload, "object_attributes.iid", ThreadRef::Kind::issue);
    if (!issue) return Ignored{"an issue without a number"};
    return label_event(*std::move(issue), payload, AllTold{}, told(payload, "labels[].id", "labels[].title"));
}

Event decode_updated(const VerifiedDelivery& delivery, const Payload& payload) {
    auto issue = thread_of(delivery, payload, "object_attributes.iid", ThreadRef::Kind::issue);
    if (!issue) return Ignored{"an issue without a number"};
    if (payload["changes.discussion_locked.current"] == "true")
        return IssueEnded{*std::move(issue), IssueEnded::How::locked, doer(payload),
                          moment(payload, "object_attributes.updated_at")};
    return label_event(*std::move(issue), payload,
                       told(payload, "changes.labels.previous[].id", "changes.labels.previous[].title"),
                       told(payload, "changes.labels.current[].id", "changes.labels.current[].title"));
}

/// Moving an issue to another project closes it.
Event decode_closed(const VerifiedDelivery& delivery, const Payload& payload) {
    auto issue = thread_of(delivery, payload, "object_attributes.iid", ThreadRef::Kind::issue);
    if (!issue) return Ignored{"an issue without a number"};
    using How = IssueEnded::How;
    const auto how = payload["object_attributes.moved_to_id"].empty() ? How::closed : How::transferred;
    return IssueEnded{*std::move(issue), how, doer(payload), moment(payload, "object_attributes.updated_at")};
}

/// What stands beside lines is read with the review that it belongs to.
Event decode_note(const VerifiedDelivery& delivery, const Payload& payload) {
    if (payload["object_attributes.system"] == "true") return Ignored{"a note of the forge's own"};
    if (payload["object_attributes.internal"] == "true") return Ignored{"a note for members only"};
    if (payload["object_attributes.type"] == "DiffNote") return Ignored{"a note beside a line"};
    const auto& on = payload["object_attributes.noteable_type"];
    if (on != "Issue" && on != "WorkItem" && on != "MergeRequest")
        return Ignored{"a note on neither an issue nor a merge request"};
    const bool on_request = on == "MergeRequest";
    auto about = thread_of(delivery, payload, on_request ? "merge_request.iid" : "issue.iid",
                           on_request ? ThreadRef::Kind::pull_request : ThreadRef::Kind::issue);
    if (!about) return Ignored{"a note on what has no number"};
    if (!is_digits(payload["object_attributes.id"], 20)) return Ignored{"a note without an id"};
    return CommentCreated{.thread = *std::move(about),
                          .comment_id = payload["object_attributes.id"],
                          .body = payload["object_attributes.note"],
                          .by = doer(payload),
                          .at = moment(payload, "object_attributes.created_at")};
}

// --- merge requests and commits

Event decode_request_ended(const VerifiedDelivery& delivery, const Payload& payload) {
    auto about = thread_of(delivery, payload, "object_attributes.iid", ThreadRef::Kind::pull_request);
    if (!about) return Ignored{"a merge request without a number"};
    return PullRequestEnded{*std::move(about), payload[hook_action] == "merge", doer(payload),
                            moment(payload, "object_attributes.updated_at")};
}

/// Whether one who submitted a review asks for changes in it.
Event decode_reviewed(const VerifiedDelivery& delivery, const Payload& payload) {
    auto about = thread_of(delivery, payload, "object_attributes.iid", ThreadRef::Kind::pull_request);
    if (!about) return Ignored{"a merge request without a number"};
    const auto asks = [&](std::string_view ids, std::string_view states) {
        const auto reviewers = told(payload, ids, states);
        return reviewers && std::ranges::any_of(*reviewers, [&](const Told& one) {
                   return one.id == payload["user.id"] && one.what == "requested_changes";
               });
    };
    if (!asks("changes.reviewers.current[].id", "changes.reviewers.current[].state") ||
        asks("changes.reviewers.previous[].id", "changes.reviewers.previous[].state"))
        return Ignored{"an update of a merge request that asks for no changes"};
    return ChangesRequested{
        .pull_request = *std::move(about), .review_id = {}, .body = {}, .by = doer(payload)};
}

Event decode_pipeline(const VerifiedDelivery& delivery, const Payload& payload) {
    const auto& sha = payload["object_attributes.sha"];
    if (!is_commit_id(sha)) return Ignored{"a pipeline without a commit"};
    return ChecksFailed{project(delivery, payload), sha};
}

Event decode_pushed(const VerifiedDelivery& delivery, const Payload& payload) {
    if (is_no_commit(payload["after"])) return Ignored{"a push that deletes"};
    auto branch = branch_of(payload["ref"]);
    if (branch.empty()) return Ignored{"a push to no branch"};
    return BranchPushed{project(delivery, payload), std::move(branch),
                        person_named(payload["user_username"], payload["user_id"])};
}

// --- projects, as hooks of the whole instance tell: https://docs.gitlab.com/administration/system_hooks/

Event decode_renamed(const VerifiedDelivery& delivery, const Payload& payload) {
    const auto& path = payload["path_with_namespace"];
    if (!is_full_path(path)) return Ignored{"a project without a path"};
    return RepositoryRenamed{{.forge = delivery.forge(), .id = payload["project_id"], .full_name = path}};
}

Event decode_destroyed(const VerifiedDelivery& delivery, const Payload& payload) {
    return AccessEnded{.how = AccessEnded::How::deleted,
                       .forge = delivery.forge(),
                       .installation = {},
                       .repositories = {payload["project_id"]}};
}

/// By what is left of `X-Gitlab-Event`. Tasks and incidents are issues of another type; theirs may come under
/// either name.
constexpr std::array<DecodeRow, 16> gitlab_rows{{
    {"issue", "open", decode_opened, misfit_of_deed, hook_action},
    {"issue", "update", decode_updated, misfit_of_deed, hook_action},
    {"issue", "close", decode_closed, misfit_of_deed, hook_action},
    {"work_item", "open", decode_opened, misfit_of_deed, hook_action},
    {"work_item", "update", decode_updated, misfit_of_deed, hook_action},
    {"work_item", "close", decode_closed, misfit_of_deed, hook_action},
    {"note", "create", decode_note, misfit_of_deed, hook_action},
    {"note", "", decode_note, misfit_of_deed, hook_action},  // before 16.11 only new ones were told
    {"merge_request", "merge", decode_request_ended, misfit_of_deed, hook_action},
    {"merge_request", "close", decode_request_ended, misfit_of_deed, hook_action},
    {"merge_request", "update", decode_reviewed, misfit_of_deed, hook_action},
    {"pipeline", "failed", decode_pipeline, misfit_of_project, "object_attributes.status"},
    {"push", "push", decode_pushed, misfit_of_push, "event_name"},
    {"system", "project_rename", decode_renamed, misfit_of_instance, "event_name"},
    {"system", "project_transfer", decode_renamed, misfit_of_instance, "event_name"},
    {"system", "project_destroy", decode_destroyed, misfit_of_instance, "event_name"},
}};

}  // namespace

bool is_gitlab_bot(std::string_view login) {
    for (const std::string_view owner : {"project_", "group_"}) {
        if (!login.starts_with(owner)) continue;
        const auto rest = login.substr(owner.size());
        const auto digits = rest.substr(0, rest.find('_'));
        const auto name = rest.substr(digits.size());
        return is_digits(digits, 20) && name.starts_with("_bot");
    }
    return login.starts_with("service_account_");
}

Event decode_gitlab(const VerifiedDelivery& delivery) {
    return decode_by(gitlab_rows, delivery, Payload(gitlab_values, gitlab_lists));
}

}  // namespace integrations
