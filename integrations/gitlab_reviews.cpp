// Reviews, and what stands beside lines. https://docs.gitlab.com/api/discussions/
//
// A review has no number of its own in REST. What a reviewer wrote appears at once, each remark a note in a
// discussion, and last a note of the forge's own: that they requested changes. The id of that note is the
// review's here; to the review belongs what its author has written since they last requested changes.

#include <algorithm>
#include <utility>

#include "integrations/forge_comments.hpp"
#include "integrations/forge_conversation.hpp"
#include "integrations/forge_json.hpp"
#include "integrations/forge_words.hpp"
#include "integrations/gitlab_client.hpp"
#include "integrations/gitlab_json.hpp"
#include "integrations/gitlab_notes.hpp"

namespace integrations {
namespace {

using nlohmann::json;

constexpr Most newest_discussions{.pages = 10};
constexpr int pages_of_discussions = 100;
constexpr std::size_t most_remarks = 1000;

Remark read_note(const GitlabNote& note) {
    auto remark = read_remark(note.json, Remark::Where::comment, "created_at");
    remark.by = note.by;
    if (!note.beside_line) return remark;
    const auto& position = at(note.json, "position");
    remark.where = Remark::Where::line;
    remark.path = text_at(position, "new_path");
    remark.line = line_at(position, "new_line");
    if (remark.line == 0 && line_at(position, "old_line") > 0) {
        remark.path = text_at(position, "old_path");
        remark.line = line_at(position, "old_line");
        remark.side = Remark::Side::before;
    }
    if (note.first != note.id) remark.answers = std::to_string(note.first);
    return remark;
}

bool holds(const json& discussion, const std::string& note_id) {
    return std::ranges::any_of(at(discussion, "notes"),
                               [&](const json& note) { return text_at(note, "id") == note_id; });
}

}  // namespace

/// False: older ones were left out.
ForgeResult<bool> GitlabForge::read_notes(const ThreadRef& pull_request, std::vector<GitlabNote>& notes) {
    const auto whole = api_.newest(pull_request.repo, thread_path(pull_request) + "/discussions",
                                   newest_discussions, [&](const json& discussion) {
                                       add_notes(discussion, notes);
                                       return true;
                                   });
    if (whole) std::ranges::sort(notes, {}, &GitlabNote::id);  // in the order of time
    return whole;
}

ForgeResult<std::vector<ReviewComment>> GitlabForge::review_comments(const ThreadRef& pull_request,
                                                                     const std::string& review_id) {
    std::vector<GitlabNote> notes;
    if (const auto read = read_notes(pull_request, notes); !read) return std::unexpected(read.error());
    std::vector<ReviewComment> comments;
    for (const auto* note : notes_of_review(notes, review_id)) {
        if (!note->beside_line || note->resolved) continue;
        const auto remark = read_note(*note);
        comments.push_back({.id = remark.id,
                            .path = remark.path,
                            .line = remark.side == Remark::Side::after ? remark.line : 0,
                            .diff_hunk = {},
                            .body = text_at(note->json, "body"),
                            .by = remark.by});
    }
    return comments;
}

/// What somebody wrote who then requested changes, not beside a line, is their review's words.
ForgeResult<Conversation> GitlabForge::conversation(const ThreadRef& pull_request) {
    std::vector<GitlabNote> notes;
    const auto whole = read_notes(pull_request, notes);
    if (!whole) return std::unexpected(whole.error());
    Conversation said{.remarks = {}, .whole = *whole};
    std::map<std::int64_t, std::int64_t> review_of;  // whose words a note is
    for (const auto& note : notes)
        if (const auto* one = note.requests_changes ? words_of_review(notes, note) : nullptr)
            review_of.emplace(one->id, note.id);
    for (const auto& note : notes) {
        if (note.by_system) continue;
        said.remarks.push_back(read_note(note));
        const auto review = review_of.find(note.id);
        if (review == review_of.end()) continue;
        auto& words = said.remarks.back();
        words.where = Remark::Where::review;
        words.id = std::to_string(review->second);
        words.verdict = "changes_requested";
    }
    if (said.remarks.size() > most_remarks) {
        said.remarks.erase(said.remarks.begin(), said.remarks.end() - most_remarks);
        said.whole = false;
    }
    put_in_order(said);
    return said;
}

/// An answer below it; the discussion is settled with that.
ForgeResult<std::string> GitlabForge::reply(const ThreadRef& pull_request, const std::string& comment_id,
                                            const std::string& marker, const std::string& body) {
    const auto path = thread_path(pull_request) + "/discussions";
    json asked;
    const auto each = [&](const auto& visit) -> ForgeResult<void> {
        const auto found =
            api_.each(pull_request.repo, path, pages_of_discussions, [&](const json& discussion) {
                if (holds(discussion, comment_id)) asked = discussion;
                return asked.is_null();
            });
        if (!found) return found;
        for (const auto& note : at(asked, "notes"))
            if (!visit({.id = text_at(note, "id"),
                        .author = text(at(note, "author", "username")),
                        .body = text_at(note, "body")}))
                break;
        return {};
    };
    const auto create = [&](const std::string& text) -> ForgeResult<std::string> {
        if (asked.is_null())
            return std::unexpected(ForgeError{.kind = ForgeError::Kind::gone,
                                              .status = 404,
                                              .message = "what was to be answered is not there any more"});
        return made_id(api_.call(pull_request.repo, "POST",
                                 path + "/" + url_encoded(text_at(asked, "id")) + "/notes",
                                 {{"body", text}}));
    };
    auto answer = say_once({.each = each,
                            .edit = {},
                            .create = create,
                            .self = [&] { return self(); },
                            .text_limit = gitlab_text_limit},
                           marker, without_quick_actions(body), "");
    const auto is_open = [](const json& note) {
        return true_at(note, "resolvable") && !true_at(note, "resolved");
    };
    if (!answer || std::ranges::none_of(at(asked, "notes"), is_open)) return answer;
    const auto settled = api_.call(pull_request.repo, "PUT", path + "/" + url_encoded(text_at(asked, "id")),
                                   {{"resolved", true}});
    if (!settled && !can_be_skipped(settled.error())) return std::unexpected(settled.error());
    return answer;
}

}  // namespace integrations
