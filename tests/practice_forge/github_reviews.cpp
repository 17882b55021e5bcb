#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "tests/practice_forge/github_shapes.hpp"
#include "tests/practice_forge/github_tongue.hpp"

/// Reviews of pull requests. https://docs.github.com/en/rest/pulls/reviews and …/pulls/comments
namespace practice_forge::github {
namespace {

/// REST says it louder than webhooks do, and no words are an empty text there.
json listed_review_json(World& world, const Repository& repository, const StoredReview& review) {
    auto listed = review_json(world, repository, review);
    auto state = review.state;
    std::ranges::transform(state, state.begin(), [](unsigned char c) { return std::toupper(c); });
    listed["state"] = state;
    listed["body"] = review.body;
    return listed;
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

Answer list_line_comments(Ground& ground, Call& call) {
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

const std::vector<Route>& review_routes() {
    static const std::vector<Route> routes = {
        {"GET", "/repos/{owner}/{repo}/pulls/{pull_number}/reviews", Access::read, "pull_requests",
         list_reviews},
        {"GET", "/repos/{owner}/{repo}/pulls/{pull_number}/reviews/{review_id}/comments", Access::read,
         "pull_requests", list_review_comments},
        {"GET", "/repos/{owner}/{repo}/pulls/{pull_number}/comments", Access::read, "pull_requests",
         list_line_comments},
        {"POST", "/repos/{owner}/{repo}/pulls/{pull_number}/comments/{comment_id}/replies", Access::talk,
         "pull_requests", post_reply},
    };
    return routes;
}

}  // namespace practice_forge::github
