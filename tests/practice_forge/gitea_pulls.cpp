#include <fmt/format.h>

#include <algorithm>

#include "tests/practice_forge/git.hpp"
#include "tests/practice_forge/gitea_shapes.hpp"
#include "tests/practice_forge/gitea_tongue.hpp"

/// https://github.com/go-gitea/gitea/blob/main/routers/api/v1/repo/pull.go
namespace practice_forge::gitea {
namespace {

Answer list_pulls(Ground& ground, Call& call) {
    const auto lock = ground.world.lock();
    const std::string state = call.value("state", "open");
    std::vector<json> all;
    for (auto at = call.repository->threads.rbegin(); at != call.repository->threads.rend(); ++at) {
        const auto& thread = at->second;
        if (!thread.pull || (state != "all" && thread.open != (state == "open"))) continue;
        all.push_back(pull_json(ground.world, *call.repository, thread));
    }
    return page_of(ground.world, call, all, Linked::yes);
}

/// Of conflicts that nobody has looked for yet, Gitea says the same as of conflicts that there are. It looks
/// for them in the background; here a look at the pull request is enough, and its making and changing are
/// not.
Answer answer_with(Ground& ground, Call& call, std::int64_t number, int status) {
    if (status == 200) ground.deeds.weigh(*call.repository, number);
    const auto lock = ground.world.lock();
    return {.status = status,
            .body = pull_json(ground.world, *call.repository, ground.world.thread(*call.repository, number))};
}

Answer get_pull(Ground& ground, Call& call) { return answer_with(ground, call, call.number("index"), 200); }

/// Of these branches, whatever became of it. The owner before the branch may be left out.
Answer get_by_branches(Ground& ground, Call& call) {
    auto head = call.value("head");
    if (head.starts_with(call.repository->owner + ":")) head.erase(0, call.repository->owner.size() + 1);
    std::int64_t number = 0;
    {
        const auto lock = ground.world.lock();
        for (const auto& [each, thread] : call.repository->threads) {
            if (thread.pull && thread.pull->head_branch == head &&
                thread.pull->base_branch == call.value("base"))
                number = each;
        }
    }
    if (number == 0) throw not_found();
    return answer_with(ground, call, number, 200);
}

/// Throws 409 when one of these branches is open.
void check_is_first(Ground& ground, Call& call, const std::string& head, const std::string& base) {
    const auto lock = ground.world.lock();
    for (const auto& [number, thread] : call.repository->threads) {
        if (!thread.pull || !thread.open || thread.pull->head_branch != head ||
            thread.pull->base_branch != base)
            continue;
        throw Problem(409,
                      fmt::format("pull request already exists for these targets [id: {}, issue_id: {}, "
                                  "head_repo_id: {}, base_repo_id: {}, head_branch: {}, base_branch: {}]",
                                  thread.id, number, call.repository->id, call.repository->id, head, base));
    }
}

Answer post_pull(Ground& ground, Call& call) {
    Deeds::Proposed proposed{.head = required(call, "head"),
                             .base = required(call, "base"),
                             .title = title_of(required(call, "title")),
                             .body = call.text_field("body").value_or(""),
                             .may_be_empty = true};
    if (proposed.head == proposed.base)
        throw Problem(422, "Invalid PullRequest: There are no changes between the head and the base");
    if (const auto colon = proposed.head.find(':'); colon != std::string::npos) {
        if (lower(proposed.head.substr(0, colon)) != lower(call.repository->owner)) throw not_found();
        proposed.head.erase(0, colon + 1);
    }
    const Git git(call.repository->git);
    if (!git.branch(proposed.base) || !git.branch(proposed.head)) throw not_found();
    check_is_first(ground, call, proposed.head, proposed.base);
    std::int64_t number = 0;
    try {
        number = ground.deeds.open_pull(*call.repository, proposed, call.who.login);
    } catch (const Problem&) {
        check_is_first(ground, call, proposed.head, proposed.base);  // somebody was faster
        throw;
    }
    return answer_with(ground, call, number, 201);
}

Answer patch_pull(Ground& ground, Call& call) {
    const auto number = call.number("index");
    {
        const auto lock = ground.world.lock();
        if (!thread_of(ground, call).pull) throw not_found();
    }
    edit(ground, call, number);
    return answer_with(ground, call, number, 201);
}

}  // namespace

const std::vector<Route>& pull_routes() {
    static const std::vector<Route> routes = {
        {"GET", "/repos/{owner}/{repo}/pulls", Access::read, "", list_pulls},
        {"POST", "/repos/{owner}/{repo}/pulls", Access::talk, "", post_pull, false},
        {"GET", "/repos/{owner}/{repo}/pulls/{index}", Access::read, "", get_pull},
        {"PATCH", "/repos/{owner}/{repo}/pulls/{index}", Access::talk, "", patch_pull},
        {"GET", "/repos/{owner}/{repo}/pulls/{base}/{head...}", Access::read, "", get_by_branches},
    };
    return routes;
}

}  // namespace practice_forge::gitea
