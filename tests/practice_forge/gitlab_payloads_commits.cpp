#include <fmt/format.h>

#include <algorithm>

#include "tests/practice_forge/gitlab_payloads.hpp"
#include "tests/practice_forge/gitlab_shapes.hpp"

/// Pushes and pipelines.
namespace practice_forge::gitlab {
namespace {

const std::string kNothing(40, '0');

json hook_job(World& world, const Repository& repository, const StoredCheckRun& job) {
    const auto when = [](const std::optional<Time>& time) {
        return time ? json(hook_moment(*time)) : json(nullptr);
    };
    const auto state = state_word(job);
    return {{"id", job.id},
            {"stage", "test"},
            {"name", job.name},
            {"status", state},
            {"created_at", when(job.started)},
            {"started_at", when(job.started)},
            {"finished_at", when(job.completed)},
            {"duration", 1.5},
            {"queued_duration", 0.5},
            {"failure_reason", state == "failed" ? json("script_failure") : json(nullptr)},
            {"when", "on_success"},
            {"manual", false},
            {"allow_failure", false},
            {"user", hook_user(world, repository.owner)},
            {"runner", nullptr},
            {"artifacts_file", {{"filename", nullptr}, {"size", nullptr}}},
            {"environment", nullptr}};
}

json request_of_pipeline(const World& world, const Repository& repository, const CheckSuite& pipeline) {
    for (const auto& [key, thread] : repository.threads) {
        if (!thread.pull || thread.pull->head_sha != pipeline.head_sha) continue;
        const auto [plain, detailed] = merge_status(world, thread);
        return {{"id", thread.id},
                {"iid", thread.number},
                {"title", thread.title},
                {"source_branch", thread.pull->head_branch},
                {"source_project_id", repository.id},
                {"target_branch", thread.pull->base_branch},
                {"target_project_id", repository.id},
                {"state", state_word(thread)},
                {"merge_status", plain},
                {"detailed_merge_status", detailed},
                {"url", thread_page(world, repository, thread)}};
    }
    return nullptr;
}

}  // namespace

/// git is not asked when it was made, nor what it changed.
json hook_commit(const World& world, const Repository& repository, const Commit& commit) {
    return {{"id", commit.sha},
            {"message", commit.message + "\n"},
            {"title", commit.message.substr(0, commit.message.find('\n'))},
            {"timestamp", timestamp(repository.pushed).substr(0, 19) + "+00:00"},
            {"url", html(world, repository) + "/-/commit/" + commit.sha},
            {"author", {{"name", commit.author}, {"email", "[REDACTED]"}}},
            {"added", json::array()},
            {"modified", json::array()},
            {"removed", json::array()}};
}

json hook_pipeline(World& world, Repository& repository, const CheckSuite& pipeline, const Commit& commit,
                   const std::string& by) {
    const auto state = pipeline_state(repository, pipeline);
    const bool over = state == "success" || state == "failed" || state == "canceled" || state == "skipped";
    json jobs = json::array();
    for (const auto& [id, job] : repository.check_runs)
        if (job.suite == pipeline.id) jobs.push_back(hook_job(world, repository, job));
    auto project = hook_project(world, repository);
    for (const char* only_elsewhere : {"homepage", "url", "ssh_url", "http_url"})
        project.erase(only_elsewhere);
    auto last = hook_commit(world, repository, commit);
    for (const char* more : {"added", "modified", "removed"}) last.erase(more);
    return {{"object_kind", "pipeline"},
            {"object_attributes",
             {{"id", pipeline.id},
              {"iid", pipeline.id},
              {"name", nullptr},
              {"ref", ref_of(repository, pipeline.head_sha)},
              {"tag", false},
              {"sha", pipeline.head_sha},
              {"before_sha", kNothing},
              {"source", pipeline.app == world.customs.runner ? "push" : "external"},
              {"status", state},
              {"detailed_status", state == "success" ? "passed" : state},
              {"stages", jobs.empty() ? json::array({"external"}) : json::array({"test"})},
              {"created_at", hook_moment(pipeline.created)},
              {"finished_at", over ? json(hook_moment(world.now())) : json(nullptr)},
              {"duration", over ? json(1) : json(nullptr)},
              {"queued_duration", 1},
              {"variables", json::array()},
              {"url", fmt::format("{}/-/pipelines/{}", html(world, repository), pipeline.id)}}},
            {"merge_request", request_of_pipeline(world, repository, pipeline)},
            {"user", hook_user(world, by)},
            {"project", project},
            {"commit", last},
            {"builds", jobs}};
}

/// At most 20 commits, the oldest of them first.
json hook_push(World& world, const Repository& repository, const Herald::Push& push, const std::string& by) {
    json commits = json::array();
    const auto first = push.commits.size() > 20 ? push.commits.size() - 20 : 0;
    for (auto i = first; i < push.commits.size(); ++i)
        commits.push_back(hook_commit(world, repository, push.commits[i]));
    auto about = hook_repository(world, repository);
    const auto project = hook_project(world, repository);
    about.update({{"git_http_url", project["git_http_url"]},
                  {"git_ssh_url", project["git_ssh_url"]},
                  {"visibility_level", project["visibility_level"]}});
    return {{"object_kind", "push"},
            {"event_name", "push"},
            {"before", push.before.empty() ? kNothing : push.before},
            {"after", push.after.empty() ? kNothing : push.after},
            {"ref", "refs/heads/" + push.branch},
            {"ref_protected", false},
            {"checkout_sha", push.after.empty() ? json(nullptr) : json(push.after)},
            {"message", nullptr},
            {"user_id", world.user(by).id},
            {"user_name", by},
            {"user_username", by},
            {"user_email", nullptr},
            {"user_avatar", avatar_url(world, by)},
            {"project_id", repository.id},
            {"project", project},
            {"commits", commits},
            {"total_commits_count", push.commits.size()},
            {"push_options", json::object()},
            {"repository", about}};
}

}  // namespace practice_forge::gitlab
