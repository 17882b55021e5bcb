// What was said on a pull request: https://docs.github.com/en/rest/issues/comments (a pull request is an
// issue too), https://docs.github.com/en/rest/pulls/reviews and
// https://docs.github.com/en/rest/pulls/comments
//
// All three lists go from old to new. A review that has not been submitted yet is its author's own, and is
// not listed to others; its words are nobody's until then.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>

#include "integrations/github_client.hpp"
#include "integrations/github_json.hpp"
#include "integrations/github_words.hpp"

namespace integrations {
namespace {

using nlohmann::json;

constexpr GithubApi::Most comments{.pages = 5, .size = 100};
constexpr GithubApi::Most reviews{.pages = 5, .size = 100};
// Each has a piece of the diff with it, of up to half a megabyte: a page of them must fit into an answer.
// https://docs.github.com/en/repositories/creating-and-managing-repositories/repository-limits
constexpr GithubApi::Most beside_lines{.pages = 17, .size = 30};

constexpr std::size_t most_words = 16'000;  // code points
constexpr std::size_t longest_hunk = 4096;
constexpr std::string_view cut_note = "…";

/// Whole lines of its end.
std::string last_lines(std::string text) {
    if (text.size() <= longest_hunk) return text;
    text.erase(0, text.size() - longest_hunk);
    return text.substr(std::min(text.find('\n') + 1, text.size()));
}

Remark read_remark(const json& said, Remark::Where where, const char* when) {
    return {.where = where,
            .id = text_at(said, "id"),
            .body = clamp_text(text_at(said, "body"), most_words, cut_note),
            .by = read_person(at(said, "user")),
            .at = parse_timestamp(text_at(said, when))};
}

Remark read_beside_line(const json& said) {
    auto remark = read_remark(said, Remark::Where::line, "created_at");
    remark.path = text_at(said, "path");
    remark.line = static_cast<int>(std::clamp<std::int64_t>(number_at(said, "line"), 0, 1 << 30));
    remark.side = text_at(said, "side") == "LEFT" ? Remark::Side::before : Remark::Side::after;
    remark.diff_hunk = last_lines(text_at(said, "diff_hunk"));
    remark.answers = text_at(said, "in_reply_to_id");
    return remark;
}

}  // namespace

ForgeResult<Conversation> GithubForge::conversation(const ThreadRef& pull_request) {
    const auto number = std::to_string(pull_request.number);
    Conversation said;
    const auto list = [&](const std::string& path, GithubApi::Most most, const auto& read) {
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

    std::erase_if(said.remarks, [](const Remark& remark) {  // most reviews say all beside lines
        return remark.verdict == "pending" || remark.body.find_first_not_of(" \t\r\n") == std::string::npos;
    });
    std::ranges::stable_sort(said.remarks, {}, &Remark::at);
    said.whole = *in_conversation && *in_reviews && *at_lines;
    return said;
}

}  // namespace integrations
