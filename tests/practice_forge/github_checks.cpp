#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>
#include <utility>

#include "tests/practice_forge/credentials.hpp"
#include "tests/practice_forge/git.hpp"
#include "tests/practice_forge/github_shapes.hpp"
#include "tests/practice_forge/github_tongue.hpp"

/// https://docs.github.com/en/rest/checks/runs and https://docs.github.com/en/rest/commits/statuses
namespace practice_forge::github {
namespace {

constexpr std::size_t kTextLimit = 65'535;
constexpr std::size_t kAnnotations = 50;

/// A branch or a commit id of the path; throws as GitHub does when there is no such commit.
std::string resolve(const Call& call, const char* name) {
    const Git git(call.repository->git);
    const std::string ref = call.value(name);
    if (const auto sha = git.branch(ref.starts_with("heads/") ? ref.substr(6) : ref)) return *sha;
    if (!git.has(ref)) throw Problem(422, "No commit found for SHA: " + ref);
    return ref;
}

void take_output(const Call& call, StoredCheckRun& run) {
    const auto output = call.body.find("output");
    if (output == call.body.end()) return;
    run.has_output = true;
    if (output->contains("title")) run.title = output->at("title").get<std::string>();
    run.summary = output->at("summary").get<std::string>();
    if (output->contains("text")) run.text = output->at("text").get<std::string>();
    if (run.summary.size() > kTextLimit)
        throw invalid("CheckRun", "output.summary", "custom", "summary exceeds a maximum bytesize of 65535");
    if (run.text.size() > kTextLimit)
        throw invalid("CheckRun", "output.text", "custom", "text exceeds a maximum bytesize of 65535");
    const json annotations = output->value("annotations", json::array());
    if (annotations.size() > kAnnotations) {
        throw Problem(422,
                      fmt::format("Invalid request.\n\nNo more than {} items are allowed; {} were supplied.",
                                  kAnnotations, annotations.size()));
    }
    for (const auto& one : annotations) {
        run.annotations.push_back({.path = one.at("path"),
                                   .level = one.at("annotation_level"),
                                   .title = one.value("title", ""),
                                   .message = one.at("message"),
                                   .start_line = one.at("start_line"),
                                   .end_line = one.at("end_line")});
    }
}

void take_fields(const Call& call, StoredCheckRun& run, Time now) {
    static constexpr std::array kStates = {"queued", "in_progress", "completed"};
    static constexpr std::array kConclusions = {"action_required", "cancelled", "failure",  "neutral",
                                                "success",         "skipped",   "timed_out"};
    if (const auto text = call.text_field("name")) run.name = *text;
    if (const auto text = call.text_field("external_id")) run.external_id = *text;
    if (const auto text = call.text_field("details_url")) run.details_url = *text;
    if (const auto text = call.text_field("status")) {
        if (std::ranges::find(kStates, *text) == kStates.end())
            throw invalid("CheckRun", "status", "invalid");
        run.status = *text;
    }
    if (const auto text = call.text_field("conclusion")) {
        if (std::ranges::find(kConclusions, *text) == kConclusions.end())
            throw invalid("CheckRun", "conclusion", "invalid");
        run.conclusion = *text;
        run.status = "completed";
        run.completed = now;
    }
    if (run.status == "completed" && run.conclusion.empty())
        throw invalid("CheckRun", "conclusion", "missing_field");
    take_output(call, run);
}

Answer post_check_run(Ground& ground, Call& call) {
    if (call.who.kind != Identity::Kind::installation)
        throw Problem(403, "You must authenticate via a GitHub App.");
    StoredCheckRun run;
    run.name = call.required_text("name");
    run.head_sha = call.required_text("head_sha");
    if (!Git(call.repository->git).has(run.head_sha))
        throw Problem(422, "No commit found for SHA: " + run.head_sha);
    run.status = "queued";
    run.started = ground.world.now();
    take_fields(call, run, ground.world.now());
    {
        const auto lock = ground.world.lock();
        run.app = ground.world.app.slug;
    }
    const auto kept = ground.deeds.keep_check(*call.repository, run, call.who.login);
    const auto lock = ground.world.lock();
    return {.status = 201, .body = check_run_json(ground.world, *call.repository, kept)};
}

StoredCheckRun& run_of(Call& call) {
    const auto found = call.repository->check_runs.find(call.number("check_run_id"));
    if (found == call.repository->check_runs.end()) throw not_found();
    return found->second;
}

Answer get_check_run(Ground& ground, Call& call) {
    const auto lock = ground.world.lock();
    return {.body = check_run_json(ground.world, *call.repository, run_of(call))};
}

Answer patch_check_run(Ground& ground, Call& call) {
    if (call.who.kind != Identity::Kind::installation)
        throw Problem(403, "You must authenticate via a GitHub App.");
    StoredCheckRun changed;
    {
        const auto lock = ground.world.lock();
        changed = run_of(call);
        if (changed.app != ground.world.app.slug)
            throw Problem(403, "Resource not accessible by integration");
    }
    take_fields(call, changed, ground.world.now());
    const auto kept = ground.deeds.keep_check(*call.repository, changed, call.who.login);
    const auto lock = ground.world.lock();
    return {.body = check_run_json(ground.world, *call.repository, kept)};
}

Answer list_check_runs(Ground& ground, Call& call) {
    const std::string sha = resolve(call, "ref");
    const auto lock = ground.world.lock();
    const bool every = call.value("filter", "latest") == "all";
    std::vector<json> all;
    std::set<std::pair<std::int64_t, std::string>> seen;  // the newest of each name in its suite
    const auto& runs = call.repository->check_runs;
    for (auto at = runs.rbegin(); at != runs.rend(); ++at) {
        const auto& run = at->second;
        if (run.head_sha != sha) continue;
        if (const auto name = call.value("check_name"); !name.empty() && name != run.name) continue;
        if (!seen.emplace(run.suite, run.name).second && !every) continue;
        all.push_back(check_run_json(ground.world, *call.repository, run));
    }
    return page_of(ground.world, call, all, "check_runs");
}

Answer list_annotations(Ground& ground, Call& call) {
    const auto lock = ground.world.lock();
    const auto& run = run_of(call);
    std::vector<json> all;
    for (const auto& annotation : run.annotations)
        all.push_back(annotation_json(ground.world, *call.repository, run, annotation));
    return page_of(ground.world, call, all);
}

/// A job has its check run's id. The log is kept elsewhere, at an address that is a permission by itself.
/// https://docs.github.com/en/rest/actions/workflow-jobs#download-job-logs-for-a-workflow-run
Answer get_job_log(Ground& ground, Call& call) {
    const auto lock = ground.world.lock();
    const auto found = call.repository->check_runs.find(call.number("job_id"));
    if (found == call.repository->check_runs.end() || found->second.log.empty()) throw not_found();
    return {.status = 302,
            .body = nullptr,
            .headers = {{"Location", log_address(ground.world, found->first)}},
            .actor = {}};
}

Answer post_status(Ground& ground, Call& call) {
    static constexpr std::array kStates = {"error", "failure", "pending", "success"};
    CommitStatus status;
    status.sha = call.value("sha");
    if (!Git(call.repository->git).has(status.sha))
        throw Problem(422, "No commit found for SHA: " + status.sha);
    status.state = call.required_text("state");
    if (std::ranges::find(kStates, status.state) == kStates.end())
        throw invalid("Status", "state", "custom", "state is not included in the list");
    status.context = call.text_field("context").value_or("default");
    status.description = call.text_field("description").value_or("");
    status.target_url = call.text_field("target_url").value_or("");
    if (code_points(status.description) > 140)
        throw invalid("Status", "description", "custom",
                      "description is too long (maximum is 140 characters)");
    status.creator = call.who.login;
    const auto kept = ground.deeds.keep_status(*call.repository, status);
    const auto lock = ground.world.lock();
    return {.status = 201, .body = status_json(ground.world, *call.repository, kept, true)};
}

/// Every status with its creator, the newest first.
Answer list_statuses(Ground& ground, Call& call) {
    const std::string sha = resolve(call, "ref");
    const auto lock = ground.world.lock();
    std::vector<json> all;
    const auto& statuses = call.repository->statuses;
    for (auto at = statuses.rbegin(); at != statuses.rend(); ++at)
        if (at->sha == sha) all.push_back(status_json(ground.world, *call.repository, *at, true));
    return page_of(ground.world, call, all);
}

/// The newest status of each context; the worst of them is the state of all.
Answer get_combined_status(Ground& ground, Call& call) {
    const std::string sha = resolve(call, "ref");
    const auto lock = ground.world.lock();
    std::map<std::string, CommitStatus> newest;
    for (const auto& status : call.repository->statuses) {
        if (status.sha == sha) newest[status.context] = status;
    }
    std::string state = newest.empty() ? "pending" : "success";
    json statuses = json::array();
    for (const auto& [context, status] : newest) {
        if (status.state == "failure" || status.state == "error") state = "failure";
        if (status.state == "pending" && state != "failure") state = "pending";
        statuses.push_back(status_json(ground.world, *call.repository, status, false));
    }
    const std::string url = api(ground.world, *call.repository);
    return {.body = {{"state", state},
                     {"sha", sha},
                     {"total_count", statuses.size()},
                     {"statuses", statuses},
                     {"repository", repository_json(ground.world, *call.repository)},
                     {"commit_url", url + "/commits/" + sha},
                     {"url", url + "/commits/" + sha + "/status"}}};
}

}  // namespace

const std::vector<Route>& check_routes() {
    static const std::vector<Route> routes = {
        {"POST", "/repos/{owner}/{repo}/check-runs", Access::write, "checks", post_check_run},
        {"GET", "/repos/{owner}/{repo}/check-runs/{check_run_id}", Access::read, "checks", get_check_run},
        {"PATCH", "/repos/{owner}/{repo}/check-runs/{check_run_id}", Access::write, "checks",
         patch_check_run},
        {"GET", "/repos/{owner}/{repo}/check-runs/{check_run_id}/annotations", Access::read, "checks",
         list_annotations},
        {"GET", "/repos/{owner}/{repo}/actions/jobs/{job_id}/logs", Access::read, "actions", get_job_log},
        {"GET", "/repos/{owner}/{repo}/commits/{ref}/statuses", Access::read, "statuses", list_statuses},
        {"GET", "/repos/{owner}/{repo}/commits/{ref}/check-runs", Access::read, "checks", list_check_runs},
        {"POST", "/repos/{owner}/{repo}/statuses/{sha}", Access::write, "statuses", post_status},
        {"GET", "/repos/{owner}/{repo}/commits/{ref}/status", Access::read, "statuses", get_combined_status},
    };
    return routes;
}

}  // namespace practice_forge::github
