#include <fmt/format.h>

#include <algorithm>

#include "tests/practice_forge/git.hpp"
#include "tests/practice_forge/github_shapes.hpp"
#include "tests/practice_forge/github_tongue.hpp"

/// https://docs.github.com/en/rest/pulls/pulls
namespace practice_forge::github {
namespace {

Answer list_pulls(Ground& ground, Call& call) {
    const auto lock = ground.world.lock();
    const std::string state = call.value("state", "open");
    const std::string head = call.value("head");
    const std::string base = call.value("base");
    std::vector<json> all;
    for (auto at = call.repository->threads.rbegin(); at != call.repository->threads.rend(); ++at) {
        const auto& thread = at->second;
        if (!thread.pull || (state != "all" && thread.open != (state == "open"))) continue;
        if (!base.empty() && thread.pull->base_branch != base) continue;
        // As on GitHub: a head without its owner filters nothing.
        if (head.find(':') != std::string::npos &&
            head != call.repository->owner + ":" + thread.pull->head_branch)
            continue;
        all.push_back(simple_pull_json(ground.world, *call.repository, thread));
    }
    if (call.value("direction") == "asc") std::ranges::reverse(all);
    return page_of(ground.world, call, all);
}

Answer get_pull(Ground& ground, Call& call) {
    const auto number = call.number("pull_number");
    ground.deeds.weigh(*call.repository, number);
    const auto lock = ground.world.lock();
    return {.body = pull_json(ground.world, *call.repository, ground.world.thread(*call.repository, number))};
}

Answer post_pull(Ground& ground, Call& call) {
    const bool draft = call.body.value("draft", false);
    const Deeds::Proposed proposed{.head = call.required_text("head"),
                                   .base = call.required_text("base"),
                                   .title = call.required_text("title"),
                                   .body = call.text_field("body").value_or(""),
                                   .draft = draft};
    check_length(proposed.body, "PullRequest", "body");
    if (code_points(proposed.title) > 256)
        throw invalid("PullRequest", "title", "custom", "title is too long (maximum is 256 characters)");
    {
        const auto lock = ground.world.lock();
        if (draft && !call.repository->drafts)
            throw Problem(422, "Draft pull requests are not supported in this repository.");
    }
    const auto number = ground.deeds.open_pull(*call.repository, proposed, call.who.login);
    const auto lock = ground.world.lock();
    return {.status = 201,
            .body = pull_json(ground.world, *call.repository, ground.world.thread(*call.repository, number))};
}

Answer patch_pull(Ground& ground, Call& call) {
    const auto number = call.number("pull_number");
    const auto body = call.text_field("body");
    if (body) check_length(*body, "PullRequest", "body");
    {
        const auto lock = ground.world.lock();
        if (!ground.world.thread(*call.repository, number).pull) throw not_found();
    }
    ground.deeds.edit_thread(*call.repository, number, call.text_field("title"), body, call.who.login);
    if (const auto state = call.text_field("state")) {
        if (*state != "open" && *state != "closed") throw invalid("PullRequest", "state", "invalid");
        ground.deeds.set_open(*call.repository, number, *state == "open", "", call.who.login);
    }
    return get_pull(ground, call);
}

}  // namespace

const std::vector<Route>& pull_routes() {
    static const std::vector<Route> routes = {
        {"GET", "/repos/{owner}/{repo}/pulls", Access::read, "pull_requests", list_pulls},
        {"POST", "/repos/{owner}/{repo}/pulls", Access::write, "pull_requests", post_pull},
        {"GET", "/repos/{owner}/{repo}/pulls/{pull_number}", Access::read, "pull_requests", get_pull},
        {"PATCH", "/repos/{owner}/{repo}/pulls/{pull_number}", Access::write, "pull_requests", patch_pull},
    };
    return routes;
}

}  // namespace practice_forge::github
