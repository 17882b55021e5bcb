#include <fmt/format.h>

#include <algorithm>

#include "tests/practice_forge/credentials.hpp"
#include "tests/practice_forge/git.hpp"
#include "tests/practice_forge/gitlab_shapes.hpp"
#include "tests/practice_forge/gitlab_tongue.hpp"

/// The server, people and their tokens, projects, members and branches.
namespace practice_forge::gitlab {
namespace {

Answer get_version(Ground& ground, Call&) {
    return {.body = {{"version", ground.world.customs.version},
                     {"revision", "0123456789a"},
                     {"kas",
                      {{"enabled", false},
                       {"externalUrl", nullptr},
                       {"externalK8sProxyUrl", nullptr},
                       {"version", nullptr}}},
                     {"enterprise", true}}};
}

Answer get_me(Ground& ground, Call& call) {
    const auto lock = ground.world.lock();
    auto user = user_json(ground.world, call.who.login);
    user.update({{"created_at", "2026-01-01T00:00:00.000Z"},
                 {"bio", ""},
                 {"bot", false},
                 {"email", call.who.login + "@forge.invalid"},
                 {"two_factor_enabled", false},
                 {"external", false}});
    return {.body = user};
}

const User* find_user(const World& world, const std::string& login) {
    const auto found = std::ranges::find_if(
        world.users, [&](const auto& entry) { return lower(entry.first) == lower(login); });
    return found == world.users.end() ? nullptr : &found->second;
}

const User* find_user(const World& world, std::int64_t id) {
    const auto found =
        std::ranges::find_if(world.users, [&](const auto& entry) { return entry.second.id == id; });
    return found == world.users.end() ? nullptr : &found->second;
}

/// By the whole name; without one all are listed.
Answer list_users(Ground& ground, Call& call) {
    const auto lock = ground.world.lock();
    const auto wanted = field(call, "username");
    std::vector<std::string> logins;
    for (const auto& [login, user] : ground.world.users)
        if (!wanted || lower(login) == lower(*wanted)) logins.push_back(login);
    std::vector<json> all;
    for (const auto& login : logins) all.push_back(user_json(ground.world, login));
    return page_of(ground.world, call, all);
}

Answer get_user(Ground& ground, Call& call) {
    const auto lock = ground.world.lock();
    const auto* user = find_user(ground.world, call.number("user_id"));
    if (user == nullptr) throw none_of("User");
    auto shown = user_json(ground.world, user->login);
    shown.update({{"created_at", "2026-01-01T00:00:00.000Z"}, {"bio", ""}, {"bot", user->bot}});
    return {.body = shown};
}

/// https://docs.gitlab.com/api/personal_access_tokens/#self-inform
Answer get_own_token(Ground& ground, Call& call) {
    const auto lock = ground.world.lock();
    const auto token = call.authorization.substr(call.authorization.find(' ') + 1);
    const auto found = ground.world.tokens.find(token);
    if (found == ground.world.tokens.end()) throw Problem(401, "401 Unauthorized");
    const auto& expires = found->second.expires;
    return {.body = {{"id", 1},
                     {"name", "token of " + call.who.login},
                     {"revoked", false},
                     {"created_at", "2026-01-01T00:00:00.000Z"},
                     {"description", nullptr},
                     {"scopes", json::array({"api"})},
                     {"user_id", ground.world.user(call.who.login).id},
                     {"last_used_at", moment(ground.world.now())},
                     {"active", true},
                     {"expires_at", expires ? json(timestamp(*expires).substr(0, 10)) : json(nullptr)},
                     {"last_used_ips", json::array({"127.0.0.1"})}}};
}

/// The newest first, unless it is sorted by `sort`.
Answer list_projects(Ground& ground, Call& call) {
    const auto lock = ground.world.lock();
    const bool own = flag(call, "membership").value_or(false);
    const auto archived = flag(call, "archived");
    const auto least = call.positive("min_access_level", 0);
    std::vector<json> all;
    for (const auto& repository : ground.world.repositories) {
        if (repository->deleted || !ground.tongue.sees(ground.world, call.who, *repository)) continue;
        const bool member = repository->collaborators.contains(lower(call.who.login));
        const auto level = member ? access_level(ground.world.permission(*repository, call.who.login)) : 0;
        if ((own && level == 0) || level < static_cast<int>(least)) continue;
        if (archived && *archived != repository->archived) continue;
        const auto words = lower(call.value("search"));
        if (lower(repository->full_name()).find(words) == std::string::npos) continue;
        all.push_back(project_json(ground.world, *repository, call.who.login));
    }
    if (call.value("sort", "desc") == "desc") std::ranges::reverse(all);
    return page_of(ground.world, call, all);
}

Answer get_project(Ground& ground, Call& call) {
    const auto lock = ground.world.lock();
    return {.body = project_json(ground.world, *call.repository, call.who.login)};
}

json member_json(World& world, const Repository& repository, const std::string& login) {
    auto member = user_json(world, login);
    member.update({{"access_level", access_level(world.permission(repository, login))},
                   {"created_at", moment(repository.created)},
                   {"expires_at", nullptr},
                   {"membership_state", "active"}});
    return member;
}

/// Members of the project and of its groups.
Answer get_member(Ground& ground, Call& call) {
    auto& world = ground.world;
    const auto lock = world.lock();
    const auto* user = find_user(world, call.number("user_id"));
    if (user == nullptr || !call.repository->collaborators.contains(lower(user->login)) ||
        world.permission(*call.repository, user->login) == Permission::none)
        throw not_found();
    return {.body = member_json(world, *call.repository, user->login)};
}

Answer list_members(Ground& ground, Call& call) {
    auto& world = ground.world;
    const auto lock = world.lock();
    std::vector<json> all;
    for (const auto& [name, permission] : call.repository->collaborators) {
        const auto* user = find_user(world, name);
        if (user != nullptr && permission != Permission::none)
            all.push_back(member_json(world, *call.repository, std::string(user->login)));
    }
    return page_of(world, call, all);
}

Answer get_branch(Ground& ground, Call& call) {
    const Git git(call.repository->git);
    const std::string name = call.value("branch");
    const auto sha = git.branch(name);
    const auto commit = sha ? git.read(*sha) : std::nullopt;
    if (!commit) throw none_of("Branch");
    const auto lock = ground.world.lock();
    const bool is_protected = std::ranges::find(call.repository->protected_branches, name) !=
                              call.repository->protected_branches.end();
    const bool may_push = access_level(ground.world, call) >= 30;
    return {.body = {{"name", name},
                     {"commit", commit_json(ground.world, *call.repository, *commit)},
                     {"merged", false},
                     {"protected", is_protected},
                     {"developers_can_push", !is_protected},
                     {"developers_can_merge", !is_protected},
                     {"can_push", may_push && !is_protected},
                     {"default", name == call.repository->default_branch},
                     {"web_url", html(ground.world, *call.repository) + "/-/tree/" + name}}};
}

/// By a branch or a commit id.
Answer get_commit(Ground& ground, Call& call) {
    const Git git(call.repository->git);
    const std::string ref = call.value("sha");
    const auto commit = git.read(git.branch(ref).value_or(ref));
    if (!commit) throw none_of("Commit");
    const auto lock = ground.world.lock();
    auto shown = commit_json(ground.world, *call.repository, *commit);
    json pipeline;  // null, when there is none
    for (const auto& [id, suite] : call.repository->check_suites)
        if (suite.head_sha == commit->sha) pipeline = pipeline_json(ground.world, *call.repository, suite);
    shown.update({{"status", pipeline.is_null() ? json(nullptr) : pipeline["status"]},
                  {"project_id", call.repository->id},
                  {"last_pipeline", pipeline}});
    return {.body = shown};
}

}  // namespace

const std::vector<Route>& project_routes() {
    static const std::vector<Route> routes = {
        {"GET", "/version", Access::talk, kGuest, get_version},
        {"GET", "/user", Access::talk, kGuest, get_me},
        {"GET", "/users", Access::talk, kGuest, list_users},
        {"GET", "/users/{user_id}", Access::talk, kGuest, get_user},
        {"GET", "/personal_access_tokens/self", Access::talk, kGuest, get_own_token},
        {"GET", "/projects", Access::read, kGuest, list_projects},
        {"GET", "/projects/{owner}/{repo}", Access::read, kGuest, get_project},
        {"GET", "/projects/{owner}/{repo}/members/all", Access::talk, kGuest, list_members},
        {"GET", "/projects/{owner}/{repo}/members/all/{user_id}", Access::talk, kGuest, get_member},
        {"GET", "/projects/{owner}/{repo}/repository/branches/{branch}", Access::read, kReporter, get_branch},
        {"GET", "/projects/{owner}/{repo}/repository/commits/{sha}", Access::read, kReporter, get_commit},
    };
    return routes;
}

}  // namespace practice_forge::gitlab
