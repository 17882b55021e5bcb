#include <fmt/format.h>

#include <algorithm>

#include "tests/practice_forge/gitlab_shapes.hpp"
#include "tests/practice_forge/gitlab_tongue.hpp"

/// Notes and what answers them. A note alone is a discussion, too, until it is answered an "individual note".
/// https://docs.gitlab.com/api/discussions/#merge-requests
namespace practice_forge::gitlab {
namespace {

/// By the first note of each, oldest first.
std::map<std::int64_t, json> discussions_of(Ground& ground, const Call& call, const Thread& thread) {
    std::map<std::int64_t, json> notes;
    const auto add = [&](const auto& comment) {
        if (comment.thread != thread.key) return;
        const auto first = comment.in_reply_to == 0 ? comment.id : comment.in_reply_to;
        auto& discussion = notes[first];
        if (discussion.is_null()) discussion = {{"id", discussion_id(first)}, {"notes", json::array()}};
        discussion["notes"].push_back(note_json(ground.world, *call.repository, comment));
    };
    for (const auto& [id, comment] : call.repository->comments) add(comment);
    for (const auto& [id, comment] : call.repository->review_comments) add(comment);
    for (auto& [first, discussion] : notes)
        discussion["individual_note"] = discussion["notes"][0]["type"].is_null();
    return notes;
}

/// The first note of the discussion that the path names.
std::int64_t first_of(Ground& ground, const Call& call) {
    for (const auto& [first, discussion] : discussions_of(ground, call, thread_of(ground, call)))
        if (discussion["id"] == call.value("discussion_id")) return first;
    throw none_of("Discussion");
}

Answer list_discussions(Ground& ground, Call& call) {
    const auto lock = ground.world.lock();
    std::vector<json> all;
    for (auto& [first, discussion] : discussions_of(ground, call, thread_of(ground, call)))
        all.push_back(std::move(discussion));
    return page_of(ground.world, call, all);
}

Answer get_discussion(Ground& ground, Call& call) {
    const auto lock = ground.world.lock();
    const auto first = first_of(ground, call);
    return {.body = discussions_of(ground, call, thread_of(ground, call)).at(first)};
}

/// A line of `position`; lines of the old file are negative.
int line_of(const json& position) {
    for (const char* needed : {"base_sha", "start_sha", "head_sha", "position_type"})
        if (!position.contains(needed))
            throw refusal(400, {{"error", fmt::format("position[{}] is missing", needed)}});
    const auto line = [&](const char* name) {
        return position.contains(name) && position[name].is_number() ? position[name].get<int>() : 0;
    };
    if (line("new_line") > 0) return line("new_line");
    if (line("old_line") > 0) return -line("old_line");
    throw Problem(400,
                  "400 Bad request - Note {:line_code=>[\"can't be blank\", \"must be a valid line "
                  "code\"]}");
}

/// Beside a line by its `position`, or of the whole.
Answer post_discussion(Ground& ground, Call& call) {
    const auto body = required(call, "body");
    const auto key = key_of(ground, call);
    {
        const auto lock = ground.world.lock();
        check_may_talk(ground.world, call, thread_of(ground, call));
    }
    std::int64_t first = 0;
    if (const auto position = call.body.find("position"); position != call.body.end()) {
        first =
            ground.deeds.stand_beside(*call.repository, key,
                                      {.path = position->value("new_path", position->value("old_path", "")),
                                       .line = line_of(*position),
                                       .body = body},
                                      call.who.login);
    } else {
        first = ground.deeds.comment(*call.repository, key, body, call.who.login);
    }
    const auto lock = ground.world.lock();
    return {.status = 201, .body = discussions_of(ground, call, thread_of(ground, call)).at(first)};
}

Answer post_reply(Ground& ground, Call& call) {
    const auto body = required(call, "body");
    std::int64_t key = 0;
    std::int64_t first = 0;
    bool beside = false;
    {
        const auto lock = ground.world.lock();
        const auto& thread = thread_of(ground, call);
        check_may_talk(ground.world, call, thread);
        first = first_of(ground, call);
        key = thread.key;
        beside = call.repository->review_comments.contains(first);
    }
    if (beside) {
        const auto id = ground.deeds.reply(*call.repository, key, first, body, call.who.login);
        const auto lock = ground.world.lock();
        return {.status = 201,
                .body = note_json(ground.world, *call.repository, call.repository->review_comments.at(id))};
    }
    const auto id = ground.deeds.comment(*call.repository, key, body, call.who.login, {.in_reply_to = first});
    const auto lock = ground.world.lock();
    return {.status = 201,
            .body = note_json(ground.world, *call.repository, call.repository->comments.at(id))};
}

/// Only what can be resolved is; of others nothing is said.
Answer put_resolved(Ground& ground, Call& call) {
    (void)required(call, "resolved");
    const bool resolved = flag(call, "resolved").value_or(false);
    {
        const auto lock = ground.world.lock();
        const auto& thread = thread_of(ground, call);
        const auto first = first_of(ground, call);
        if (call.who.login != thread.author && access_level(ground.world, call) < 30) throw forbidden();
        const auto by = resolved ? call.who.login : std::string();
        if (const auto at = call.repository->review_comments.find(first);
            at != call.repository->review_comments.end())
            at->second.resolved_by = by;
        else
            call.repository->comments.at(first).resolved_by = by;
    }
    return get_discussion(ground, call);
}

}  // namespace

const std::vector<Route>& discussion_routes() {
    static constexpr const char* kAll =
        "/projects/{owner}/{repo}/merge_requests/{merge_request_iid}/discussions";
    static constexpr const char* kOne =
        "/projects/{owner}/{repo}/merge_requests/{merge_request_iid}/discussions/{discussion_id}";
    static constexpr const char* kNotes =
        "/projects/{owner}/{repo}/merge_requests/{merge_request_iid}/discussions/{discussion_id}/notes";
    static const std::vector<Route> routes = {
        {"GET", kAll, Access::read, kGuest, list_discussions},
        {"POST", kAll, Access::talk, kGuest, post_discussion, false},
        {"GET", kOne, Access::read, kGuest, get_discussion},
        {"PUT", kOne, Access::talk, kGuest, put_resolved, false},
        {"POST", kNotes, Access::talk, kGuest, post_reply, false},
        {"GET", "/projects/{owner}/{repo}/issues/{issue_iid}/discussions", Access::read, kGuest,
         list_discussions},
    };
    return routes;
}

}  // namespace practice_forge::gitlab
