#include <fmt/format.h>

#include "tests/practice_forge/github_shapes.hpp"

/// Reviews and what stands beside lines.
namespace practice_forge::github {
namespace {

std::string pull_url(const World& world, const Repository& repository, std::int64_t number) {
    return fmt::format("{}/pulls/{}", api(world, repository), number);
}

std::string page_of_pull(const World& world, const Repository& repository, std::int64_t number) {
    return thread_page(world, repository, repository.threads.at(number));
}

json link(const std::string& href) { return {{"href", href}}; }

}  // namespace

json review_json(World& world, const Repository& repository, const StoredReview& review) {
    const auto page =
        fmt::format("{}#pullrequestreview-{}", page_of_pull(world, repository, review.thread), review.id);
    return {{"id", review.id},
            {"node_id", fmt::format("PRR_{}", review.id)},
            {"user", user_json(world, review.user)},
            {"body", review.body.empty() ? json(nullptr) : json(review.body)},
            {"commit_id", review.commit},
            {"submitted_at", timestamp(review.submitted)},
            {"state", review.state},
            {"html_url", page},
            {"pull_request_url", pull_url(world, repository, review.thread)},
            {"author_association", "MEMBER"},
            {"_links",
             {{"html", link(page)}, {"pull_request", link(pull_url(world, repository, review.thread))}}}};
}

json review_comment_json(World& world, const Repository& repository, const StoredReviewComment& comment) {
    const auto url = fmt::format("{}/pulls/comments/{}", api(world, repository), comment.id);
    const auto page =
        fmt::format("{}#discussion_r{}", page_of_pull(world, repository, comment.thread), comment.id);
    json written = {{"url", url},
                    {"id", comment.id},
                    {"node_id", fmt::format("PRRC_{}", comment.id)},
                    {"pull_request_review_id", comment.review},
                    {"diff_hunk", comment.diff_hunk},
                    {"path", comment.path},
                    {"position", 1},
                    {"original_position", 1},
                    {"commit_id", comment.commit},
                    {"original_commit_id", comment.commit},
                    {"user", user_json(world, comment.user)},
                    {"body", comment.body},
                    {"created_at", timestamp(comment.created)},
                    {"updated_at", timestamp(comment.created)},
                    {"html_url", page},
                    {"pull_request_url", pull_url(world, repository, comment.thread)},
                    {"author_association", "MEMBER"},
                    {"line", comment.line},
                    {"original_line", comment.line},
                    {"side", "RIGHT"},
                    {"_links",
                     {{"self", link(url)},
                      {"html", link(page)},
                      {"pull_request", link(pull_url(world, repository, comment.thread))}}}};
    if (comment.in_reply_to > 0) written["in_reply_to_id"] = comment.in_reply_to;
    return written;
}

}  // namespace practice_forge::github
