#include <fmt/format.h>

#include <algorithm>

#include "tests/practice_forge/gitlab_shapes.hpp"
#include "tests/practice_forge/gitlab_tongue.hpp"

/// Notes of issues and merge requests, and the emoji on both. https://docs.gitlab.com/api/notes/ and
/// https://docs.gitlab.com/api/emoji_reactions/
namespace practice_forge::gitlab {
namespace {

bool is_internal(const json& note) { return note.value("internal", false); }

/// What is said of a thread, as far as the caller may hear it.
std::vector<json> notes_of(Ground& ground, const Call& call, const Thread& thread) {
    const bool insider = access_level(ground.world, call) >= 20;
    std::vector<json> all;
    for (const auto& [id, comment] : call.repository->comments)
        if (comment.thread == thread.key) all.push_back(note_json(ground.world, *call.repository, comment));
    for (const auto& [id, comment] : call.repository->review_comments)
        if (comment.thread == thread.key) all.push_back(note_json(ground.world, *call.repository, comment));
    std::erase_if(all, [&](const json& note) { return !insider && is_internal(note); });
    return all;
}

/// The newest first, unless it is asked otherwise.
Answer list_notes(Ground& ground, Call& call) {
    const auto filter = choice(call, "activity_filter", {"all_notes", "only_comments", "only_activity"})
                            .value_or("all_notes");
    const auto by = choice(call, "order_by", {"created_at", "updated_at"}).value_or("created_at");
    const bool ascending = choice(call, "sort", {"asc", "desc"}).value_or("desc") == "asc";
    const auto lock = ground.world.lock();
    auto all = notes_of(ground, call, thread_of(ground, call));
    std::erase_if(all, [&](const json& note) {
        return filter != "all_notes" && note["system"] != (filter == "only_activity");
    });
    std::ranges::sort(all, [&](const json& a, const json& b) {
        const auto rank = [&](const json& one) { return std::pair(one[by], one["id"]); };
        return ascending ? rank(a) < rank(b) : rank(a) > rank(b);
    });
    return page_of(ground.world, call, all);
}

Answer get_note(Ground& ground, Call& call) {
    const auto lock = ground.world.lock();
    for (auto& note : notes_of(ground, call, thread_of(ground, call)))
        if (note["id"] == call.number("note_id")) return {.body = note};
    throw not_found();
}

/// What people said, as an event each, the newest first; days are UTC's, the one that is named is not among
/// them. https://docs.gitlab.com/api/events/#list-all-visible-events-for-a-project
Answer list_what_was_said(Ground& ground, Call& call) {
    (void)choice(call, "target_type", {"note"});  // no others are here
    const auto after = field(call, "after").value_or("");
    const bool ascending = choice(call, "sort", {"asc", "desc"}).value_or("desc") == "asc";
    const auto lock = ground.world.lock();
    std::vector<json> all;
    for (const auto& [key, thread] : call.repository->threads)
        for (auto& note : notes_of(ground, call, thread)) {
            note.erase("attachment");
            if (note["system"] == true || note["created_at"].get<std::string>().substr(0, 10) <= after)
                continue;
            all.push_back({{"id", note["id"]},
                           {"project_id", call.repository->id},
                           {"action_name", "commented on"},
                           {"target_id", note["id"]},
                           {"target_iid", note["id"]},
                           {"target_type", note["type"].is_null() ? json("Note") : note["type"]},
                           {"author_id", note["author"]["id"]},
                           {"target_title", thread.title},
                           {"created_at", note["created_at"]},
                           {"note", note},
                           {"author", note["author"]},
                           {"imported", false},
                           {"imported_from", "none"},
                           {"author_username", note["author"]["username"]}});
        }
    std::ranges::sort(
        all, [&](const json& a, const json& b) { return ascending ? a["id"] < b["id"] : a["id"] > b["id"]; });
    return page_of(ground.world, call, all);
}

std::string body_of(const Call& call) {
    auto body = required(call, "body");
    if (body.find_first_not_of(" \t\r\n") == std::string::npos)
        throw Problem(400, "400 Bad request - Note {:note=>[\"can't be blank\"]}");
    if (code_points(body) > 1'000'000)
        throw Problem(400,
                      "400 Bad request - Note {:note=>[\"is too long (maximum is 1000000 characters)\"]}");
    return body;
}

Answer post_note(Ground& ground, Call& call) {
    const auto body = body_of(call);
    const bool internal = flag(call, "internal").value_or(flag(call, "confidential").value_or(false));
    std::int64_t key = 0;
    {
        const auto lock = ground.world.lock();
        const auto& thread = thread_of(ground, call);
        check_may_talk(ground.world, call, thread);
        if (internal && access_level(ground.world, call) < 20) throw forbidden();
        key = thread.key;
    }
    const auto id = ground.deeds.comment(*call.repository, key, body, call.who.login, {.internal = internal});
    const auto lock = ground.world.lock();
    return {.status = 201,
            .body = note_json(ground.world, *call.repository, call.repository->comments.at(id))};
}

/// A note of this thread by its id, of either kind. Both are null when there is none.
struct Found {
    StoredComment* plain = nullptr;
    StoredReviewComment* beside = nullptr;
};
Found note_of(Ground& ground, Call& call) {
    const auto key = thread_of(ground, call).key;
    const auto id = call.number("note_id");
    Found found;
    auto& repository = *call.repository;
    if (const auto at = repository.comments.find(id);
        at != repository.comments.end() && at->second.thread == key)
        found.plain = &at->second;
    if (const auto at = repository.review_comments.find(id);
        at != repository.review_comments.end() && at->second.thread == key)
        found.beside = &at->second;
    if (found.plain == nullptr && found.beside == nullptr) throw not_found();
    return found;
}

/// Its author may, and maintainers; nobody what the forge itself said.
bool check_may_edit_note(Ground& ground, Call& call) {
    const auto lock = ground.world.lock();
    const auto found = note_of(ground, call);
    const auto& author = found.plain != nullptr ? found.plain->user : found.beside->user;
    const bool system = found.plain != nullptr && found.plain->system;
    if (system || (author != call.who.login && access_level(ground.world, call) < 40)) throw forbidden();
    return found.plain != nullptr;
}

Answer put_note(Ground& ground, Call& call) {
    const auto body = body_of(call);
    const auto id = call.number("note_id");
    if (check_may_edit_note(ground, call))
        ground.deeds.edit_comment(*call.repository, id, body, call.who.login);
    else
        ground.deeds.edit_review_comment(*call.repository, id, body, call.who.login);
    return get_note(ground, call);
}

Answer delete_note(Ground& ground, Call& call) {
    if (!check_may_edit_note(ground, call)) throw forbidden();
    ground.deeds.delete_comment(*call.repository, call.number("note_id"), call.who.login);
    return {.status = 204};
}

/// What an emoji is on.
struct Awardable {
    std::vector<StoredReaction>* reactions;
    std::int64_t id;
    const char* kind;
};
Awardable awardable_of(Ground& ground, Call& call) {
    auto& thread = thread_of(ground, call);
    if (!call.parameters.contains("note_id"))
        return {&thread.reactions, thread.id, thread.pull ? "MergeRequest" : "Issue"};
    const auto found = note_of(ground, call);
    if (found.plain != nullptr) return {&found.plain->reactions, found.plain->id, "Note"};
    return {&found.beside->reactions, found.beside->id, "Note"};
}

Answer list_awards(Ground& ground, Call& call) {
    const auto lock = ground.world.lock();
    const auto of = awardable_of(ground, call);
    std::vector<json> all;
    for (const auto& reaction : *of.reactions)
        all.push_back(award_json(ground.world, reaction, of.id, of.kind));
    return page_of(ground.world, call, all);
}

/// https://gitlab.com/gitlab-org/gitlab/-/blob/master/lib/api/award_emoji.rb
Answer post_award(Ground& ground, Call& call) {
    const auto name = required(call, "name");
    const auto lock = ground.world.lock();
    const auto of = awardable_of(ground, call);
    if (call.repository->archived) throw none_of("Award Emoji");
    const auto reaction = reaction_of(name);
    if (reaction.empty()) throw none_of("Award Emoji Name is not a valid emoji name");
    for (const auto& each : *of.reactions)
        if (each.user == call.who.login && each.content == reaction)
            throw none_of("Award Emoji Name has already been taken");
    of.reactions->push_back({.id = ground.world.next_id(),
                             .user = call.who.login,
                             .content = std::string(reaction),
                             .created = ground.world.now()});
    return {.status = 201, .body = award_json(ground.world, of.reactions->back(), of.id, of.kind)};
}

}  // namespace

const std::vector<Route>& note_routes() {
    static const std::vector<Route> routes = {
        {"GET", "/projects/{owner}/{repo}/events", Access::read, kGuest, list_what_was_said},
        {"GET", "/projects/{owner}/{repo}/issues/{issue_iid}/notes", Access::read, kGuest, list_notes},
        {"POST", "/projects/{owner}/{repo}/issues/{issue_iid}/notes", Access::talk, kGuest, post_note, false},
        {"GET", "/projects/{owner}/{repo}/issues/{issue_iid}/notes/{note_id}", Access::read, kGuest,
         get_note},
        {"PUT", "/projects/{owner}/{repo}/issues/{issue_iid}/notes/{note_id}", Access::talk, kGuest, put_note,
         false},
        {"DELETE", "/projects/{owner}/{repo}/issues/{issue_iid}/notes/{note_id}", Access::talk, kGuest,
         delete_note, false},
        {"GET", "/projects/{owner}/{repo}/merge_requests/{merge_request_iid}/notes", Access::read, kGuest,
         list_notes},
        {"POST", "/projects/{owner}/{repo}/merge_requests/{merge_request_iid}/notes", Access::talk, kGuest,
         post_note, false},
        {"GET", "/projects/{owner}/{repo}/merge_requests/{merge_request_iid}/notes/{note_id}", Access::read,
         kGuest, get_note},
        {"PUT", "/projects/{owner}/{repo}/merge_requests/{merge_request_iid}/notes/{note_id}", Access::talk,
         kGuest, put_note, false},
        {"DELETE", "/projects/{owner}/{repo}/merge_requests/{merge_request_iid}/notes/{note_id}",
         Access::talk, kGuest, delete_note, false},
    };
    return routes;
}

const std::vector<Route>& award_routes() {
    static const std::vector<Route> routes = {
        {"GET", "/projects/{owner}/{repo}/issues/{issue_iid}/award_emoji", Access::read, kGuest, list_awards},
        {"POST", "/projects/{owner}/{repo}/issues/{issue_iid}/award_emoji", Access::talk, kGuest, post_award},
        {"GET", "/projects/{owner}/{repo}/issues/{issue_iid}/notes/{note_id}/award_emoji", Access::read,
         kGuest, list_awards},
        {"POST", "/projects/{owner}/{repo}/issues/{issue_iid}/notes/{note_id}/award_emoji", Access::talk,
         kGuest, post_award},
        {"GET", "/projects/{owner}/{repo}/merge_requests/{merge_request_iid}/award_emoji", Access::read,
         kGuest, list_awards},
        {"POST", "/projects/{owner}/{repo}/merge_requests/{merge_request_iid}/award_emoji", Access::talk,
         kGuest, post_award},
        {"GET", "/projects/{owner}/{repo}/merge_requests/{merge_request_iid}/notes/{note_id}/award_emoji",
         Access::read, kGuest, list_awards},
        {"POST", "/projects/{owner}/{repo}/merge_requests/{merge_request_iid}/notes/{note_id}/award_emoji",
         Access::talk, kGuest, post_award},
    };
    return routes;
}

}  // namespace practice_forge::gitlab
