#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "tests/practice_forge/git.hpp"
#include "tests/practice_forge/gitlab_shapes.hpp"
#include "tests/practice_forge/gitlab_tongue.hpp"

/// Commit statuses, pipelines and jobs. https://docs.gitlab.com/api/commits/#commit-status,
/// https://docs.gitlab.com/api/pipelines/ and https://docs.gitlab.com/api/jobs/
namespace practice_forge::gitlab {
namespace {

/// Throws 400 in the state machine's words. What is over begins anew instead.
/// https://gitlab.com/gitlab-org/gitlab/-/blob/master/app/services/ci/create_commit_status_service.rb
void check_transition(const std::string& now, std::string_view word) {
    const bool begins = word == "pending" || (word == "running" && now == "running");
    if (!begins) return;
    const std::string_view event = word == "pending" ? "enqueue" : "run";
    throw refusal(400, {{"message", fmt::format("Cannot transition status via :{0} from :{1} (Reason(s): "
                                                "Status cannot transition via \"{0}\")",
                                                event, now)}});
}

/// The one that goes on, of this name in this pipeline.
const CommitStatus* going_on(const Repository& repository, const CommitStatus& status) {
    for (auto at = repository.statuses.rbegin(); at != repository.statuses.rend(); ++at) {
        if (at->sha != status.sha || at->context != status.context) continue;
        if (status.suite != 0 && at->suite != status.suite) continue;
        if (!status.ref.empty() && !at->ref.empty() && at->ref != status.ref) continue;
        return at->state == "pending" || at->state == "running" ? &*at : nullptr;
    }
    return nullptr;
}

Answer post_status(Ground& ground, Call& call) {
    const auto word = required(call, "state");
    (void)choice(call, "state", {"pending", "running", "success", "failed", "canceled", "skipped"});
    CommitStatus status;
    status.sha = call.value("sha");
    if (!Git(call.repository->git).has(status.sha)) throw none_of("Commit");
    status.context = field(call, "name").value_or(field(call, "context").value_or("default"));
    status.ref = field(call, "ref").value_or("");
    if (const auto id = field(call, "pipeline_id")) status.suite = std::strtoll(id->c_str(), nullptr, 10);
    status.creator = call.who.login;
    {
        const auto lock = ground.world.lock();
        const auto suite = call.repository->check_suites.find(status.suite);
        if (status.suite != 0 &&
            (suite == call.repository->check_suites.end() || suite->second.head_sha != status.sha))
            throw none_of("Pipeline");
        if (const auto* before = going_on(*call.repository, status)) {
            check_transition(before->state, word);
            status = *before;
        }
    }
    status.state = state_of_word(word);
    if (const auto text = field(call, "description")) status.description = *text;
    if (const auto url = field(call, "target_url")) status.target_url = *url;
    if (code_points(status.description) > 255)
        throw invalid_field("description", "is too long (maximum is 255 characters)");
    if (code_points(status.target_url) > 255)
        throw invalid_field("target_url", "is too long (maximum is 255 characters)");
    const auto kept = ground.deeds.keep_status(*call.repository, status);
    const auto lock = ground.world.lock();
    return {.status = 201, .body = status_json(ground.world, *call.repository, kept)};
}

/// The newest of each name, unless `all` are asked for; jobs are among them.
Answer list_statuses(Ground& ground, Call& call) {
    const bool every = flag(call, "all").value_or(false);
    const auto name = field(call, "name");
    const auto lock = ground.world.lock();
    const auto& repository = *call.repository;
    std::vector<json> told;
    for (const auto& [id, job] : repository.check_runs)
        if (job.head_sha == call.value("sha")) told.push_back(status_json(ground.world, repository, job));
    for (const auto& status : repository.statuses)
        if (status.sha == call.value("sha")) told.push_back(status_json(ground.world, repository, status));
    std::ranges::sort(told, {}, [](const json& one) { return one["id"].get<std::int64_t>(); });
    std::map<std::string, std::int64_t> newest;
    for (const auto& one : told) newest[one["name"]] = one["id"];
    std::erase_if(told, [&](const json& one) {
        return (!every && newest.at(one["name"]) != one["id"]) || (name && one["name"] != *name);
    });
    return page_of(ground.world, call, told);
}

/// The newest first.
Answer list_pipelines(Ground& ground, Call& call) {
    const auto lock = ground.world.lock();
    std::vector<json> all;
    for (const auto& [id, suite] : call.repository->check_suites) {
        auto pipeline = pipeline_json(ground.world, *call.repository, suite);
        const auto is = [&](const char* name) {
            const auto wanted = field(call, name);
            return !wanted || pipeline[name] == *wanted;
        };
        if (is("sha") && is("ref") && is("status") && is("source")) all.push_back(std::move(pipeline));
    }
    if (call.value("sort") != "asc") std::ranges::reverse(all);
    return page_of(ground.world, call, all);
}

const CheckSuite& pipeline_of(const Call& call) {
    const auto found = call.repository->check_suites.find(call.number("pipeline_id"));
    if (found == call.repository->check_suites.end()) throw not_found();
    return found->second;
}

Answer get_pipeline(Ground& ground, Call& call) {
    const auto lock = ground.world.lock();
    auto pipeline = pipeline_json(ground.world, *call.repository, pipeline_of(call));
    pipeline.update({{"before_sha", std::string(40, '0')},
                     {"tag", false},
                     {"yaml_errors", nullptr},
                     {"user", user_json(ground.world, call.repository->owner)},
                     {"started_at", pipeline["created_at"]},
                     {"finished_at", nullptr},
                     {"committed_at", nullptr},
                     {"duration", 1},
                     {"queued_duration", 1},
                     {"coverage", nullptr},
                     {"name", nullptr}});
    return {.body = pipeline};
}

/// The newest of each name, unless those tried again are asked for; what comes from elsewhere is no job.
Answer list_jobs(Ground& ground, Call& call) {
    const bool every = flag(call, "include_retried").value_or(false);
    const auto scope = words(call, call.parameters.contains("scope[]") ? "scope[]" : "scope");
    const auto lock = ground.world.lock();
    const auto& pipeline = pipeline_of(call);
    std::map<std::string, std::int64_t> newest;
    for (const auto& [id, job] : call.repository->check_runs)
        if (job.suite == pipeline.id) newest[job.name] = id;
    std::vector<json> all;
    for (auto at = call.repository->check_runs.rbegin(); at != call.repository->check_runs.rend(); ++at) {
        const auto& job = at->second;
        if (job.suite != pipeline.id || (!every && newest.at(job.name) != job.id)) continue;
        if (scope && std::ranges::find(*scope, state_word(job)) == scope->end()) continue;
        all.push_back(job_json(ground.world, *call.repository, job));
    }
    return page_of(ground.world, call, all);
}

const StoredCheckRun& job_of(const Call& call) {
    const auto found = call.repository->check_runs.find(call.number("job_id"));
    if (found == call.repository->check_runs.end()) throw not_found();
    return found->second;
}

Answer get_job(Ground& ground, Call& call) {
    const auto lock = ground.world.lock();
    return {.body = job_json(ground.world, *call.repository, job_of(call))};
}

/// Its log, as plain text; nothing at all when there is none.
Answer get_trace(Ground& ground, Call& call) {
    const auto lock = ground.world.lock();
    const auto& log = job_of(call).log;
    return {.body = nullptr, .headers = {}, .actor = {}, .page = {}, .plain = log, .silent = log.empty()};
}

}  // namespace

const std::vector<Route>& status_routes() {
    static const std::vector<Route> routes = {
        {"POST", "/projects/{owner}/{repo}/statuses/{sha}", Access::write, kDeveloper, post_status, false},
        {"GET", "/projects/{owner}/{repo}/repository/commits/{sha}/statuses", Access::read, kReporter,
         list_statuses},
        {"GET", "/projects/{owner}/{repo}/pipelines", Access::read, kReporter, list_pipelines},
        {"GET", "/projects/{owner}/{repo}/pipelines/{pipeline_id}", Access::read, kReporter, get_pipeline},
        {"GET", "/projects/{owner}/{repo}/pipelines/{pipeline_id}/jobs", Access::read, kReporter, list_jobs},
        {"GET", "/projects/{owner}/{repo}/jobs/{job_id}", Access::read, kReporter, get_job},
        {"GET", "/projects/{owner}/{repo}/jobs/{job_id}/trace", Access::read, kReporter, get_trace},
    };
    return routes;
}

}  // namespace practice_forge::gitlab
