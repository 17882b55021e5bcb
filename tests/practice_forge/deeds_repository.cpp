#include <algorithm>

#include "tests/practice_forge/deeds.hpp"
#include "tests/practice_forge/git.hpp"

/// What befalls a repository as a whole, and its branches.
namespace practice_forge {

Repository& Deeds::create_repository(const RepositorySeed& seed) {
    const auto slash = seed.full_name.find('/');
    if (slash == std::string::npos) throw Problem(422, "a repository is named owner/name");
    auto made = std::make_unique<Repository>();
    made->owner = seed.full_name.substr(0, slash);
    made->name = seed.full_name.substr(slash + 1);
    made->description = seed.description;
    made->default_branch = seed.default_branch;
    made->is_private = seed.is_private;
    made->git = world_.directory / made->owner / (made->name + ".git");
    {
        const auto lock = world_.lock();
        if (world_.find(seed.full_name) != nullptr) throw Problem(422, "name already exists on this account");
    }
    std::filesystem::remove_all(made->git);
    const Git git(made->git);
    if (!seed.git.empty()) {
        Git::clone(seed.git, made->git, seed.default_branch);
    } else {
        Git::create(made->git, seed.default_branch);
        if (!seed.folder.empty()) (void)git.commit_folder(seed.default_branch, seed.folder, "Initial commit");
        if (!seed.files.empty()) {
            (void)git.commit(seed.default_branch, git.branch(seed.default_branch).value_or(""), seed.files,
                             "Initial commit", made->owner);
        }
    }
    const auto lock = world_.lock();
    made->id = world_.next_id();
    made->created = made->pushed = world_.now();
    made->collaborators[lower(made->owner)] = Permission::admin;
    world_.user(made->owner);
    for (const auto& [name, color, text] : {std::tuple{"bug", "d73a4a", "Something isn't working"},
                                            std::tuple{"enhancement", "a2eeef", "New feature or request"}}) {
        made->labels.push_back({.id = world_.next_id(), .name = name, .color = color, .description = text});
    }
    world_.old_names.erase(lower(seed.full_name));
    auto& there = *world_.repositories.emplace_back(std::move(made));
    herald_.created(there);
    return there;
}

void Deeds::rename_repository(std::string_view repository, std::string_view new_full_name) {
    const auto lock = world_.lock();
    auto& renamed = world_.repository(repository);
    const auto old_owner = renamed.owner;
    const auto old_name = renamed.name;
    const auto slash = new_full_name.find('/');
    if (slash == std::string_view::npos) throw Problem(422, "a repository is named owner/name");
    world_.old_names[lower(renamed.full_name())] = renamed.id;
    renamed.owner = new_full_name.substr(0, slash);
    renamed.name = new_full_name.substr(slash + 1);
    const auto target = world_.directory / renamed.owner / (renamed.name + ".git");
    std::filesystem::create_directories(target.parent_path());
    std::filesystem::rename(renamed.git, target);
    renamed.git = target;
    // A forge may have a verb for each; here the old owner does both.
    if (lower(old_owner) != lower(renamed.owner)) herald_.given_away(renamed, old_owner);
    if (old_name != renamed.name) herald_.renamed(renamed, old_name, old_owner);
}

void Deeds::archive_repository(Repository& repository) {
    const auto lock = world_.lock();
    repository.archived = true;
    herald_.archived(repository);
}

void Deeds::delete_repository(Repository& repository) {
    const auto lock = world_.lock();
    herald_.erased(repository);
    repository.deleted = true;
}

void Deeds::uninstall_app() {
    const auto lock = world_.lock();
    herald_.uninstalled();
    hooks_.end(0);
    world_.installed = false;
    world_.forget_app_tokens();
}

/// https://docs.github.com/en/apps/maintaining-github-apps/suspending-a-github-app-installation
void Deeds::suspend_app(bool suspended) {
    const auto lock = world_.lock();
    if (!suspended) hooks_.begin_again();
    world_.suspended = suspended;
    herald_.suspended(suspended);
    if (!suspended) return;
    hooks_.end(0);
    if (world_.customs.apps) world_.forget_app_tokens();
}

void Deeds::remove_from_installation(Repository& repository) {
    const auto lock = world_.lock();
    repository.outside = world_.customs.apps;
    if (!world_.customs.apps) repository.collaborators.erase(lower(world_.app_login()));
    herald_.taken_out(repository);
    hooks_.end(repository.id);
}

std::string Deeds::commit_files(Repository& repository, const std::string& branch,
                                const std::vector<File>& files, const std::string& message,
                                const std::string& by) {
    const Git git(repository.git);
    const auto before = git.branch(branch);
    const auto parent = before ? *before : git.branch(repository.default_branch).value_or("");
    auto sha = git.commit(branch, parent, files, message, by);
    pushed(repository, {.branch = branch, .before = before.value_or(""), .after = sha}, by);
    return sha;
}

void Deeds::delete_branch(Repository& repository, const std::string& branch, const std::string& by) {
    const Git git(repository.git);
    const auto before = git.branch(branch);
    git.delete_branch(branch);
    if (before) pushed(repository, {.branch = branch, .before = *before, .after = {}}, by);
}

void Deeds::pushed(Repository& repository, const Moved& moved, const std::string& by) {
    const bool told = hooks_.wants("push") || hooks_.wants("create") || hooks_.wants("delete");
    if (moved.before != moved.after && told) tell_push(repository, moved, by);
    if (moved.after.empty()) close_with_branch(repository, moved.branch, by);
    follow_branches(repository, by);
}

void Deeds::close_with_branch(Repository& repository, const std::string& branch, const std::string& by) {
    std::vector<std::int64_t> orphans;
    {
        const auto lock = world_.lock();
        for (const auto& [number, thread] : repository.threads) {
            if (thread.pull && thread.open &&
                (thread.pull->head_branch == branch || thread.pull->base_branch == branch))
                orphans.push_back(number);
        }
    }
    for (const auto number : orphans) set_open(repository, number, false, "", by);
}

void Deeds::tell_push(Repository& repository, const Moved& moved, const std::string& by) {
    const Git git(repository.git);
    const bool made = moved.before.empty();
    const bool gone = moved.after.empty();
    Herald::Push push{.branch = moved.branch, .before = moved.before, .after = moved.after};
    const auto base = made ? git.branch(repository.default_branch).value_or("") : moved.before;
    if (!gone && !base.empty()) push.commits = git.log(base, moved.after);
    if (!gone) push.head = git.read(moved.after);
    push.forced = !made && !gone && git.count(moved.after, moved.before) > 0;
    const auto lock = world_.lock();
    herald_.pushed(repository, push, by);
}

void Deeds::follow_branches(Repository& repository, const std::string& by) {
    struct Behind {
        std::int64_t number;
        std::string base, before, head;
    };
    std::vector<Behind> moved;
    const Git git(repository.git);
    {
        const auto lock = world_.lock();
        repository.pushed = world_.now();
        for (auto& [number, thread] : repository.threads) {
            if (!thread.pull || !thread.open) continue;
            // As GitHub does: what is not known of these very commits is not said.
            const auto base = git.branch(thread.pull->base_branch).value_or("");
            if (thread.pull->mergeable_for != base + " " + thread.pull->head_sha)
                thread.pull->mergeable.reset();
            const auto head = git.branch(thread.pull->head_branch);
            if (head && *head != thread.pull->head_sha) {
                moved.push_back({number, thread.pull->base_branch, thread.pull->head_sha, *head});
            }
        }
    }
    for (const auto& [number, base_branch, before, head] : moved) {
        const auto base = git.branch(base_branch).value_or(head);
        const auto size = git.related(base, head) ? git.size(base, head) : Git::Size{};
        const int commits = git.count(base, head);
        const auto lock = world_.lock();
        auto& thread = world_.thread(repository, number);
        auto& pull = *thread.pull;
        pull.head_sha = head;
        pull.commits = commits;
        pull.additions = size.additions;
        pull.deletions = size.deletions;
        pull.changed_files = size.files;
        pull.mergeable.reset();
        pull.mergeable_for.clear();
        thread.updated = world_.now();
        herald_.head_moved(repository, thread, before, head, by);
    }
}

}  // namespace practice_forge
