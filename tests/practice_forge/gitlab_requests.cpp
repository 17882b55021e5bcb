#include <fmt/format.h>

#include <algorithm>

#include "tests/practice_forge/git.hpp"
#include "tests/practice_forge/gitlab_shapes.hpp"
#include "tests/practice_forge/gitlab_tongue.hpp"

/// https://docs.gitlab.com/api/merge_requests/ and
/// https://gitlab.com/gitlab-org/gitlab/-/blob/master/lib/api/merge_requests.rb
namespace practice_forge::gitlab {
namespace {

/// In lists the state of its mergeability is what was known last.
std::vector<json> requests_asked(Ground& ground, const Call& call, const Repository& repository) {
    const auto source = field(call, "source_branch");
    const auto target = field(call, "target_branch");
    std::vector<json> all;
    for (const auto* thread : threads_asked(call, repository, true)) {
        if (source && *source != thread->pull->head_branch) continue;
        if (target && *target != thread->pull->base_branch) continue;
        all.push_back(request_json(ground.world, repository, *thread));
    }
    return all;
}

Answer list_requests(Ground& ground, Call& call) {
    const auto lock = ground.world.lock();
    return page_of(ground.world, call, requests_asked(ground, call, *call.repository));
}

/// Of all projects that the caller sees; without a `scope` only the caller's own.
Answer list_all_requests(Ground& ground, Call& call) {
    const auto lock = ground.world.lock();
    if (!call.parameters.contains("scope")) call.parameters["scope"] = "created_by_me";
    std::vector<json> all;
    for (const auto& repository : ground.world.repositories) {
        if (repository->deleted || !ground.tongue.sees(ground.world, call.who, *repository)) continue;
        for (auto& request : requests_asked(ground, call, *repository)) all.push_back(std::move(request));
    }
    return page_of(ground.world, call, all);
}

/// A single one says more than those of lists.
json whole_json(Ground& ground, Call& call, const Thread& thread) {
    auto request = request_json(ground.world, *call.repository, thread);
    const auto& pull = *thread.pull;
    json pipeline;  // null, when there is none
    for (const auto& [id, suite] : call.repository->check_suites)
        if (suite.head_sha == pull.head_sha) pipeline = pipeline_json(ground.world, *call.repository, suite);
    request.update(
        {{"subscribed", true},
         {"changes_count", std::to_string(pull.changed_files)},
         {"latest_build_started_at", nullptr},
         {"latest_build_finished_at", nullptr},
         {"first_deployed_to_production_at", nullptr},
         {"pipeline", pipeline},
         {"head_pipeline", pipeline},
         {"diff_refs",
          {{"base_sha", pull.base_sha}, {"head_sha", pull.head_sha}, {"start_sha", pull.base_sha}}},
         {"merge_error", nullptr},
         {"first_contribution", false},
         {"user", {{"can_merge", access_level(ground.world, call) >= 30}}}});
    for (const char* status : {"merge_status", "detailed_merge_status"})
        if (request[status] == "unchecked") request[status] = "checking";
    return request;
}

Answer answer_with(Ground& ground, Call& call, std::int64_t key, int status) {
    const auto lock = ground.world.lock();
    return {.status = status, .body = whole_json(ground, call, ground.world.thread(*call.repository, key))};
}

/// Whether it can be merged is looked at after the first who asks was answered.
Answer get_request(Ground& ground, Call& call) {
    const auto key = key_of(ground, call);
    auto answer = answer_with(ground, call, key, 200);
    ground.deeds.weigh(*call.repository, key);
    return answer;
}

/// Throws 409 when one of these branches is open.
void check_is_first(Ground& ground, const Call& call, const Deeds::Proposed& proposed) {
    const auto lock = ground.world.lock();
    for (const auto& [key, thread] : call.repository->threads) {
        if (thread.pull && thread.open && thread.pull->head_branch == proposed.head &&
            thread.pull->base_branch == proposed.base)
            throw refusal(
                409, {{"message", json::array({fmt::format("Another open merge request already exists for "
                                                           "this source branch: !{}",
                                                           thread.number)})}});
    }
}

std::vector<std::string> reviewers_asked(Ground& ground, const Call& call) {
    std::vector<std::string> logins;
    for (const auto& id : call.body.value("reviewer_ids", json::array())) {
        const auto& users = ground.world.users;
        const auto found = std::ranges::find_if(
            users, [&](const auto& entry) { return entry.second.id == id.get<std::int64_t>(); });
        if (found != users.end()) logins.push_back(found->first);
    }
    return logins;
}

Answer post_request(Ground& ground, Call& call) {
    const Deeds::Proposed proposed{.head = required(call, "source_branch"),
                                   .base = required(call, "target_branch"),
                                   .title = required(call, "title"),
                                   .body = field(call, "description").value_or(""),
                                   .may_be_empty = true};
    if (proposed.title.empty()) throw invalid_field("title", "can't be blank");
    if (code_points(proposed.title) > 255)
        throw invalid_field("title", "is too long (maximum is 255 characters)");
    if (proposed.head == proposed.base)
        throw refusal(422, {{"error", json::array({"You can't use same project/branch for source and "
                                                   "target"})}});
    const Git git(call.repository->git);
    if (!git.branch(proposed.head)) throw invalid_field("source_branch", "does not exist");
    if (!git.branch(proposed.base)) throw invalid_field("target_branch", "does not exist");
    check_is_first(ground, call, proposed);
    std::int64_t key = 0;
    try {
        key = ground.deeds.open_pull(*call.repository, proposed, call.who.login);
    } catch (const Problem&) {
        check_is_first(ground, call, proposed);  // somebody was faster
        throw;
    }
    if (const auto labels = words(call, "labels"))
        ground.deeds.change_labels(*call.repository, key, *labels, {}, call.who.login);
    return answer_with(ground, call, key, 201);
}

Answer put_request(Ground& ground, Call& call) {
    const auto key = key_of(ground, call);
    update_thread(ground, call);
    if (call.body.contains("reviewer_ids")) {
        auto lock = ground.world.lock();
        const auto logins = reviewers_asked(ground, call);
        lock.unlock();
        ground.deeds.ask_reviewers(*call.repository, key, logins, call.who.login);
    }
    return answer_with(ground, call, key, 200);
}

Answer list_reviewers(Ground& ground, Call& call) {
    const auto lock = ground.world.lock();
    std::vector<json> all;
    for (const auto& reviewer : thread_of(ground, call).pull->reviewers)
        all.push_back({{"user", user_json(ground.world, reviewer.user)},
                       {"state", reviewer.state},
                       {"created_at", moment(reviewer.created)}});
    return page_of(ground.world, call, all);
}

}  // namespace

const std::vector<Route>& request_routes() {
    static const std::vector<Route> routes = {
        {"GET", "/merge_requests", Access::talk, kGuest, list_all_requests},
        {"GET", "/projects/{owner}/{repo}/merge_requests", Access::read, kReporter, list_requests},
        {"POST", "/projects/{owner}/{repo}/merge_requests", Access::write, kDeveloper, post_request, false},
        {"GET", "/projects/{owner}/{repo}/merge_requests/{merge_request_iid}", Access::read, kReporter,
         get_request},
        {"PUT", "/projects/{owner}/{repo}/merge_requests/{merge_request_iid}", Access::talk, kGuest,
         put_request, false},
        {"GET", "/projects/{owner}/{repo}/merge_requests/{merge_request_iid}/reviewers", Access::read,
         kReporter, list_reviewers},
    };
    return routes;
}

}  // namespace practice_forge::gitlab
