#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>

#include "tests/practice_forge/git.hpp"
#include "tests/practice_forge/gitea_shapes.hpp"
#include "tests/practice_forge/gitea_tongue.hpp"

/// What CI says of commits. https://github.com/go-gitea/gitea/blob/main/routers/api/v1/repo/status.go
namespace practice_forge::gitea {
namespace {

constexpr std::array kStates = {"pending", "success", "error", "failure", "warning"};

/// A branch or a commit id.
std::string resolve(const Call& call, const char* name) {
    const Git git(call.repository->git);
    const std::string ref = call.value(name);
    if (const auto sha = git.branch(ref)) return *sha;
    if (!git.has(ref)) throw Problem(404, fmt::format("object does not exist [id: {}, rel_path: ]", ref));
    return ref;
}

Answer post_status(Ground& ground, Call& call) {
    CommitStatus status;
    status.sha = call.value("sha");
    if (!Git(call.repository->git).has(status.sha))
        throw Problem(404, fmt::format("object does not exist [id: {}, rel_path: ]", status.sha));
    status.state = call.text_field("state").value_or("");
    if (std::ranges::find(kStates, status.state) == kStates.end())
        throw Problem(422, "unknown state: " + status.state);
    status.context = call.text_field("context").value_or("");
    if (status.context.empty()) status.context = "default";
    status.description = call.text_field("description").value_or("");
    status.target_url = call.text_field("target_url").value_or("");
    status.creator = call.who.login;
    const auto kept = ground.deeds.keep_status(*call.repository, status);
    const auto lock = ground.world.lock();
    return {.status = 201, .body = status_json(ground.world, *call.repository, kept)};
}

/// The newest second first; within one, in the order in which they were set.
Answer list(Ground& ground, Call& call, const std::string& sha) {
    const auto lock = ground.world.lock();
    std::vector<CommitStatus> statuses;
    for (const auto& status : call.repository->statuses) {
        const auto state = call.value("state");
        if (status.sha == sha && (state.empty() || status.state == state)) statuses.push_back(status);
    }
    std::ranges::stable_sort(statuses, std::greater{}, [](const CommitStatus& status) {
        return std::chrono::floor<std::chrono::seconds>(status.created);
    });
    std::vector<json> all;
    for (const auto& status : statuses) all.push_back(status_json(ground.world, *call.repository, status));
    return page_of(ground.world, call, all, Linked::yes);
}

Answer list_by_sha(Ground& ground, Call& call) { return list(ground, call, call.value("sha")); }
Answer list_by_ref(Ground& ground, Call& call) { return list(ground, call, resolve(call, "ref")); }

/// The newest of each context; the worst of them is the state of all.
Answer get_combined(Ground& ground, Call& call) {
    const std::string sha = resolve(call, "ref");
    const auto lock = ground.world.lock();
    std::map<std::string, CommitStatus> newest;
    for (const auto& status : call.repository->statuses)
        if (status.sha == sha) newest[status.context] = status;
    static constexpr std::array kWorstFirst = {"error", "failure", "warning", "pending", "success"};
    auto worst = kWorstFirst.end();
    std::vector<json> statuses;
    for (const auto& [context, status] : newest) {
        worst = std::min(worst, std::ranges::find(kWorstFirst, status.state));
        statuses.push_back(status_json(ground.world, *call.repository, status));
    }
    auto answer = page_of(ground.world, call, statuses, Linked::no);
    const auto url = api(ground.world, *call.repository) + "/commits/" + sha;
    answer.body = {{"state", worst == kWorstFirst.end() ? "" : *worst},
                   {"sha", sha},
                   {"total_count", statuses.size()},
                   {"statuses", statuses.empty() ? json(nullptr) : answer.body},
                   {"repository", repository_json(ground.world, *call.repository,
                                                  ground.world.permission(*call.repository, call.who.login))},
                   {"commit_url", url},
                   {"url", url + "/status"}};
    return answer;
}

}  // namespace

const std::vector<Route>& status_routes() {
    static const std::vector<Route> routes = {
        {"POST", "/repos/{owner}/{repo}/statuses/{sha}", Access::write, "", post_status},
        {"GET", "/repos/{owner}/{repo}/statuses/{sha}", Access::read, "", list_by_sha},
        {"GET", "/repos/{owner}/{repo}/commits/{ref}/statuses", Access::read, "", list_by_ref},
        {"GET", "/repos/{owner}/{repo}/commits/{ref}/status", Access::read, "", get_combined},
    };
    return routes;
}

}  // namespace practice_forge::gitea
