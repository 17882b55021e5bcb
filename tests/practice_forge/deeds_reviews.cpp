#include <algorithm>

#include "tests/practice_forge/deeds.hpp"

/// Reviews of pull requests.
namespace practice_forge {

std::int64_t Deeds::review(Repository& repository, std::int64_t number, const Reviewed& reviewed,
                           const std::string& by) {
    const auto lock = world_.lock();
    auto& thread = world_.thread(repository, number);
    if (!thread.pull) throw not_found();
    const auto now = world_.now();
    const auto id = world_.next_id();
    world_.user(by);
    const auto first_beside = [&](const InlineComment& comment) -> std::int64_t {
        if (!world_.customs.groups_by_line) return 0;
        const auto first = std::ranges::find_if(repository.review_comments, [&](const auto& entry) {
            const auto& other = entry.second;
            return other.thread == number && other.path == comment.path && other.line == comment.line;
        });
        return first == repository.review_comments.end() ? 0 : first->first;
    };
    repository.reviews[id] = {.id = id,
                              .thread = number,
                              .user = by,
                              .state = reviewed.state,
                              .body = reviewed.body,
                              .commit = thread.pull->head_sha,
                              .submitted = now};
    for (const auto& comment : reviewed.comments) {
        const auto comment_id = world_.next_id();
        const auto first = first_beside(comment);
        repository.review_comments[comment_id] = {.id = comment_id,
                                                  .review = id,
                                                  .thread = number,
                                                  .line = comment.line,
                                                  .user = by,
                                                  .body = comment.body,
                                                  .path = comment.path,
                                                  .diff_hunk = "@@ -1 +1 @@",
                                                  .commit = thread.pull->head_sha,
                                                  .in_reply_to = first,
                                                  .created = now};
    }
    herald_.reviewed(repository, thread, repository.reviews[id]);
    return id;
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
    repository.review_comments[id] = std::move(reply);
    return id;
}

}  // namespace practice_forge
