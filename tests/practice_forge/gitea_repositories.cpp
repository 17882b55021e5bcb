#include <fmt/format.h>

#include <algorithm>

#include "tests/practice_forge/git.hpp"
#include "tests/practice_forge/gitea_shapes.hpp"
#include "tests/practice_forge/gitea_tongue.hpp"

/// The server, people, repositories and their branches.
namespace practice_forge::gitea {
namespace {

Permission permission_of(const World& world, const Call& call, const Repository& repository) {
    return world.permission(repository, call.who.login);
}

Answer get_version(Ground& ground, Call&) { return {.body = {{"version", ground.world.customs.version}}}; }

Answer get_me(Ground& ground, Call& call) {
    const auto lock = ground.world.lock();
    auto user = user_json(ground.world, call.who.login);
    user["active"] = true;
    user["last_login"] = moment(ground.world, ground.world.now());
    user["email"] = call.who.login + "@forge.invalid";
    return {.body = user};
}

/// The newest first, as Gitea has them without a `sort`.
std::vector<json> repositories_seen(Ground& ground, const Call& call, bool of_caller) {
    std::vector<json> all;
    for (const auto& repository : ground.world.repositories) {
        const auto permission = permission_of(ground.world, call, *repository);
        const bool belongs = repository->collaborators.contains(lower(call.who.login));
        if (repository->deleted || permission < Permission::read || (of_caller && !belongs)) continue;
        all.push_back(repository_json(ground.world, *repository, permission));
    }
    return all;
}

Answer list_mine(Ground& ground, Call& call) {
    const auto lock = ground.world.lock();
    return page_of(ground.world, call, repositories_seen(ground, call, true), Linked::yes);
}

Answer search(Ground& ground, Call& call) {
    const auto lock = ground.world.lock();
    auto found = repositories_seen(ground, call, false);
    const auto words = lower(call.value("q"));
    std::erase_if(found, [&](const json& repository) {
        return lower(repository["full_name"].get<std::string>()).find(words) == std::string::npos;
    });
    auto answer = page_of(ground.world, call, found, Linked::yes);
    answer.body = {{"ok", true}, {"data", answer.body}};
    return answer;
}

Answer get_repository(Ground& ground, Call& call) {
    const auto lock = ground.world.lock();
    return {.body = repository_json(ground.world, *call.repository,
                                    permission_of(ground.world, call, *call.repository))};
}

Answer get_branch(Ground& ground, Call& call) {
    const Git git(call.repository->git);
    const std::string name = call.value("branch");
    const auto sha = git.branch(name);
    const auto commit = sha ? git.read(*sha) : std::nullopt;
    if (!commit) throw Problem(404, fmt::format("branch does not exist [name: {}]", name));
    const auto lock = ground.world.lock();
    const bool is_protected = std::ranges::find(call.repository->protected_branches, name) !=
                              call.repository->protected_branches.end();
    const bool writes = can_write(ground.world, call);
    return {.body = {{"name", name},
                     {"commit", commit_json(ground.world, *call.repository, *commit)},
                     {"protected", is_protected},
                     {"required_approvals", 0},
                     {"enable_status_check", false},
                     {"status_check_contexts", json::array()},
                     {"user_can_push", writes && !is_protected},
                     {"user_can_merge", writes},
                     {"effective_branch_protection_name", is_protected ? name : ""}}};
}

/// Gitea knows no triage and no maintainers; the owner has a word of its own.
std::string_view access_of(const Repository& repository, const std::string& login, Permission permission) {
    if (lower(login) == lower(repository.owner)) return "owner";
    switch (permission) {
        case Permission::none:
            return "none";
        case Permission::read:
        case Permission::triage:
            return "read";
        case Permission::write:
        case Permission::maintain:
            return "write";
        case Permission::admin:
            return "admin";
    }
    return {};
}

/// https://github.com/go-gitea/gitea/blob/main/routers/api/v1/repo/collaborators.go
Answer get_permission(Ground& ground, Call& call) {
    auto& world = ground.world;
    const auto lock = world.lock();
    const std::string login = call.value("collaborator");
    if (lower(login) != lower(call.who.login) &&
        permission_of(world, call, *call.repository) != Permission::admin)
        throw Problem(403,
                      "Only admins can query all permissions, repo admins can query all repo permissions, "
                      "collaborators can query only their own");
    const auto user = std::ranges::find_if(
        world.users, [&](const auto& entry) { return lower(entry.first) == lower(login); });
    if (user == world.users.end())
        throw Problem(404, fmt::format("user does not exist [uid: 0, name: {}]", login));
    const auto access = access_of(*call.repository, login, world.permission(*call.repository, login));
    return {.body = {{"permission", access},
                     {"role_name", access},
                     {"user", user_json(world, user->second.login)}}};
}

}  // namespace

const std::vector<Route>& repository_routes() {
    static const std::vector<Route> routes = {
        {"GET", "/version", Access::read, "", get_version},
        {"GET", "/user", Access::talk, "", get_me},
        {"GET", "/user/repos", Access::talk, "", list_mine},
        {"GET", "/repos/search", Access::read, "", search},
        {"GET", "/repos/{owner}/{repo}", Access::read, "", get_repository},
        {"GET", "/repos/{owner}/{repo}/branches/{branch...}", Access::read, "", get_branch},
        {"GET", "/repos/{owner}/{repo}/collaborators/{collaborator}/permission", Access::talk, "",
         get_permission},
    };
    return routes;
}

}  // namespace practice_forge::gitea
