#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "tests/practice_forge/git.hpp"
#include "tests/practice_forge/inside.hpp"

/// The public face, second half: what is done to repositories, branches and commits.
namespace practice_forge {

void PracticeForge::create_repository(const RepositorySeed& seed) { inside_->deeds.create_repository(seed); }
void PracticeForge::rename_repository(std::string_view repository, std::string_view new_full_name) {
    inside_->deeds.rename_repository(repository, new_full_name);
}
void PracticeForge::archive_repository(std::string_view repository) {
    inside_->deeds.archive_repository(inside_->repository(repository));
}
void PracticeForge::delete_repository(std::string_view repository) {
    inside_->deeds.delete_repository(inside_->repository(repository));
}
void PracticeForge::uninstall_app() { inside_->deeds.uninstall_app(); }
void PracticeForge::suspend_app() { inside_->deeds.suspend_app(true); }
void PracticeForge::unsuspend_app() { inside_->deeds.suspend_app(false); }
void PracticeForge::remove_from_installation(std::string_view repository) {
    inside_->deeds.remove_from_installation(inside_->repository(repository));
}

std::string PracticeForge::commit_files(std::string_view repository, std::string_view branch,
                                        const std::vector<File>& files, std::string_view message,
                                        std::string_view author) {
    return inside_->deeds.commit_files(inside_->repository(repository), std::string(branch), files,
                                       std::string(message), std::string(author));
}
void PracticeForge::delete_branch(std::string_view repository, std::string_view branch) {
    auto& changed = inside_->repository(repository);
    inside_->deeds.delete_branch(changed, std::string(branch), changed.owner);
}

void PracticeForge::lock(std::string_view repository, Which which, std::string_view by) {
    inside_->deeds.set_locked(inside_->repository(repository), inside_->world.key_of(which), true,
                              std::string(by));
}
void PracticeForge::unlock(std::string_view repository, Which which, std::string_view by) {
    inside_->deeds.set_locked(inside_->repository(repository), inside_->world.key_of(which), false,
                              std::string(by));
}
std::int64_t PracticeForge::transfer_issue(std::string_view repository, Which which, std::string_view to,
                                           std::string_view by) {
    return inside_->deeds.transfer_issue(inside_->repository(repository), inside_->world.key_of(which),
                                         inside_->repository(to), std::string(by));
}

namespace {

/// The newest run of this name that is not over yet, or a new one.
StoredCheckRun run_named(const World& world, const Repository& repository, std::string_view sha,
                         std::string_view name) {
    const auto lock = world.lock();
    const std::string runner(world.customs.runner);
    for (auto at = repository.check_runs.rbegin(); at != repository.check_runs.rend(); ++at) {
        const auto& run = at->second;
        if (run.app == runner && run.head_sha == sha && run.name == name && run.status != "completed")
            return run;
    }
    StoredCheckRun made;
    made.app = runner;
    made.name = name;
    made.head_sha = sha;
    made.started = world.now();
    return made;
}

/// What a job says where there are no check runs. https://docs.gitea.com/usage/actions/overview
CommitStatus status_of(const World& world, const Repository& repository, std::string_view sha,
                       std::string_view name, std::string_view state, std::string_view description) {
    CommitStatus status;
    status.sha = sha;
    status.context = name;
    status.state = state;
    status.description = description;
    status.creator = world.customs.runner;
    status.target_url = fmt::format("/{}/actions/runs/1/jobs/0", repository.full_name());
    return status;
}

struct Ending {
    std::string_view conclusion, state, description;
};
/// Of GitHub's conclusions, what a commit status has for them.
Ending ending_of(std::string_view conclusion) {
    static constexpr std::array kEndings = {Ending{"success", "success", "Successful in 1s"},
                                            Ending{"neutral", "success", "Successful in 1s"},
                                            Ending{"skipped", "success", "Has been skipped"},
                                            Ending{"cancelled", "failure", "Has been cancelled"}};
    const auto found = std::ranges::find(kEndings, conclusion, &Ending::conclusion);
    return found == kEndings.end() ? Ending{conclusion, "failure", "Failing after 1s"} : *found;
}

}  // namespace

void PracticeForge::begin_check(std::string_view repository, std::string_view sha, std::string_view name) {
    auto& of = inside_->repository(repository);
    if (!inside_->world.customs.check_runs) {
        (void)inside_->deeds.keep_status(
            of, status_of(inside_->world, of, sha, name, "pending", "Has started running"));
        return;
    }
    auto run = run_named(inside_->world, of, sha, name);
    run.status = "in_progress";
    (void)inside_->deeds.keep_check(of, run, of.owner);
}
void PracticeForge::finish_check(std::string_view repository, std::string_view sha, std::string_view name,
                                 std::string_view conclusion, const std::vector<Annotation>& annotations,
                                 std::string_view log) {
    auto& of = inside_->repository(repository);
    if (!inside_->world.customs.check_runs) {
        const auto ending = ending_of(conclusion);
        (void)inside_->deeds.keep_status(
            of, status_of(inside_->world, of, sha, name, ending.state, ending.description));
        return;
    }
    auto run = run_named(inside_->world, of, sha, name);
    run.status = "completed";
    run.conclusion = conclusion;
    run.completed = inside_->world.now();
    run.annotations = annotations;
    run.log = log;
    (void)inside_->deeds.keep_check(of, run, of.owner);
}
void PracticeForge::set_status(std::string_view repository, std::string_view sha, std::string_view context,
                               std::string_view state, std::string_view description, std::string_view by) {
    CommitStatus status;
    status.sha = sha;
    status.context = context;
    status.state = state;
    status.description = description;
    status.creator = by;
    (void)inside_->deeds.keep_status(inside_->repository(repository), status);
}

}  // namespace practice_forge
