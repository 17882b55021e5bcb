#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "tests/practice_forge/deeds.hpp"
#include "tests/practice_forge/git.hpp"

/// Check runs in their suites, and commit statuses. https://docs.github.com/en/rest/checks/suites
namespace practice_forge {
namespace {

CheckSuite& suite_of(World& world, Repository& repository, const std::string& app, const std::string& sha) {
    for (auto& [id, suite] : repository.check_suites) {
        if (suite.app == app && suite.head_sha == sha) return suite;
    }
    const auto id = world.next_id();
    return repository.check_suites[id] = {.id = id, .app = app, .head_sha = sha, .created = world.now()};
}

/// The newest pipeline of its commit, or one for what comes from elsewhere.
CheckSuite& pipeline_for(World& world, Repository& repository, const CommitStatus& status) {
    for (auto at = repository.check_suites.rbegin(); at != repository.check_suites.rend(); ++at)
        if (at->second.head_sha == status.sha) return at->second;
    return suite_of(world, repository, "external", status.sha);
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
    const auto& suite = suite_of(world_, repository, run.app, run.head_sha);
    run.suite = suite.id;
    if (run.id == 0) run.id = world_.next_id();
    auto& kept = repository.check_runs[run.id];
    const bool ends = run.status == "completed" && kept.status != "completed";
    kept = run;
    if (!ends) return kept;

    const auto conclusion = conclusion_of(repository, suite.id);
    herald_.check_ended(repository, kept, suite, conclusion, by);
    if (!conclusion.empty()) herald_.suite_ended(repository, suite, conclusion, *commit, by);
    return kept;
}

CommitStatus Deeds::keep_status(Repository& repository, CommitStatus status) {
    const Git git(repository.git);
    const auto commit = git.read(status.sha);
    if (!commit) throw Problem(422, "No commit found for SHA: " + status.sha);
    std::vector<std::string> branches;
    if (hooks_.wants("status")) {
        for (const auto& [name, sha] : git.branches())
            if (sha == status.sha) branches.push_back(name);
    }
    const auto lock = world_.lock();
    status.updated = world_.now();
    world_.user(status.creator);
    if (world_.customs.pipelines && status.suite == 0)
        status.suite = pipeline_for(world_, repository, status).id;
    const auto known = std::ranges::find(repository.statuses, status.id, &CommitStatus::id);
    if (known != repository.statuses.end()) {
        *known = status;
    } else {
        status.id = world_.next_id();
        status.created = status.updated;
        repository.statuses.push_back(status);
    }
    herald_.status_set(repository, status, *commit, branches);
    return status;
}

}  // namespace practice_forge
