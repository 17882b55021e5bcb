#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "tests/practice_forge/deeds.hpp"
#include "tests/practice_forge/git.hpp"
#include "tests/practice_forge/shapes.hpp"

/// Check runs in their suites, and commit statuses. https://docs.github.com/en/rest/checks/suites
namespace practice_forge {
namespace {

CheckSuite& suite_of(World& world, Repository& repository, const StoredCheckRun& run) {
    for (auto& [id, suite] : repository.check_suites) {
        if (suite.app == run.app && suite.head_sha == run.head_sha) return suite;
    }
    const auto id = world.next_id();
    return repository.check_suites[id] = {
               .id = id, .app = run.app, .head_sha = run.head_sha, .created = world.now()};
}

/// What the newest runs of a suite come to; empty while one of them goes on.
std::string conclusion_of(const Repository& repository, std::int64_t suite) {
    std::map<std::string, const StoredCheckRun*> newest;
    for (const auto& [id, run] : repository.check_runs) {
        if (run.suite == suite) newest[run.name] = &run;
    }
    static constexpr std::array kWorst = {"failure", "timed_out", "action_required", "cancelled", "success"};
    std::size_t worst = kWorst.size();
    for (const auto& [name, run] : newest) {
        if (run->status != "completed") return {};
        const auto rank = std::ranges::find(kWorst, run->conclusion) - kWorst.begin();
        worst = std::min(worst, static_cast<std::size_t>(rank));
    }
    return worst == kWorst.size() ? "neutral" : kWorst.at(worst);
}

}  // namespace

StoredCheckRun Deeds::keep_check(Repository& repository, StoredCheckRun run, const std::string& by) {
    const auto commit = Git(repository.git).read(run.head_sha);
    if (!commit) throw Problem(422, "No commit found for SHA: " + run.head_sha);
    const auto lock = world_.lock();
    const auto& suite = suite_of(world_, repository, run);
    run.suite = suite.id;
    if (run.id == 0) run.id = world_.next_id();
    auto& kept = repository.check_runs[run.id];
    const bool ends = run.status == "completed" && kept.status != "completed";
    kept = run;
    if (!ends) return kept;

    const auto conclusion = conclusion_of(repository, suite.id);
    auto payload = event_json(world_, repository, "completed", by);
    payload["check_run"] = told_run_json(world_, repository, kept);
    payload["check_run"]["check_suite"] = told_suite_json(world_, repository, suite, conclusion);
    hooks_.send("check_run", payload, repository.id);
    if (conclusion.empty()) return kept;

    payload.erase("check_run");
    payload["check_suite"] = told_suite_json(world_, repository, suite, conclusion);
    payload["check_suite"].update(
        {{"latest_check_runs_count",
          std::ranges::count_if(repository.check_runs,
                                [&](const auto& entry) { return entry.second.suite == suite.id; })},
         {"check_runs_url", payload["check_suite"]["url"].get<std::string>() + "/check-runs"},
         {"head_commit", simple_commit_json(repository, *commit)}});
    hooks_.send("check_suite", payload, repository.id);
    return kept;
}

CommitStatus Deeds::keep_status(Repository& repository, CommitStatus status) {
    const Git git(repository.git);
    const auto commit = git.read(status.sha);
    if (!commit) throw Problem(422, "No commit found for SHA: " + status.sha);
    const auto branches = hooks_.wants("status") ? git.branches() : std::map<std::string, std::string>{};
    const auto lock = world_.lock();
    status.id = world_.next_id();
    status.created = status.updated = world_.now();
    world_.user(status.creator);
    repository.statuses.push_back(status);

    auto payload = event_json(world_, repository, "", status.creator);
    payload.erase("action");
    auto told = commit_json(world_, repository, *commit);
    told["commit"]["verification"].erase("verified_at");
    json at = json::array();
    for (const auto& [name, sha] : branches) {
        if (sha != status.sha) continue;
        const json there = {{"sha", sha}, {"url", api(world_, repository) + "/commits/" + sha}};
        at.push_back({{"name", name}, {"commit", there}, {"protected", false}});
    }
    payload.update(status_json(world_, repository, status, false));
    payload.erase("url");
    payload.erase("node_id");
    payload.update(
        {{"sha", status.sha}, {"name", repository.full_name()}, {"commit", told}, {"branches", at}});
    hooks_.send("status", payload, repository.id);
    return status;
}

}  // namespace practice_forge
