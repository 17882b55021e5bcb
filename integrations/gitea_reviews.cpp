// Reviews, and what stands beside lines. https://docs.gitea.com/api: repoListPullReviews,
// repoGetPullReviewComments, repoCreatePullReview
//
// What stands beside a line belongs to a review, also an answer. A line of the file after the change is told
// as `position`, one of the file before it as `original_position`; remarks of the same path and line are
// shown as one conversation.

#include <algorithm>
#include <array>
#include <map>
#include <tuple>
#include <utility>

#include "integrations/forge_comments.hpp"
#include "integrations/forge_conversation.hpp"
#include "integrations/forge_json.hpp"
#include "integrations/forge_words.hpp"
#include "integrations/gitea_client.hpp"

namespace integrations {
namespace {

using nlohmann::json;

constexpr std::size_t most_comments = 500;
constexpr Most newest_reviews{.pages = 10, .size = 50};
constexpr std::size_t most_reviews_with_lines = 100;

std::string pull_path(const ThreadRef& pull_request) {
    return "/pulls/" + std::to_string(pull_request.number);
}

std::string verdict_of(const json& review) {
    constexpr std::array<std::pair<std::string_view, std::string_view>, 4> verdicts{
        {{"APPROVED", "approved"},
         {"REQUEST_CHANGES", "changes_requested"},
         {"COMMENT", "commented"},
         {"PENDING", "pending"}}};
    if (true_at(review, "dismissed")) return "dismissed";
    const auto state = text_at(review, "state");
    const auto found =
        std::ranges::find(verdicts, state, &std::pair<std::string_view, std::string_view>::first);
    return found == verdicts.end() ? lower_case(state) : std::string(found->second);
}

Remark read_beside_line(const json& said) {
    auto remark = read_remark(said, Remark::Where::line, "created_at");
    remark.path = text_at(said, "path");
    remark.line = line_at(said, "position");
    if (remark.line == 0 && line_at(said, "original_position") > 0) {
        remark.line = line_at(said, "original_position");
        remark.side = Remark::Side::before;
    }
    remark.diff_hunk = last_lines(text_at(said, "diff_hunk"));
    return remark;
}

/// In the order of time: the first of a path and line is what the others answer.
void tell_answers(std::vector<Remark>& remarks) {
    std::map<std::tuple<std::string, int, Remark::Side>, std::string> first;
    for (auto& remark : remarks) {
        if (remark.where != Remark::Where::line || remark.line == 0) continue;
        const auto [known, is_first] = first.try_emplace({remark.path, remark.line, remark.side}, remark.id);
        if (!is_first) remark.answers = known->second;
    }
}

}  // namespace

ForgeResult<std::vector<json>> GiteaForge::lines_of(const ThreadRef& pull_request,
                                                    const std::string& review_id) {
    std::vector<json> lines;
    const auto listed = api_.each(
        pull_request.repo, pull_path(pull_request) + "/reviews/" + url_encoded(review_id) + "/comments",
        pages_of_a_thread, [&](const json& comment) {
            if (is_digits(text_at(comment, "id"), 20)) lines.push_back(comment);
            return true;
        });
    if (!listed) return std::unexpected(listed.error());
    return lines;
}

ForgeResult<std::vector<ReviewComment>> GiteaForge::review_comments(const ThreadRef& pull_request,
                                                                    const std::string& review_id) {
    const auto lines = lines_of(pull_request, review_id);
    if (!lines) return std::unexpected(lines.error());
    std::vector<ReviewComment> comments;
    for (const auto& line : *lines)
        comments.push_back({.id = text_at(line, "id"),
                            .path = text_at(line, "path"),
                            .line = line_at(line, "position"),
                            .diff_hunk = text_at(line, "diff_hunk"),
                            .body = text_at(line, "body"),
                            .by = read_person(at(line, "user"))});
    return comments;
}

ForgeResult<Conversation> GiteaForge::conversation(const ThreadRef& pull_request) {
    Conversation said;
    const auto in_conversation =
        api_.each(pull_request.repo, "/issues/" + std::to_string(pull_request.number) + "/comments",
                  pages_of_a_thread, [&](const json& comment) {
                      auto remark = read_remark(comment, Remark::Where::comment, "created_at");
                      if (is_digits(remark.id, 20)) said.remarks.push_back(std::move(remark));
                      return true;
                  });
    if (!in_conversation) return std::unexpected(in_conversation.error());
    if (said.remarks.size() > most_comments) {  // they come from old to new, all of them
        said.remarks.erase(said.remarks.begin(), said.remarks.end() - most_comments);
        said.whole = false;
    }
    std::vector<std::string> with_lines;
    const auto in_reviews = api_.newest(
        pull_request.repo, pull_path(pull_request) + "/reviews", newest_reviews, [&](const json& review) {
            auto remark = read_remark(review, Remark::Where::review, "submitted_at");
            remark.verdict = verdict_of(review);
            if (!is_digits(remark.id, 20) || remark.verdict == "pending") return true;
            if (number_at(review, "comments_count") > 0) with_lines.push_back(remark.id);
            said.remarks.push_back(std::move(remark));
            return true;
        });
    if (!in_reviews) return std::unexpected(in_reviews.error());
    said.whole = said.whole && *in_reviews && with_lines.size() <= most_reviews_with_lines;
    if (with_lines.size() > most_reviews_with_lines)
        with_lines.erase(with_lines.begin(), with_lines.end() - most_reviews_with_lines);
    for (const auto& review : with_lines) {
        const auto lines = lines_of(pull_request, review);
        if (!lines) return std::unexpected(lines.error());
        for (const auto& line : *lines) said.remarks.push_back(read_beside_line(line));
    }
    put_in_order(said);
    tell_answers(said.remarks);
    return said;
}

/// An answer is a review of its own with a remark at the same line.
ForgeResult<std::string> GiteaForge::reply(const ThreadRef& pull_request, const std::string& comment_id,
                                           const std::string& marker, const std::string& body) {
    const auto path = pull_path(pull_request) + "/reviews";
    json asked;
    std::map<std::string, std::string> review_of;  // of each remark that was looked at
    const auto each = [&](const auto& visit) -> ForgeResult<void> {
        std::vector<std::string> reviews;
        const auto listed = api_.each(pull_request.repo, path, pages_of_a_thread, [&](const json& review) {
            if (number_at(review, "comments_count") > 0) reviews.push_back(text_at(review, "id"));
            return true;
        });
        if (!listed) return listed;
        for (const auto& review : reviews) {
            const auto lines = lines_of(pull_request, review);
            if (!lines) return std::unexpected(lines.error());
            for (const auto& line : *lines) {
                if (text_at(line, "id") == comment_id) asked = line;
                if (!visit({.id = text_at(line, "id"),
                            .author = text(at(line, "user", "login")),
                            .body = text_at(line, "body")}))
                    return {};
            }
        }
        return {};
    };
    const auto create = [&](const std::string& text) -> ForgeResult<std::string> {
        if (asked.is_null())
            return std::unexpected(ForgeError{.kind = ForgeError::Kind::gone,
                                              .status = 404,
                                              .message = "what was to be answered is not there any more"});
        const json remark = {{"path", text_at(asked, "path")},
                             {"body", text},
                             {"new_position", line_at(asked, "position")},
                             {"old_position", line_at(asked, "original_position")}};
        const auto made = api_.call(pull_request.repo, "POST", path,
                                    {{"event", "COMMENT"}, {"comments", json::array({remark})}});
        if (!made) return std::unexpected(made.error());
        const auto lines = lines_of(pull_request, text_at(*made, "id"));
        if (!lines) return std::unexpected(lines.error());
        return lines->empty() ? std::string() : text_at(lines->front(), "id");
    };
    return say_once({.each = each,
                     .edit = {},
                     .create = create,
                     .self = [&] { return self(); },
                     .text_limit = gitea_text_limit},
                    marker, body, "");
}

}  // namespace integrations
