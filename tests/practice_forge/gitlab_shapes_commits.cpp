#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>

#include "tests/practice_forge/gitlab_shapes.hpp"

/// Commits and what CI says of them: statuses, and jobs in pipelines. What one App does for one commit is a
/// pipeline here. https://docs.gitlab.com/api/pipelines/ and
/// https://docs.gitlab.com/api/commits/#commit-status
namespace practice_forge::gitlab {
namespace {

using StatePair = std::pair<std::string_view, std::string_view>;
constexpr std::array<StatePair, 6> kStatusWords{{{"pending", "pending"},
                                                 {"running", "running"},
                                                 {"success", "success"},
                                                 {"failed", "failure"},
                                                 {"canceled", "cancelled"},
                                                 {"skipped", "skipped"}}};

std::string address_in(const World& world, const std::string& url) {
    return url.starts_with('/') ? world.base_url + url : url;
}

std::optional<Time> when_over(const CommitStatus& status) {
    const bool goes_on = status.state == "pending" || status.state == "running";
    return goes_on ? std::nullopt : std::optional(status.updated);
}

}  // namespace

std::string_view state_word(std::string_view state) {
    if (state == "error" || state == "timed_out") return "failed";
    const auto found = std::ranges::find(kStatusWords, state, &StatePair::second);
    return found == kStatusWords.end() ? "success" : found->first;
}

std::string_view state_of_word(std::string_view word) {
    const auto found = std::ranges::find(kStatusWords, word, &StatePair::first);
    return found == kStatusWords.end() ? std::string_view() : found->second;
}

std::string_view state_word(const StoredCheckRun& job) {
    if (job.status == "completed") return state_word(job.conclusion);
    return job.status == "in_progress" ? "running" : "pending";
}

std::string pipeline_state(const Repository& repository, const CheckSuite& pipeline) {
    std::map<std::string, std::string_view> newest;
    for (const auto& [id, job] : repository.check_runs)
        if (job.suite == pipeline.id) newest[job.name] = state_word(job);
    for (const auto& status : repository.statuses)
        if (status.suite == pipeline.id) newest[status.context] = state_word(status.state);
    static constexpr std::array<std::string_view, 6> kFirst = {"running",  "pending", "failed",
                                                               "canceled", "success", "skipped"};
    for (const auto word : kFirst)
        if (std::ranges::any_of(newest, [&](const auto& entry) { return entry.second == word; }))
            return std::string(word);
    return "created";
}

std::string ref_of(const Repository& repository, const std::string& sha) {
    const auto found = std::ranges::find_if(repository.threads, [&](const auto& entry) {
        return entry.second.pull && entry.second.pull->head_sha == sha;
    });
    return found == repository.threads.end() ? repository.default_branch : found->second.pull->head_branch;
}

/// git is not asked when it was made: the last push is near enough.
json commit_json(const World& world, const Repository& repository, const Commit& commit) {
    const auto when = moment(repository.pushed);
    return {{"id", commit.sha},
            {"short_id", commit.sha.substr(0, 8)},
            {"created_at", when},
            {"parent_ids", commit.parents},
            {"title", commit.message.substr(0, commit.message.find('\n'))},
            {"message", commit.message + "\n"},
            {"author_name", commit.author},
            {"author_email", commit.author_email},
            {"authored_date", when},
            {"committer_name", commit.committer},
            {"committer_email", commit.author_email},
            {"committed_date", when},
            {"trailers", json::object()},
            {"extended_trailers", json::object()},
            {"web_url", html(world, repository) + "/-/commit/" + commit.sha}};
}

json status_json(World& world, const Repository& repository, const CommitStatus& status) {
    const auto begun = status.state == "pending" ? std::nullopt : std::optional(status.created);
    return {{"id", status.id},
            {"sha", status.sha},
            {"ref", status.ref.empty() ? ref_of(repository, status.sha) : status.ref},
            {"status", state_word(status.state)},
            {"name", status.context},
            {"target_url",
             status.target_url.empty() ? json(nullptr) : json(address_in(world, status.target_url))},
            {"description", status.description.empty() ? json(nullptr) : json(status.description)},
            {"created_at", moment(status.created)},
            {"started_at", moment_or_null(begun)},
            {"finished_at", moment_or_null(when_over(status))},
            {"allow_failure", false},
            {"coverage", nullptr},
            {"pipeline_id", status.suite},
            {"author", user_json(world, status.creator)}};
}

json status_json(World& world, const Repository& repository, const StoredCheckRun& job) {
    return {{"id", job.id},
            {"sha", job.head_sha},
            {"ref", ref_of(repository, job.head_sha)},
            {"status", state_word(job)},
            {"name", job.name},
            {"target_url", fmt::format("{}/-/jobs/{}", html(world, repository), job.id)},
            {"description", nullptr},
            {"created_at", moment_or_null(job.started)},
            {"started_at", moment_or_null(job.started)},
            {"finished_at", moment_or_null(job.completed)},
            {"allow_failure", false},
            {"coverage", nullptr},
            {"pipeline_id", job.suite},
            {"author", user_json(world, repository.owner)}};
}

json pipeline_json(const World& world, const Repository& repository, const CheckSuite& pipeline) {
    return {{"id", pipeline.id},
            {"iid", pipeline.id},
            {"project_id", repository.id},
            {"sha", pipeline.head_sha},
            {"ref", ref_of(repository, pipeline.head_sha)},
            {"status", pipeline_state(repository, pipeline)},
            {"source", pipeline.app == world.customs.runner ? "push" : "external"},
            {"created_at", moment(pipeline.created)},
            {"updated_at", moment(pipeline.created)},
            {"web_url", fmt::format("{}/-/pipelines/{}", html(world, repository), pipeline.id)}};
}

json job_json(World& world, const Repository& repository, const StoredCheckRun& job) {
    const auto state = state_word(job);
    const auto& pipeline = repository.check_suites.at(job.suite);
    auto user = user_json(world, repository.owner);
    user.update({{"created_at", moment(repository.created)}, {"bio", ""}});
    return {{"id", job.id},
            {"status", state},
            {"stage", "test"},
            {"name", job.name},
            {"ref", ref_of(repository, job.head_sha)},
            {"tag", false},
            {"coverage", nullptr},
            {"allow_failure", false},
            {"created_at", moment_or_null(job.started)},
            {"started_at", moment_or_null(job.started)},
            {"finished_at", moment_or_null(job.completed)},
            {"erased_at", nullptr},
            {"duration", 1.5},
            {"queued_duration", 0.5},
            {"user", user},
            {"pipeline", pipeline_json(world, repository, pipeline)},
            {"failure_reason", state == "failed" ? json("script_failure") : json(nullptr)},
            {"web_url", fmt::format("{}/-/jobs/{}", html(world, repository), job.id)},
            {"project", {{"ci_job_token_scope_enabled", false}}},
            {"artifacts", json::array()},
            {"runner", nullptr},
            {"runner_manager", nullptr},
            {"artifacts_expire_at", nullptr},
            {"archived", false},
            {"tag_list", json::array()}};
}

}  // namespace practice_forge::gitlab
