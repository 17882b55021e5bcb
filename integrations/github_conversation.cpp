// What was said on a pull request: https://docs.github.com/en/rest/issues/comments (a pull request is an
// issue too), https://docs.github.com/en/rest/pulls/reviews and
// https://docs.github.com/en/rest/pulls/comments
//
// All three lists go from old to new. A review that has not been submitted yet is its author's own, and is
// not listed to others; its words are nobody's until then.

#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "integrations/forge_conversation.hpp"
#include "integrations/forge_json.hpp"
#include "integrations/forge_words.hpp"
#include "integrations/github_client.hpp"

namespace integrations {
namespace {

using nlohmann::json;

constexpr Most comments{.pages = 5, .size = 100};
constexpr Most reviews{.pages = 5, .size = 100};
// Each has a piece of the diff with it, of up to half a megabyte: a page of them must fit into an answer.
// https://docs.github.com/en/repositories/creating-and-managing-repositories/repository-limits
constexpr Most beside_lines{.pages = 17, .size = 30};

Remark read_beside_line(const json& said) {
    auto remark = read_remark(said, Remark::Where::line, "created_at");
    remark.path = text_at(said, "path");
    remark.line = line_at(said, "line");
    remark.side = text_at(said, "side") == "LEFT" ? Remark::Side::before : Remark::Side::after;
    remark.diff_hunk = last_lines(text_at(said, "diff_hunk"));
    remark.answers = text_at(said, "in_reply_to_id");
    return remark;
}

}  // namespace

ForgeResult<Conversation> GithubForge::conversation(const ThreadRef& pull_request) {
    const auto number = std::to_string(pull_request.number);
    Conversation said;
    const auto list = [&](const std::string& path, Most most, const auto& read) {
        return api_.newest(pull_request.repo, path, most, [&](const json& item) {
            auto remark = read(item);
            if (is_digits(remark.id, 20)) said.remarks.push_back(std::move(remark));
            return true;
        });
    };
    const auto in_conversation = list("/issues/" + number + "/comments", comments, [](const json& item) {
        return read_remark(item, Remark::Where::comment, "created_at");
    });
    if (!in_conversation) return std::unexpected(in_conversation.error());
    const auto in_reviews = list("/pulls/" + number + "/reviews", reviews, [](const json& item) {
        auto review = read_remark(item, Remark::Where::review, "submitted_at");
        review.verdict = lower_case(text_at(item, "state"));
        return review;
    });
    if (!in_reviews) return std::unexpected(in_reviews.error());
    const auto at_lines = list("/pulls/" + number + "/comments", beside_lines, read_beside_line);
    if (!at_lines) return std::unexpected(at_lines.error());

    put_in_order(said);
    said.whole = *in_conversation && *in_reviews && *at_lines;
    return said;
}

}  // namespace integrations
