#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "tests/practice_forge/deeds.hpp"
#include "tests/practice_forge/git.hpp"

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
    status.id = world_.next_id();
    status.created = status.updated = world_.now();
    world_.user(status.creator);
    repository.statuses.push_back(status);
    herald_.status_set(repository, status, *commit, branches);
    return status;
}

}  // namespace practice_forge
