#include <fmt/format.h>

#include <algorithm>

#include "tests/practice_forge/deeds.hpp"
#include "tests/practice_forge/git.hpp"
#include "tests/practice_forge/shapes.hpp"

/// What befalls a repository as a whole, and its branches.
namespace practice_forge {
namespace {

/// As the events of an installation list repositories.
json bare_json(const Repository& repository) {
    return {{"id", repository.id},
            {"node_id", fmt::format("R_{}", repository.id)},
            {"name", repository.name},
            {"full_name", repository.full_name()},
            {"private", repository.is_private}};
}

/// REST's account is a user and an enterprise at once; a webhook's is a user.
json told_installation_json(World& world) {
    auto told = installation_json(world);
    told["account"] = user_json(world, told["account"]["login"]);
    return told;
}

}  // namespace

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
    for (const auto& [name, color, text] : {std::tuple{"bug", "d73a4a", "Something isn't working"},
                                            std::tuple{"enhancement", "a2eeef", "New feature or request"}}) {
        made->labels.push_back({.id = world_.next_id(), .name = name, .color = color, .description = text});
    }
    world_.old_names.erase(lower(seed.full_name));
    return *world_.repositories.emplace_back(std::move(made));
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
    // GitHub has a verb for each, and tells each with the sender's name; here the old owner does both.
    if (lower(old_owner) != lower(renamed.owner)) {
        auto payload = event_json(world_, renamed, "transferred", old_owner);
        payload["changes"]["owner"]["from"]["user"] = user_json(world_, old_owner);
        hooks_.send("repository", payload, renamed.id);
    }
    if (old_name != renamed.name) {
        auto payload = event_json(world_, renamed, "renamed", old_owner);
        payload["changes"]["repository"]["name"]["from"] = old_name;
        hooks_.send("repository", payload, renamed.id);
    }
}

void Deeds::archive_repository(Repository& repository) {
    const auto lock = world_.lock();
    repository.archived = true;
    hooks_.send("repository", event_json(world_, repository, "archived", repository.owner), repository.id);
}

void Deeds::delete_repository(Repository& repository) {
    const auto lock = world_.lock();
    hooks_.send("repository", event_json(world_, repository, "deleted", repository.owner), repository.id);
    repository.deleted = true;
}

void Deeds::uninstall_app() {
    const auto lock = world_.lock();
    json repositories = json::array();
    for (const auto& repository : world_.repositories) {
        if (!repository->deleted && !repository->outside) repositories.push_back(bare_json(*repository));
    }
    hooks_.send("installation",
                {{"action", "deleted"},
                 {"installation", told_installation_json(world_)},
                 {"repositories", repositories},
                 {"sender", user_json(world_, "octocat")}},
                0);
    hooks_.end(0);
    world_.installed = false;
    std::erase_if(world_.tokens, [](const auto& entry) {
        return entry.second.identity.kind == Identity::Kind::installation;
    });
}

/// https://docs.github.com/en/apps/maintaining-github-apps/suspending-a-github-app-installation
void Deeds::suspend_app(bool suspended) {
    const auto lock = world_.lock();
    if (!suspended) hooks_.begin_again();
    world_.suspended = suspended;
    hooks_.send("installation",
                {{"action", suspended ? "suspend" : "unsuspend"},
                 {"installation", told_installation_json(world_)},
                 {"sender", user_json(world_, "octocat")}},
                0);
    if (!suspended) return;
    hooks_.end(0);
    std::erase_if(world_.tokens, [](const auto& entry) {
        return entry.second.identity.kind == Identity::Kind::installation;
    });
}

void Deeds::remove_from_installation(Repository& repository) {
    const auto lock = world_.lock();
    repository.outside = true;
    hooks_.send("installation_repositories",
                {{"action", "removed"},
                 {"installation", told_installation_json(world_)},
                 {"repository_selection", "selected"},
                 {"repositories_added", json::array()},
                 {"repositories_removed", json::array({bare_json(repository)})},
                 {"requester", nullptr},
                 {"sender", user_json(world_, repository.owner)}},
                0);
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
    if (moved.before != moved.after && hooks_.wants("push")) tell_push(repository, moved, by);
    follow_branches(repository, by);
}

void Deeds::tell_push(Repository& repository, const Moved& moved, const std::string& by) {
    const Git git(repository.git);
    const std::string nothing(40, '0');
    const bool made = moved.before.empty();
    const bool gone = moved.after.empty();
    const auto base = made ? git.branch(repository.default_branch).value_or("") : moved.before;
    std::vector<Commit> commits;
    if (!gone && !base.empty()) commits = git.log(base, moved.after);
    const auto head = gone ? std::nullopt : git.read(moved.after);
    const bool forced = !made && !gone && git.count(moved.after, moved.before) > 0;

    const auto lock = world_.lock();
    auto payload = event_json(world_, repository, "", by);
    payload.erase("action");
    json listed = json::array();
    for (const auto& commit : commits) listed.push_back(pushed_commit_json(world_, repository, commit));
    payload.update({{"ref", "refs/heads/" + moved.branch},
                    {"before", made ? nothing : moved.before},
                    {"after", gone ? nothing : moved.after},
                    {"created", made},
                    {"deleted", gone},
                    {"forced", forced},
                    {"base_ref", nullptr},
                    {"compare", fmt::format("{}/compare/{}...{}", html(world_, repository),
                                            (made ? nothing : moved.before).substr(0, 12),
                                            (gone ? nothing : moved.after).substr(0, 12))},
                    {"commits", listed},
                    {"head_commit", head ? pushed_commit_json(world_, repository, *head) : json(nullptr)},
                    {"pusher", {{"name", by}, {"email", by + "@users.noreply.forge.invalid"}}}});
    hooks_.send("push", payload, repository.id);
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
        const auto size = git.size(base, head);
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
        tell_issue(repository, thread, "synchronize", by, {{"before", before}, {"after", head}});
    }
}

}  // namespace practice_forge
