#include <fmt/format.h>

#include <algorithm>

#include "tests/practice_forge/credentials.hpp"
#include "tests/practice_forge/git.hpp"
#include "tests/practice_forge/github_shapes.hpp"
#include "tests/practice_forge/github_tongue.hpp"

/// The app, its installation and its deliveries; users, repositories and branches.
namespace practice_forge::github {
namespace {

Answer get_app(Ground& ground, Call&) {
    const auto lock = ground.world.lock();
    return {.body = app_json(ground.world)};
}

Answer get_user(Ground& ground, Call& call) {
    if (call.who.kind == Identity::Kind::nobody) throw Problem(401, "Requires authentication");
    if (call.who.kind == Identity::Kind::installation)
        throw Problem(403, "Resource not accessible by integration");
    const auto lock = ground.world.lock();
    json user = user_json(ground.world, call.who.login);
    user.update({{"name", nullptr},
                 {"company", nullptr},
                 {"blog", nullptr},
                 {"location", nullptr},
                 {"email", nullptr},
                 {"hireable", nullptr},
                 {"bio", nullptr},
                 {"public_repos", 0},
                 {"public_gists", 0},
                 {"followers", 0},
                 {"following", 0},
                 {"created_at", "2026-01-01T00:00:00Z"},
                 {"updated_at", "2026-01-01T00:00:00Z"},
                 {"private_gists", 0},
                 {"total_private_repos", 0},
                 {"owned_private_repos", 0},
                 {"disk_usage", 0},
                 {"collaborators", 0},
                 {"two_factor_authentication", true}});
    return {.body = user};
}

Answer get_installations(Ground& ground, Call& call) {
    const auto lock = ground.world.lock();
    if (!ground.world.installed) return page_of(ground.world, call, {});
    return page_of(ground.world, call, {installation_json(ground.world)});
}

Answer get_repository_installation(Ground& ground, Call& call) {
    const auto lock = ground.world.lock();
    if (!ground.world.installed || call.repository->outside) throw not_found();
    return {.body = installation_json(ground.world)};
}

/// Narrowing by repositories and permissions holds for what the token may do later.
Answer post_access_token(Ground& ground, Call& call) {
    auto& world = ground.world;
    const auto lock = world.lock();
    if (!world.installed || call.number("installation_id") != world.app.installation_id) throw not_found();
    if (world.suspended) throw Problem(403, "This installation has been suspended");
    Identity who{.kind = Identity::Kind::installation,
                 .login = world.app_login(),
                 .repositories = {},
                 .permissions = {}};
    const json granted = app_json(world)["permissions"];
    for (const auto& [name, level] : granted.items()) who.permissions[name] = level;
    if (const auto asked = call.body.find("permissions"); asked != call.body.end()) {
        std::map<std::string, std::string> narrowed = {{"metadata", "read"}};
        for (const auto& [name, level] : asked->items()) {
            const auto have = who.permissions.find(name);
            if (have == who.permissions.end() || (level == "write" && have->second != "write")) {
                throw Problem(422, "The permissions requested are not granted to this installation.");
            }
            narrowed[name] = level;
        }
        who.permissions = narrowed;
    }
    json repositories = json::array();
    const auto take = [&](const Repository* repository) {
        if (repository == nullptr || repository->outside) {
            throw Problem(422,
                          "There is at least one repository that does not exist or is not accessible to the "
                          "parent installation.");
        }
        who.repositories.insert(repository->id);
        repositories.push_back(repository_json(world, *repository));
    };
    for (const auto& id : call.body.value("repository_ids", json::array()))
        take(world.find(id.get<std::int64_t>()));
    for (const auto& name : call.body.value("repositories", json::array())) {
        const auto found = std::ranges::find_if(world.repositories, [&](const auto& r) {
            return !r->deleted && r->name == name.get_ref<const std::string&>();
        });
        take(found == world.repositories.end() ? nullptr : found->get());
    }
    const std::string token = new_installation_token();
    const Time expires = world.now() + world.token_lifetime;
    world.tokens[token] = {.identity = who, .expires = expires};
    json body = {{"token", token},
                 {"expires_at", timestamp(expires)},
                 {"permissions", who.permissions},
                 {"repository_selection", repositories.empty() ? "all" : "selected"}};
    if (!repositories.empty()) body["repositories"] = repositories;
    return {.status = 201, .body = body};
}

Answer get_installation_repositories(Ground& ground, Call& call) {
    if (call.who.kind != Identity::Kind::installation)
        throw Problem(403,
                      "You must authenticate with an installation access token in order to list repositories "
                      "for an installation.");
    const auto lock = ground.world.lock();
    std::vector<json> all;
    for (const auto& repository : ground.world.repositories) {
        if (repository->deleted || repository->outside) continue;
        if (!call.who.repositories.empty() && !call.who.repositories.contains(repository->id)) continue;
        all.push_back(repository_json(ground.world, *repository));
    }
    return page_of(ground.world, call, all, "repositories");
}

json delivery_json(const Hooks::Sent& sent) {
    const auto& d = sent.delivery;
    return {{"id", d.id},
            {"guid", d.guid},
            {"delivered_at", timestamp(sent.when)},
            {"redelivery", d.redelivery},
            {"duration", sent.seconds},
            {"status", d.status},
            {"status_code", d.status_code},
            {"event", d.event},
            {"action", d.action.empty() ? json(nullptr) : json(d.action)},
            {"installation_id", sent.installation == 0 ? json(nullptr) : json(sent.installation)},
            {"repository_id", sent.repository == 0 ? json(nullptr) : json(sent.repository)},
            {"throttled_at", nullptr}};
}

/// Newest first, in pages by cursor: the cursor is the id to go on below.
Answer get_deliveries(Ground& ground, Call& call) {
    auto sent = ground.hooks.tried();
    std::ranges::sort(sent, std::ranges::greater{}, [](const Hooks::Sent& s) { return s.delivery.id; });
    const auto size = std::clamp(std::stoi(call.value("per_page", "30")), 1, 100);
    const auto cursor = call.value("cursor");
    json items = json::array();
    Answer answer;
    for (const auto& one : sent) {
        if (!cursor.empty() && one.delivery.id >= std::stoll(cursor)) continue;
        if (items.size() == static_cast<std::size_t>(size)) {
            answer.headers["Link"] =
                fmt::format("<{}/api/v3/app/hook/deliveries?per_page={}&cursor={}>; rel=\"next\"",
                            ground.world.base_url, size, items.back()["id"].get<std::int64_t>());
            break;
        }
        items.push_back(delivery_json(one));
    }
    answer.body = items;
    return answer;
}

Answer get_delivery(Ground& ground, Call& call) {
    const auto id = call.number("delivery_id");
    for (const auto& sent : ground.hooks.tried()) {
        if (sent.delivery.id != id) continue;
        json body = delivery_json(sent);
        body["url"] = ground.hooks.settings().url;
        body["request"] = {{"headers", ground.hooks.headers_of(sent)},
                           {"payload", json::parse(sent.delivery.body)}};
        body["response"] = {{"headers", json::object()}, {"payload", sent.delivery.response}};
        return {.body = body};
    }
    throw not_found();
}

Answer post_delivery_attempt(Ground& ground, Call& call) {
    ground.hooks.redeliver(call.number("delivery_id"));
    return {.status = 202, .body = json::object()};
}

Answer get_repository(Ground& ground, Call& call) {
    const auto lock = ground.world.lock();
    return {.body = full_repository_json(ground.world, *call.repository)};
}

Answer get_branch(Ground& ground, Call& call) {
    const Git git(call.repository->git);
    const std::string name = call.value("branch");
    const auto sha = git.branch(name);
    const auto commit = sha ? git.read(*sha) : std::nullopt;
    if (!commit) throw Problem(404, "Branch not found");
    const auto lock = ground.world.lock();
    const std::string url = api(ground.world, *call.repository) + "/branches/" + name;
    const bool is_protected = std::ranges::find(call.repository->protected_branches, name) !=
                              call.repository->protected_branches.end();
    return {.body = {
                {"name", name},
                {"commit", commit_json(ground.world, *call.repository, *commit)},
                {"_links", {{"self", url}, {"html", html(ground.world, *call.repository) + "/tree/" + name}}},
                {"protected", is_protected},
                {"protection",
                 {{"enabled", is_protected},
                  {"required_status_checks",
                   {{"enforcement_level", "off"}, {"contexts", json::array()}, {"checks", json::array()}}}}},
                {"protection_url", url + "/protection"}}};
}

Answer get_ref(Ground& ground, Call& call) {
    const std::string ref = call.value("ref");
    const auto sha =
        ref.starts_with("heads/") ? Git(call.repository->git).branch(ref.substr(6)) : std::nullopt;
    if (!sha) throw not_found();
    const auto lock = ground.world.lock();
    const std::string url = api(ground.world, *call.repository);
    return {.body = {{"ref", "refs/" + ref},
                     {"node_id", "REF_" + ref},
                     {"url", url + "/git/refs/" + ref},
                     {"object", {{"type", "commit"}, {"sha", *sha}, {"url", url + "/git/commits/" + *sha}}}}};
}

Answer get_permission(Ground& ground, Call& call) {
    auto& world = ground.world;
    const auto lock = world.lock();
    const std::string login = call.value("username");
    if (!world.users.contains(login) && !call.repository->collaborators.contains(lower(login))) {
        throw Problem(404, fmt::format("{} is not a user", login));
    }
    const Permission permission = world.permission(*call.repository, login);
    const std::string_view coarse = permission == Permission::maintain ? "write"
                                    : permission == Permission::triage ? "read"
                                                                       : name_of(permission);
    json user = user_json(world, login);
    user["role_name"] = name_of(permission);
    user["permissions"] = {{"pull", permission >= Permission::read},
                           {"triage", permission >= Permission::triage},
                           {"push", permission >= Permission::write},
                           {"maintain", permission >= Permission::maintain},
                           {"admin", permission == Permission::admin}};
    return {.body = {{"permission", coarse}, {"role_name", name_of(permission)}, {"user", user}}};
}

}  // namespace

const std::vector<Route>& app_routes() {
    static const std::vector<Route> routes = {
        {"GET", "/app", Access::app, "", get_app},
        {"GET", "/app/installations", Access::app, "", get_installations},
        {"POST", "/app/installations/{installation_id}/access_tokens", Access::app, "", post_access_token},
        {"GET", "/app/hook/deliveries", Access::app, "", get_deliveries},
        {"GET", "/app/hook/deliveries/{delivery_id}", Access::app, "", get_delivery},
        {"POST", "/app/hook/deliveries/{delivery_id}/attempts", Access::app, "", post_delivery_attempt},
        {"GET", "/repos/{owner}/{repo}/installation", Access::app, "", get_repository_installation},
        {"GET", "/user", Access::read, "", get_user},
        {"GET", "/installation/repositories", Access::read, "", get_installation_repositories},
        {"GET", "/repos/{owner}/{repo}", Access::read, "metadata", get_repository},
        {"GET", "/repos/{owner}/{repo}/branches/{branch...}", Access::read, "contents", get_branch},
        {"GET", "/repos/{owner}/{repo}/git/ref/{ref...}", Access::read, "contents", get_ref},
        {"GET", "/repos/{owner}/{repo}/collaborators/{username}/permission", Access::read, "metadata",
         get_permission},
    };
    return routes;
}

}  // namespace practice_forge::github
