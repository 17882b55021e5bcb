#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "tests/practice_forge/credentials.hpp"
#include "tests/practice_forge/deeds.hpp"
#include "tests/practice_forge/gitlab_shapes.hpp"

/// Notes, their discussions and the emoji on them; what merge requests say of issues.
/// https://docs.gitlab.com/api/notes/ and https://docs.gitlab.com/api/discussions/
namespace practice_forge::gitlab {
namespace {

/// An emoji of GitLab's, and the reaction of GitHub's that the world knows.
constexpr std::array<std::pair<std::string_view, std::string_view>, 8> kEmoji{{{"thumbsup", "+1"},
                                                                               {"thumbsdown", "-1"},
                                                                               {"laughing", "laugh"},
                                                                               {"tada", "hooray"},
                                                                               {"confused", "confused"},
                                                                               {"heart", "heart"},
                                                                               {"rocket", "rocket"},
                                                                               {"eyes", "eyes"}}};
using EmojiPair = std::pair<std::string_view, std::string_view>;

bool is_answered(const Repository& repository, std::int64_t first) {
    return std::ranges::any_of(repository.comments,
                               [&](const auto& entry) { return entry.second.in_reply_to == first; });
}

/// What all kinds of notes have in common.
template <typename Said>
json any_note_json(World& world, const Repository& repository, const Said& said, Time updated) {
    const auto& thread = repository.threads.at(said.thread);
    return {{"id", said.id},
            {"body", said.body},
            {"author", user_json(world, said.user)},
            {"created_at", moment(said.created)},
            {"updated_at", moment(updated)},
            {"noteable_id", thread.id},
            {"noteable_type", thread.pull ? "MergeRequest" : "Issue"},
            {"project_id", repository.id},
            {"noteable_iid", thread.number},
            {"imported", false},
            {"imported_from", "none"},
            {"commands_changes", json::object()}};
}

/// Only what can be resolved says whether it is.
void add_resolution(World& world, json& note, const std::string& resolved_by) {
    note["resolvable"] = true;
    note["resolved"] = !resolved_by.empty();
    note["resolved_by"] = resolved_by.empty() ? json(nullptr) : user_json(world, resolved_by);
    if (!resolved_by.empty()) note["resolved_at"] = note["updated_at"];
}

}  // namespace

std::string_view emoji_of(std::string_view reaction) {
    const auto found = std::ranges::find(kEmoji, reaction, &EmojiPair::second);
    return found == kEmoji.end() ? std::string_view() : found->first;
}

std::string_view reaction_of(std::string_view emoji) {
    const auto found = std::ranges::find(kEmoji, emoji, &EmojiPair::first);
    return found == kEmoji.end() ? std::string_view() : found->second;
}

json award_json(World& world, const StoredReaction& reaction, std::int64_t of, const char* kind) {
    return {{"id", reaction.id},
            {"name", emoji_of(reaction.content)},
            {"user", user_json(world, reaction.user)},
            {"created_at", moment(reaction.created)},
            {"updated_at", moment(reaction.created)},
            {"awardable_id", of},
            {"awardable_type", kind},
            {"url", nullptr}};
}

std::string discussion_id(std::int64_t first_note) {
    return sha256("discussion " + std::to_string(first_note)).substr(0, 40);
}

json note_json(World& world, const Repository& repository, const StoredComment& comment) {
    auto note = any_note_json(world, repository, comment, comment.updated);
    const auto first = comment.in_reply_to == 0 ? comment.id : comment.in_reply_to;
    const bool is_discussed = is_answered(repository, first);
    note.update({{"type", is_discussed ? json("DiscussionNote") : json(nullptr)},
                 {"attachment", nullptr},
                 {"system", comment.system},
                 {"resolvable", false},
                 {"confidential", comment.internal},
                 {"internal", comment.internal}});
    if (is_discussed && note["noteable_type"] == "MergeRequest")
        add_resolution(world, note, repository.comments.at(first).resolved_by);
    return note;
}

json note_json(World& world, const Repository& repository, const StoredReviewComment& comment) {
    auto note = any_note_json(world, repository, comment, comment.updated.value_or(comment.created));
    const auto first = comment.in_reply_to == 0 ? comment.id : comment.in_reply_to;
    note.update({{"type", "DiffNote"},
                 {"attachment", nullptr},
                 {"system", false},
                 {"commit_id", nullptr},
                 {"position", position_json(repository, comment)},
                 {"confidential", false},
                 {"internal", false}});
    add_resolution(world, note, repository.review_comments.at(first).resolved_by);
    return note;
}

json position_json(const Repository& repository, const StoredReviewComment& comment) {
    const auto& pull = *repository.threads.at(comment.thread).pull;
    return {{"base_sha", pull.base_sha},
            {"start_sha", pull.base_sha},
            {"head_sha", comment.commit},
            {"old_path", comment.path},
            {"new_path", comment.path},
            {"position_type", "text"},
            {"old_line", comment.line < 0 ? json(-comment.line) : json(nullptr)},
            {"new_line", comment.line > 0 ? json(comment.line) : json(nullptr)},
            {"line_range", nullptr}};
}

bool discussions_resolved(const Repository& repository, const Thread& thread) {
    return std::ranges::all_of(repository.review_comments, [&](const auto& entry) {
        const auto& comment = entry.second;
        return comment.thread != thread.key || comment.in_reply_to != 0 || !comment.resolved_by.empty();
    });
}

std::vector<const Thread*> requests_naming(const Repository& repository, const Thread& issue, bool closing) {
    const auto mark = fmt::format("#{}", issue.number);
    const auto names = [&](const std::string& text) {
        for (auto at = text.find(mark); at != std::string::npos; at = text.find(mark, at + 1)) {
            const auto next = at + mark.size();
            if (next == text.size() || std::isdigit(static_cast<unsigned char>(text[next])) == 0) return true;
        }
        return false;
    };
    std::vector<const Thread*> found;
    for (const auto& [key, thread] : repository.threads) {
        if (!thread.pull) continue;
        const auto closed = closed_by_words(thread.body);
        const bool closes = std::ranges::find(closed, issue.number) != closed.end() &&
                            thread.pull->base_branch == repository.default_branch;
        if (closes || (!closing && names(thread.title + "\n" + thread.body))) found.push_back(&thread);
    }
    std::ranges::sort(found, {}, &Thread::number);
    return found;
}

}  // namespace practice_forge::gitlab
