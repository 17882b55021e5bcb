#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "integrations/forge_comments.hpp"
#include "integrations/forge_json.hpp"
#include "integrations/forge_words.hpp"
#include "integrations/github_client.hpp"

// https://docs.github.com/en/rest/pulls/reviews and https://docs.github.com/en/rest/pulls/comments
namespace integrations {
namespace {

constexpr int pages_of_a_review = 10;
constexpr int pages_of_comments = 50;

std::string path_of(const ThreadRef& pull_request) { return "/pulls/" + std::to_string(pull_request.number); }

StandingComment standing(const nlohmann::json& comment) {
    return {.id = text_at(comment, "id"),
            .author = text(at(comment, "user", "login")),
            .body = text_at(comment, "body")};
}

}  // namespace

ForgeResult<std::vector<ReviewComment>> GithubForge::review_comments(const ThreadRef& pull_request,
                                                                     const std::string& review_id) {
    std::vector<ReviewComment> comments;
    const auto listed = api_.each(
        pull_request.repo, path_of(pull_request) + "/reviews/" + url_encoded(review_id) + "/comments",
        pages_of_a_review, [&](const nlohmann::json& comment) {
            auto id = text_at(comment, "id");
            if (is_digits(id, 20))
                comments.push_back({.id = std::move(id),
                                    .path = text_at(comment, "path"),
                                    .line = static_cast<int>(number_at(comment, "line")),
                                    .diff_hunk = text_at(comment, "diff_hunk"),
                                    .body = text_at(comment, "body"),
                                    .by = read_person(at(comment, "user"))});
            return true;
        });
    if (!listed) return std::unexpected(listed.error());
    return comments;
}

ForgeResult<std::string> GithubForge::say(const ThreadRef& thread, const std::string& marker,
                                          const std::string& body, const std::string& known_id) {
    const auto path = "/issues/" + std::to_string(thread.number) + "/comments";
    return say_once(
        {.each =
             [&](const auto& visit) {
                 return api_.each(thread.repo, path, pages_of_comments,
                                  [&](const nlohmann::json& other) { return visit(standing(other)); });
             },
         .edit =
             [&](const std::string& id, const std::string& text) {
                 return done(api_.call(thread.repo, "PATCH", "/issues/comments/" + id, {{"body", text}}));
             },
         .create =
             [&](const std::string& text) {
                 return made_id(api_.call(thread.repo, "POST", path, {{"body", text}}));
             },
         .self = [&] { return self(); },
         .text_limit = github_text_limit},
        marker, body, known_id);
}

ForgeResult<std::string> GithubForge::reply(const ThreadRef& pull_request, const std::string& comment_id,
                                            const std::string& marker, const std::string& body) {
    if (!is_digits(comment_id, 20))
        return std::unexpected(
            ForgeError{.kind = ForgeError::Kind::invalid, .message = "not a comment: " + comment_id});
    const auto path = path_of(pull_request) + "/comments";
    return say_once(
        {.each =
             [&](const auto& visit) {
                 return api_.each(pull_request.repo, path, pages_of_comments,
                                  [&](const nlohmann::json& other) { return visit(standing(other)); });
             },
         .edit = {},
         .create =
             [&](const std::string& text) {
                 return made_id(api_.call(pull_request.repo, "POST", path + "/" + comment_id + "/replies",
                                          {{"body", text}}));
             },
         .self = [&] { return self(); },
         .text_limit = github_text_limit},
        marker, body, "");
}

}  // namespace integrations
