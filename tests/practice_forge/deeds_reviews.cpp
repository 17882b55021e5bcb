#include <algorithm>

#include "tests/practice_forge/deeds.hpp"

/// Reviews of pull requests.
namespace practice_forge {

std::int64_t Deeds::keep_beside(Repository& repository, const Thread& thread, std::int64_t review,
                                const InlineComment& comment, const std::string& by) {
    std::int64_t first = 0;
    if (world_.customs.groups_by_line) {
        const auto found = std::ranges::find_if(repository.review_comments, [&](const auto& entry) {
            const auto& other = entry.second;
            return other.thread == thread.key && other.path == comment.path && other.line == comment.line;
        });
        if (found != repository.review_comments.end()) first = found->first;
    }
    const auto id = world_.next_id();
    repository.review_comments[id] = {.id = id,
                                      .review = review,
                                      .thread = thread.key,
                                      .line = comment.line,
                                      .user = by,
                                      .body = comment.body,
                                      .path = comment.path,
                                      .diff_hunk = "@@ -1 +1 @@",
                                      .commit = thread.pull->head_sha,
                                      .in_reply_to = first,
                                      .created = world_.now(),
                                      .updated = {},
                                      .reactions = {},
                                      .resolved_by = {}};
    return id;
}

std::int64_t Deeds::stand_beside(Repository& repository, std::int64_t number, const InlineComment& comment,
                                 const std::string& by) {
    const auto lock = world_.lock();
    auto& thread = world_.thread(repository, number);
    thread.updated = world_.now();
    world_.user(by);
    const auto id = keep_beside(repository, thread, 0, comment, by);
    herald_.beside_line(repository, repository.review_comments.at(id), "create", by);
    return id;
}

std::int64_t Deeds::review(Repository& repository, std::int64_t number, const Reviewed& reviewed,
                           const std::string& by) {
    auto lock = world_.lock();
    auto& thread = world_.thread(repository, number);
    if (!thread.pull) throw not_found();
    const auto now = world_.now();
    const auto id = world_.next_id();
    world_.user(by);
    repository.reviews[id] = {.id = id,
                              .thread = number,
                              .user = by,
                              .state = reviewed.state,
                              .body = reviewed.body,
                              .commit = thread.pull->head_sha,
                              .submitted = now};
    for (const auto& comment : reviewed.comments) (void)keep_beside(repository, thread, id, comment, by);
    herald_.reviewed(repository, thread, repository.reviews[id]);
    if (!world_.customs.all_are_notes) return id;
    lock.unlock();
    if (!reviewed.body.empty()) (void)comment(repository, number, reviewed.body, by);
    keep_verdict(repository, number, reviewed.state, by);
    return id;
}

/// In GitLab's words. https://docs.gitlab.com/api/merge_requests/#get-single-merge-request-reviewers
void Deeds::keep_verdict(Repository& repository, std::int64_t number, const std::string& state,
                         const std::string& by) {
    const auto lock = world_.lock();
    auto& thread = world_.thread(repository, number);
    thread.updated = world_.now();
    auto& reviewers = thread.pull->reviewers;
    const auto before = reviewers;
    auto own = std::ranges::find(reviewers, by, &Reviewer::user);
    if (own == reviewers.end())
        own = reviewers.insert(own, {.user = by, .state = "unreviewed", .created = thread.updated});
    own->state = state == "changes_requested" ? "requested_changes"
                 : state == "approved"        ? "approved"
                                              : "reviewed";
    if (own->state == "requested_changes") note_itself(repository, thread, "requested changes", by);
    if (own->state == "approved") note_itself(repository, thread, "approved this merge request", by);
    herald_.reviewers_changed(repository, thread, before, by);
}

void Deeds::ask_reviewers(Repository& repository, std::int64_t number, const std::vector<std::string>& logins,
                          const std::string& by) {
    const auto lock = world_.lock();
    auto& thread = world_.thread(repository, number);
    auto& reviewers = thread.pull->reviewers;
    const auto before = reviewers;
    std::erase_if(reviewers,
                  [&](const Reviewer& one) { return std::ranges::find(logins, one.user) == logins.end(); });
    for (const auto& login : logins)
        if (std::ranges::find(reviewers, login, &Reviewer::user) == reviewers.end())
            reviewers.push_back({.user = login, .state = "unreviewed", .created = world_.now()});
    thread.updated = world_.now();
    herald_.reviewers_changed(repository, thread, before, by);
}

void Deeds::edit_review_comment(Repository& repository, std::int64_t id, const std::string& body,
                                const std::string& by) {
    const auto lock = world_.lock();
    const auto found = repository.review_comments.find(id);
    if (found == repository.review_comments.end()) throw not_found();
    found->second.body = body;
    found->second.updated = world_.now();
    herald_.beside_line(repository, found->second, "update", by);
}

std::int64_t Deeds::reply(Repository& repository, std::int64_t number, std::int64_t comment,
                          const std::string& body, const std::string& by) {
    const auto lock = world_.lock();
    const auto first = repository.review_comments.find(comment);
    if (first == repository.review_comments.end() || first->second.thread != number) throw not_found();
    const auto id = world_.next_id();
    auto reply = first->second;
    reply.id = id;
    reply.review = world_.next_id();  // a reply is a review of its own
    reply.user = by;
    reply.body = body;
    reply.in_reply_to = comment;
    reply.created = world_.now();
    reply.updated.reset();
    reply.reactions.clear();
    reply.resolved_by.clear();
    const auto& kept = repository.review_comments[id] = std::move(reply);
    herald_.beside_line(repository, kept, "create", by);
    return id;
}

}  // namespace practice_forge
