#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "tests/practice_forge/deeds.hpp"
#include "tests/practice_forge/rest.hpp"
#include "tests/practice_forge/shapes.hpp"

/// Reviews of pull requests. https://docs.github.com/en/rest/pulls/reviews and …/pulls/comments
namespace practice_forge {
namespace {

std::string pull_url(const World& world, const Repository& repository, std::int64_t number) {
    return fmt::format("{}/pulls/{}", api(world, repository), number);
}

std::string page_of_pull(const World& world, const Repository& repository, std::int64_t number) {
    return thread_page(world, repository, repository.threads.at(number));
}

json link(const std::string& href) { return {{"href", href}}; }

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

/// REST says it louder than webhooks do, and no words are an empty text there.
json listed_review_json(World& world, const Repository& repository, const StoredReview& review) {
    auto listed = review_json(world, repository, review);
    auto state = review.state;
    std::ranges::transform(state, state.begin(), [](unsigned char c) { return std::toupper(c); });
    listed["state"] = state;
    listed["body"] = review.body;
    return listed;
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

Answer list_reviews(Ground& ground, Call& call) {
    const auto lock = ground.world.lock();
    const auto number = ground.world.thread(*call.repository, call.number("pull_number")).number;
    std::vector<json> all;
    for (const auto& [id, review] : call.repository->reviews)
        if (review.thread == number)
            all.push_back(listed_review_json(ground.world, *call.repository, review));
    return page_of(ground.world, call, all);
}

Answer list_review_comments(Ground& ground, Call& call) {
    const auto lock = ground.world.lock();
    const auto review = call.number("review_id");
    if (!call.repository->reviews.contains(review)) throw not_found();
    std::vector<json> all;
    for (const auto& [id, comment] : call.repository->review_comments)
        if (comment.review == review)
            all.push_back(review_comment_json(ground.world, *call.repository, comment));
    return page_of(ground.world, call, all);
}

Answer list_comments(Ground& ground, Call& call) {
    const auto lock = ground.world.lock();
    const auto number = call.number("pull_number");
    std::vector<json> all;
    for (const auto& [id, comment] : call.repository->review_comments)
        if (comment.thread == number)
            all.push_back(review_comment_json(ground.world, *call.repository, comment));
    return page_of(ground.world, call, all);
}

Answer post_reply(Ground& ground, Call& call) {
    const auto body = call.required_text("body");
    check_length(body, "PullRequestReviewComment", "body");
    const auto id = ground.deeds.reply(*call.repository, call.number("pull_number"),
                                       call.number("comment_id"), body, call.who.login);
    const auto lock = ground.world.lock();
    return {
        .status = 201,
        .body = review_comment_json(ground.world, *call.repository, call.repository->review_comments.at(id))};
}

}  // namespace

std::int64_t Deeds::review(Repository& repository, std::int64_t number, const Reviewed& reviewed,
                           const std::string& by) {
    const auto lock = world_.lock();
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
    for (const auto& comment : reviewed.comments) {
        const auto comment_id = world_.next_id();
        repository.review_comments[comment_id] = {.id = comment_id,
                                                  .review = id,
                                                  .thread = number,
                                                  .line = comment.line,
                                                  .user = by,
                                                  .body = comment.body,
                                                  .path = comment.path,
                                                  .diff_hunk = "@@ -1 +1 @@",
                                                  .commit = thread.pull->head_sha,
                                                  .created = now};
    }
    json payload = event_json(world_, repository, "submitted", by);
    payload["review"] = review_json(world_, repository, repository.reviews[id]);
    payload["pull_request"] = simple_pull_json(world_, repository, thread);
    hooks_.send("pull_request_review", payload, repository.id);
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

const std::vector<Route>& review_routes() {
    static const std::vector<Route> routes = {
        {"GET", "/repos/{owner}/{repo}/pulls/{pull_number}/reviews", Access::read, "pull_requests",
         list_reviews},
        {"GET", "/repos/{owner}/{repo}/pulls/{pull_number}/reviews/{review_id}/comments", Access::read,
         "pull_requests", list_review_comments},
        {"GET", "/repos/{owner}/{repo}/pulls/{pull_number}/comments", Access::read, "pull_requests",
         list_comments},
        {"POST", "/repos/{owner}/{repo}/pulls/{pull_number}/comments/{comment_id}/replies", Access::talk,
         "pull_requests", post_reply},
    };
    return routes;
}

}  // namespace practice_forge
