#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "tests/practice_forge/gitea_shapes.hpp"
#include "tests/practice_forge/gitea_tongue.hpp"

/// https://github.com/go-gitea/gitea/blob/main/routers/api/v1/repo/pull_review.go
namespace practice_forge::gitea {
namespace {

struct Verdict {
    std::string_view event, state;
};
constexpr std::array kVerdicts = {Verdict{"APPROVED", "approved"},
                                  Verdict{"REQUEST_CHANGES", "changes_requested"},
                                  Verdict{"COMMENT", "commented"}};

Thread& pull_of(Ground& ground, Call& call) {
    auto& thread = thread_of(ground, call);
    if (!thread.pull) throw not_found();
    return thread;
}

StoredReview& review_of(Ground& ground, Call& call) {
    const auto number = pull_of(ground, call).number;
    const auto found = call.repository->reviews.find(call.number("id"));
    if (found == call.repository->reviews.end() || found->second.thread != number) throw not_found();
    return found->second;
}

Answer list_reviews(Ground& ground, Call& call) {
    const auto lock = ground.world.lock();
    const auto number = pull_of(ground, call).number;
    std::vector<json> all;
    for (const auto& [id, review] : call.repository->reviews)
        if (review.thread == number) all.push_back(review_json(ground.world, *call.repository, review));
    return page_of(ground.world, call, all, Linked::no);
}

Answer get_review(Ground& ground, Call& call) {
    const auto lock = ground.world.lock();
    return {.body = review_json(ground.world, *call.repository, review_of(ground, call))};
}

/// All of them, in one page.
Answer list_review_comments(Ground& ground, Call& call) {
    const auto lock = ground.world.lock();
    const auto review = review_of(ground, call).id;
    json all = json::array();
    for (const auto& [id, comment] : call.repository->review_comments)
        if (comment.review == review)
            all.push_back(review_comment_json(ground.world, *call.repository, comment));
    return {.body = all};
}

Deeds::Reviewed asked(Ground& ground, Call& call) {
    const auto event = call.text_field("event").value_or("");
    const auto verdict = std::ranges::find(kVerdicts, event, &Verdict::event);
    if (verdict == kVerdicts.end()) throw Problem(422, "review stay pending");
    Deeds::Reviewed reviewed{
        .state = std::string(verdict->state), .body = call.text_field("body").value_or(""), .comments = {}};
    for (const auto& one : call.body.value("comments", json::array())) {
        const int after = one.value("new_position", 0);
        const int before = one.value("old_position", 0);
        reviewed.comments.push_back({.path = one.value("path", ""),
                                     .line = before > 0 ? -before : after,
                                     .body = one.value("body", "")});
    }
    const bool has_body = reviewed.body.find_first_not_of(" \t\r\n") != std::string::npos;
    const auto lock = ground.world.lock();
    const auto& thread = pull_of(ground, call);
    if (event != "COMMENT" && thread.author == call.who.login)
        throw Problem(
            422, fmt::format("{} your own pull is not allowed", event == "APPROVED" ? "approve" : "reject"));
    if (event == "REQUEST_CHANGES" && !has_body)
        throw Problem(422, fmt::format("review event {} requires a body", event));
    if (event == "COMMENT" && !has_body && reviewed.comments.empty())
        throw Problem(422, fmt::format("review event {} requires a body or a comment", event));
    if (event != "COMMENT" && !thread.open)
        throw Problem(422, "can't submit review for a closed or merged PR");
    return reviewed;
}

/// An answer to what stands beside a line is a review of its own, with a comment beside the same line.
Answer post_review(Ground& ground, Call& call) {
    const auto reviewed = asked(ground, call);
    const auto id = ground.deeds.review(*call.repository, call.number("index"), reviewed, call.who.login);
    const auto lock = ground.world.lock();
    return {.body = review_json(ground.world, *call.repository, call.repository->reviews.at(id))};
}

}  // namespace

const std::vector<Route>& review_routes() {
    static const std::vector<Route> routes = {
        {"GET", "/repos/{owner}/{repo}/pulls/{index}/reviews", Access::read, "", list_reviews},
        {"POST", "/repos/{owner}/{repo}/pulls/{index}/reviews", Access::talk, "", post_review},
        {"GET", "/repos/{owner}/{repo}/pulls/{index}/reviews/{id}", Access::read, "", get_review},
        {"GET", "/repos/{owner}/{repo}/pulls/{index}/reviews/{id}/comments", Access::read, "",
         list_review_comments},
    };
    return routes;
}

}  // namespace practice_forge::gitea
