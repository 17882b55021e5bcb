#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "integrations/github_client.hpp"
#include "integrations/github_json.hpp"
#include "integrations/github_words.hpp"

// https://docs.github.com/en/rest/pulls/reviews and https://docs.github.com/en/rest/pulls/comments
namespace integrations {
namespace {

constexpr int pages_of_a_review = 10;
constexpr int pages_of_comments = 50;
constexpr std::string_view cut_note = "*…cut: the whole text is longer than a comment may be.*";

std::string path_of(const ThreadRef& pull_request) { return "/pulls/" + std::to_string(pull_request.number); }

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

ForgeResult<std::string> GithubForge::reply(const ThreadRef& pull_request, const std::string& comment_id,
                                            const std::string& marker, const std::string& body) {
    const auto hidden = hidden_marker(marker);
    if (hidden.empty() || !is_digits(comment_id, 20))
        return std::unexpected(
            ForgeError{.kind = ForgeError::Kind::invalid, .message = "not a marker or comment: " + marker});
    const auto us = self();
    if (!us) return std::unexpected(us.error());
    std::string found;
    const auto searched = api_.each(pull_request.repo, path_of(pull_request) + "/comments", pages_of_comments,
                                    [&](const nlohmann::json& other) {
                                        if (same_name(text(at(other, "user", "login")), us->login) &&
                                            ends_with_marker(text_at(other, "body"), hidden))
                                            found = text_at(other, "id");
                                        return found.empty();
                                    });
    if (!searched) return std::unexpected(searched.error());
    if (!found.empty()) return found;
    const auto clamped = clamp_text(body, github_text_limit - hidden.size() - 2, cut_note);
    const auto made =
        api_.call(pull_request.repo, "POST", path_of(pull_request) + "/comments/" + comment_id + "/replies",
                  {{"body", clamped + "\n\n" + hidden}});
    if (!made) return std::unexpected(made.error());
    return text_at(*made, "id");
}

}  // namespace integrations
