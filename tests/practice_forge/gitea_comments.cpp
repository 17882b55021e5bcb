#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "tests/practice_forge/gitea_shapes.hpp"
#include "tests/practice_forge/gitea_tongue.hpp"

/// Comments, reactions and the record of an issue.
/// https://github.com/go-gitea/gitea/blob/main/routers/api/v1/repo/issue_comment.go
namespace practice_forge::gitea {
namespace {

constexpr const char* kLocked = "You cannot comment on a locked issue.";
constexpr const char* kNoReaction = "no permission to change reaction";

/// Of an issue that is not there these endpoints say that they have broken.
Thread& thread_or_500(Ground& ground, Call& call) {
    try {
        return thread_of(ground, call);
    } catch (const Problem&) {
        throw Problem(500, "");
    }
}

StoredComment& comment_of(Call& call) {
    const auto found = call.repository->comments.find(call.number("id"));
    if (found == call.repository->comments.end()) throw not_found();
    return found->second;
}

/// All of them, in one page.
Answer list_comments(Ground& ground, Call& call) {
    const auto since = time_asked(call, "since");
    const auto lock = ground.world.lock();
    const auto number = thread_or_500(ground, call).number;
    json all = json::array();
    for (const auto& [id, comment] : call.repository->comments) {
        if (comment.thread != number || (since && comment.updated < *since)) continue;
        all.push_back(comment_json(ground.world, *call.repository, comment));
    }
    return {.body = all, .headers = {{"X-Total-Count", std::to_string(all.size())}}, .actor = {}};
}

/// The repository's, by pages, from old to new.
Answer list_all_comments(Ground& ground, Call& call) {
    const auto since = time_asked(call, "since");
    const auto lock = ground.world.lock();
    std::vector<json> all;
    for (const auto& [id, comment] : call.repository->comments)
        if (!since || comment.updated >= *since)
            all.push_back(comment_json(ground.world, *call.repository, comment));
    return page_of(ground.world, call, all, Linked::yes);
}

Answer get_comment(Ground& ground, Call& call) {
    const auto lock = ground.world.lock();
    return {.body = comment_json(ground.world, *call.repository, comment_of(call))};
}

Answer post_comment(Ground& ground, Call& call) {
    const auto body = required(call, "body");
    {
        const auto lock = ground.world.lock();
        check_open_talk(ground.world, call, thread_or_500(ground, call), kLocked);
    }
    const auto id = ground.deeds.comment(*call.repository, call.number("index"), body, call.who.login);
    const auto lock = ground.world.lock();
    return {.status = 201,
            .body = comment_json(ground.world, *call.repository, call.repository->comments.at(id))};
}

Answer patch_comment(Ground& ground, Call& call) {
    const auto body = required(call, "body");
    bool changes = false;
    {
        const auto lock = ground.world.lock();
        const auto& comment = comment_of(call);
        check_author(ground.world, call, comment.user);
        changes = comment.body != body;
    }
    if (changes) ground.deeds.edit_comment(*call.repository, call.number("id"), body, call.who.login);
    return get_comment(ground, call);
}

Answer delete_comment(Ground& ground, Call& call) {
    {
        const auto lock = ground.world.lock();
        check_author(ground.world, call, comment_of(call).user);
    }
    ground.deeds.delete_comment(*call.repository, call.number("id"), call.who.login);
    return {.status = 204};
}

/// The same reaction of the same person twice is answered with the first: 200 instead of 201.
Answer react(Ground& ground, Call& call, std::vector<StoredReaction>& reactions) {
    const auto content = call.text_field("content").value_or("");
    static constexpr const char* kKnown[] = {"+1",       "-1",    "laugh",  "hooray",
                                             "confused", "heart", "rocket", "eyes"};
    if (std::ranges::find(kKnown, content) == std::end(kKnown))
        throw Problem(403, fmt::format("'{}' is not an allowed reaction", content));
    for (const auto& reaction : reactions) {
        if (reaction.user == call.who.login && reaction.content == content)
            return {.status = 200, .body = reaction_json(ground.world, reaction)};
    }
    reactions.push_back({.id = ground.world.next_id(),
                         .user = call.who.login,
                         .content = content,
                         .created = ground.world.now()});
    return {.status = 201, .body = reaction_json(ground.world, reactions.back())};
}

Answer post_issue_reaction(Ground& ground, Call& call) {
    const auto lock = ground.world.lock();
    auto& thread = thread_of(ground, call);
    check_open_talk(ground.world, call, thread, kNoReaction);
    return react(ground, call, thread.reactions);
}

Answer post_comment_reaction(Ground& ground, Call& call) {
    const auto lock = ground.world.lock();
    auto& comment = comment_of(call);
    check_open_talk(ground.world, call, call.repository->threads.at(comment.thread), kNoReaction);
    return react(ground, call, comment.reactions);
}

Answer list_reactions(Ground& ground, const std::vector<StoredReaction>& reactions) {
    json all;  // null, when there are none
    for (const auto& reaction : reactions) all.push_back(reaction_json(ground.world, reaction));
    return {.body = all};
}

Answer list_issue_reactions(Ground& ground, Call& call) {
    const auto lock = ground.world.lock();
    return list_reactions(ground, thread_of(ground, call).reactions);
}

Answer list_comment_reactions(Ground& ground, Call& call) {
    const auto lock = ground.world.lock();
    return list_reactions(ground, comment_of(call).reactions);
}

/// One line of the record. What stands beside lines is counted in its pages, and is not shown.
struct Entry {
    Time when;
    std::int64_t id = 0;
    std::string type, by, body;
    const Label* label = nullptr;
    std::int64_t review = 0;
    bool shown = true;
};

std::vector<Entry> record_of(Repository& repository, const Thread& thread) {
    std::vector<Entry> entries;
    for (const auto& event : thread.label_events)
        entries.push_back({.when = event.when,
                           .id = event.id,
                           .type = "label",
                           .by = event.by,
                           .body = event.event == "labeled" ? "1" : "",
                           .label = World::find_label(repository, event.label)});
    for (const auto& [id, comment] : repository.comments) {
        if (comment.thread == thread.number)
            entries.push_back({.when = comment.created,
                               .id = id,
                               .type = "comment",
                               .by = comment.user,
                               .body = comment.body});
    }
    for (const auto& [id, review] : repository.reviews) {
        if (review.thread == thread.number)
            entries.push_back({.when = review.submitted,
                               .id = id,
                               .type = "review",
                               .by = review.user,
                               .body = review.body,
                               .review = id});
    }
    for (const auto& [id, comment] : repository.review_comments) {
        if (comment.thread == thread.number)
            entries.push_back({.when = comment.created,
                               .id = id,
                               .type = "code",
                               .by = comment.user,
                               .body = comment.body,
                               .review = comment.review,
                               .shown = false});
    }
    // By the second, as the database has it.
    std::ranges::sort(entries, {}, [](const Entry& entry) {
        return std::pair(std::chrono::floor<std::chrono::seconds>(entry.when), entry.id);
    });
    return entries;
}

json entry_json(World& world, Repository& repository, const Thread& thread, const Entry& entry) {
    const std::string page = thread_page(world, repository, thread);
    const auto when = moment(world, entry.when);
    return {{"id", entry.id},
            {"type", entry.type},
            {"html_url", fmt::format("{}#issuecomment-{}", page, entry.id)},
            {"pull_request_url", thread.pull ? page : ""},
            {"issue_url", thread.pull ? "" : page},
            {"user", user_json(world, entry.by)},
            {"body", entry.body},
            {"created_at", when},
            {"updated_at", when},
            {"old_project_id", 0},
            {"project_id", 0},
            {"old_milestone", nullptr},
            {"milestone", nullptr},
            {"tracked_time", nullptr},
            {"old_title", ""},
            {"new_title", ""},
            {"old_ref", ""},
            {"new_ref", ""},
            {"ref_issue", nullptr},
            {"ref_comment", nullptr},
            {"ref_action", "none"},
            {"ref_commit_sha", ""},
            {"review_id", entry.review},
            {"label", entry.label == nullptr ? json(nullptr) : label_json(world, repository, *entry.label)},
            {"assignee", nullptr},
            {"assignee_team", nullptr},
            {"removed_assignee", false},
            {"resolve_doer", nullptr},
            {"dependent_issue", nullptr}};
}

Answer get_timeline(Ground& ground, Call& call) {
    const auto since = time_asked(call, "since");
    const auto lock = ground.world.lock();
    const auto& thread = thread_or_500(ground, call);
    auto entries = record_of(*call.repository, thread);
    if (since) std::erase_if(entries, [&](const Entry& entry) { return entry.when < *since; });
    const auto slice = slice_of(call, entries.size());
    json shown;  // null, when there are none
    for (auto i = slice.from; i < slice.to; ++i) {
        if (entries[i].shown) shown.push_back(entry_json(ground.world, *call.repository, thread, entries[i]));
    }
    return {.body = shown, .headers = {{"X-Total-Count", std::to_string(shown.size())}}, .actor = {}};
}

}  // namespace

const std::vector<Route>& comment_routes() {
    static const std::vector<Route> routes = {
        {"GET", "/repos/{owner}/{repo}/issues/{index}/comments", Access::read, "", list_comments},
        {"POST", "/repos/{owner}/{repo}/issues/{index}/comments", Access::talk, "", post_comment, false},
        {"GET", "/repos/{owner}/{repo}/issues/comments", Access::read, "", list_all_comments},
        {"GET", "/repos/{owner}/{repo}/issues/comments/{id}", Access::read, "", get_comment},
        {"PATCH", "/repos/{owner}/{repo}/issues/comments/{id}", Access::talk, "", patch_comment, false},
        {"DELETE", "/repos/{owner}/{repo}/issues/comments/{id}", Access::talk, "", delete_comment},
        {"GET", "/repos/{owner}/{repo}/issues/{index}/timeline", Access::read, "", get_timeline},
        {"GET", "/repos/{owner}/{repo}/issues/{index}/reactions", Access::read, "", list_issue_reactions},
        {"POST", "/repos/{owner}/{repo}/issues/{index}/reactions", Access::talk, "", post_issue_reaction},
        {"GET", "/repos/{owner}/{repo}/issues/comments/{id}/reactions", Access::read, "",
         list_comment_reactions},
        {"POST", "/repos/{owner}/{repo}/issues/comments/{id}/reactions", Access::talk, "",
         post_comment_reaction},
    };
    return routes;
}

}  // namespace practice_forge::gitea
