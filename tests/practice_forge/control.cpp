#include <fmt/format.h>

#include "tests/practice_forge/addresses.hpp"
#include "tests/practice_forge/credentials.hpp"
#include "tests/practice_forge/git.hpp"
#include "tests/practice_forge/inside.hpp"

/// The control API, for processes that are not this one: what people and administrators do. JSON in, JSON
/// out.
///
///   POST   /practice/app            {id, slug, public_key, installation_id}
///   POST   /practice/tokens         {login, token}
///   POST   /practice/hook           {url, secret, id, signing_token, disables_itself, group_too}
///   POST   /practice/ping           POST /practice/hook-disabled {seconds}: none: for good
///   POST   /practice/clock          {offset_seconds}       POST /practice/expire-tokens
///   POST   /practice/repositories   {full_name, default_branch, description, private, folder | git | files}
///   POST   /practice/faults         {name, kind, method, path, times, skip, after_effect, status, message,
///   latency_ms, retry_after} DELETE /practice/faults         POST /practice/hook-faults {kind, times} GET
///   /practice/deliveries     GET /practice/requests …/practice/repositories/{owner}/{name}/…
///     GET   issues | pulls | check-runs | branches        POST collaborators {login, permission}
///     POST  issues {title, body, author, labels}          POST protect {pattern}   POST refuse {message}
///     POST  commits {branch, files, message, author}      DELETE branches/{name}
///     POST  issues/{n}/labels {label, by}                 DELETE issues/{n}/labels/{label}?by=
///     PATCH issues/{n} {title, body, by}                  DELETE issues/{n}
///     POST  issues/{n}/comments {body, by}                POST issues/{n}/close | reopen {by}
///     POST  pulls/{n}/merge | close {by}
namespace practice_forge {
namespace {

using Inside = PracticeForge::Inside;

std::vector<File> files_of(const json& body) {
    std::vector<File> files;
    const json listed = body.value("files", json::array());
    for (const auto& file : listed) {
        files.push_back({.path = file.at("path"),
                         .content = file.at("content"),
                         .executable = file.value("executable", false)});
    }
    return files;
}

json reactions_json(const std::vector<Reaction>& reactions) {
    json result = json::array();
    for (const auto& reaction : reactions)
        result.push_back({{"user", reaction.user}, {"content", reaction.content}});
    return result;
}

json plain(const Issue& issue) {
    json comments = json::array();
    for (const auto& comment : issue.comments) {
        comments.push_back({{"id", comment.id},
                            {"user", comment.user},
                            {"body", comment.body},
                            {"edits", comment.edits},
                            {"reactions", reactions_json(comment.reactions)}});
    }
    return {{"number", issue.number},    {"title", issue.title},
            {"body", issue.body},        {"author", issue.author},
            {"labels", issue.labels},    {"open", issue.open},
            {"comments", comments},      {"reactions", reactions_json(issue.reactions)},
            {"html_url", issue.html_url}};
}

json plain(const PullRequest& pull) {
    return {{"number", pull.number},
            {"title", pull.title},
            {"body", pull.body},
            {"author", pull.author},
            {"head_branch", pull.head_branch},
            {"head_sha", pull.head_sha},
            {"base_branch", pull.base_branch},
            {"open", pull.open},
            {"draft", pull.draft},
            {"merged", pull.merged},
            {"merge_commit", pull.merge_commit},
            {"html_url", pull.html_url}};
}

json plain(const CheckRun& run) {
    return {{"id", run.id},
            {"name", run.name},
            {"head_sha", run.head_sha},
            {"status", run.status},
            {"conclusion", run.conclusion},
            {"external_id", run.external_id},
            {"title", run.title},
            {"summary", run.summary},
            {"annotations", run.annotations.size()}};
}

Fault fault_of(const json& body) {
    static const std::map<std::string, Fault::Kind> kKinds = {
        {"status", Fault::Kind::status},
        {"latency", Fault::Kind::latency},
        {"reset", Fault::Kind::reset},
        {"wrong_json", Fault::Kind::wrong_json},
        {"primary_limit", Fault::Kind::primary_limit},
        {"secondary_limit", Fault::Kind::secondary_limit}};
    const auto kind = kKinds.find(body.value("kind", "status"));
    if (kind == kKinds.end()) throw Problem(422, "no such kind of fault");
    return {.name = body.value("name", ""),
            .kind = kind->second,
            .method = body.value("method", "*"),
            .path = body.value("path", "*"),
            .times = body.value("times", 1),
            .skip = body.value("skip", 0),
            .after_effect = body.value("after_effect", false),
            .status = body.value("status", 503),
            .message = body.value("message", "Service unavailable"),
            .latency = std::chrono::milliseconds(body.value("latency_ms", 0)),
            .retry_after = std::chrono::seconds(body.value("retry_after", 60))};
}

HookFault hook_fault_of(const json& body) {
    static const std::map<std::string, HookFault::Kind> kKinds = {
        {"lose", HookFault::Kind::lose},       {"vanish", HookFault::Kind::vanish},
        {"hold", HookFault::Kind::hold},       {"duplicate", HookFault::Kind::duplicate},
        {"reorder", HookFault::Kind::reorder}, {"bad_signature", HookFault::Kind::bad_signature}};
    const auto kind = kKinds.find(body.value("kind", ""));
    if (kind == kKinds.end()) throw Problem(422, "no such kind of webhook fault");
    return {.kind = kind->second, .times = body.value("times", 1)};
}

json list(Inside& inside, Repository& repository, const std::string& what) {
    json result = json::array();
    if (what == "branches") return Git(repository.git).branches();
    const auto lock = inside.world.lock();
    if (what == "check-runs") {
        for (const auto& check : checks_of(inside.world, repository)) result.push_back(plain(check));
        return result;
    }
    if (what != "issues" && what != "pulls") throw not_found();
    for (const auto& [number, thread] : repository.threads) {
        if (thread.pull.has_value() != (what == "pulls")) continue;
        result.push_back(thread.pull ? plain(pull_value(inside.world, repository, thread))
                                     : plain(issue_value(inside.world, repository, thread)));
    }
    return result;
}

/// …/issues/{n}/{verb} and …/pulls/{n}/{verb}
json act_on_thread(Inside& inside, Repository& repository, const std::string& method,
                   const std::vector<std::string>& rest, const json& body) {
    const auto number = inside.world.key_of({std::stoll(rest.at(1)), rest[0] == "pulls"});
    const std::string by = body.value("by", repository.owner);
    const std::string verb = rest.size() > 2 ? rest[2] : "";
    auto& deeds = inside.deeds;
    if (method == "PATCH" && verb.empty()) {
        const auto field = [&](const char* name) {
            return body.contains(name) ? std::optional(body[name].get<std::string>()) : std::nullopt;
        };
        deeds.edit_thread(repository, number, field("title"), field("body"), by);
    } else if (method == "DELETE" && verb.empty()) {
        deeds.delete_issue(repository, number, by);
    } else if (method == "POST" && verb == "labels") {
        deeds.add_labels(repository, number, {body.at("label").get<std::string>()}, by);
    } else if (method == "DELETE" && verb == "labels") {
        deeds.remove_label(repository, number, rest.at(3), by);
    } else if (method == "POST" && verb == "comments") {
        return {{"id", deeds.comment(repository, number, body.at("body"), by)}};
    } else if (method == "POST" && (verb == "close" || verb == "reopen")) {
        deeds.set_open(repository, number, verb == "reopen", "", by);
    } else if (method == "POST" && verb == "merge") {
        return {{"sha", deeds.merge(repository, number, by)}};
    } else if (method == "GET" && verb.empty()) {
        const auto lock = inside.world.lock();
        const auto& thread = inside.world.thread(repository, number);
        json result = plain(issue_value(inside.world, repository, thread));
        if (thread.pull) result.update(plain(pull_value(inside.world, repository, thread)));
        return result;
    } else {
        throw not_found();
    }
    return {{"ok", true}};
}

json act_on_repository(Inside& inside, const std::string& method, const std::vector<std::string>& segments,
                       const json& body) {
    auto& repository = inside.repository(segments[2] + "/" + segments[3]);
    const std::vector<std::string> rest(segments.begin() + 4, segments.end());
    if (rest.empty()) throw not_found();
    const std::string& what = rest[0];
    if (method == "GET" && rest.size() == 1) return list(inside, repository, what);
    if ((what == "issues" || what == "pulls") && rest.size() > 1)
        return act_on_thread(inside, repository, method, rest, body);
    if (method == "POST" && what == "issues") {
        const auto number = inside.deeds.create_issue(repository, body.at("title"), body.value("body", ""),
                                                      body.value("author", repository.owner),
                                                      body.value("labels", std::vector<std::string>{}));
        const auto lock = inside.world.lock();
        return plain(issue_value(inside.world, repository, inside.world.thread(repository, number)));
    }
    if (method == "POST" && what == "commits") {
        const auto sha = inside.deeds.commit_files(
            repository, body.value("branch", repository.default_branch), files_of(body),
            body.value("message", "Change files"), body.value("author", repository.owner));
        return {{"sha", sha}};
    }
    if (method == "DELETE" && what == "branches" && rest.size() == 2) {
        inside.deeds.delete_branch(repository, rest[1], repository.owner);
        return {{"ok", true}};
    }
    const auto lock = inside.world.lock();
    if (method == "POST" && what == "collaborators") {
        const auto login = body.at("login").get<std::string>();
        inside.world.user(login);
        repository.collaborators[lower(login)] = permission_named(body.value("permission", "write"));
    } else if (method == "POST" && what == "protect") {
        repository.protected_branches.push_back(body.at("pattern"));
    } else if (method == "POST" && what == "refuse") {
        repository.refusal = body.value("message", "");
    } else {
        throw not_found();
    }
    Git(repository.git)
        .guard(repository.protected_branches, repository.refusal, inside.world.customs.protected_words);
    return {{"ok", true}};
}

json create_repository(Inside& inside, const json& body) {
    const auto& made = inside.deeds.create_repository({.full_name = body.at("full_name"),
                                                       .default_branch = body.value("default_branch", "main"),
                                                       .files = files_of(body),
                                                       .folder = body.value("folder", ""),
                                                       .git = body.value("git", ""),
                                                       .description = body.value("description", ""),
                                                       .is_private = body.value("private", true)});
    const auto lock = inside.world.lock();
    return {{"full_name", made.full_name()},
            {"clone_url", html(inside.world, made) + ".git"},
            {"html_url", html(inside.world, made)}};
}

json list_deliveries(Inside& inside) {
    json result = json::array();
    for (const auto& sent : inside.hooks.deliveries()) {
        const auto& d = sent.delivery;
        result.push_back({{"id", d.id},
                          {"what", d.what},
                          {"thread", d.thread},
                          {"guid", d.guid},
                          {"event", d.event},
                          {"action", d.action},
                          {"status", d.status},
                          {"status_code", d.status_code},
                          {"redelivery", d.redelivery}});
    }
    return result;
}

json list_requests(Inside& inside) {
    json result = json::array();
    for (const auto& request : inside.record.requests()) {
        result.push_back({{"method", request.method},
                          {"path", request.path},
                          {"query", request.query},
                          {"body", request.body},
                          {"status", request.status},
                          {"fault", request.fault},
                          {"actor", request.actor}});
    }
    return result;
}

void configure(Inside& inside, const std::string& what, const json& body) {
    if (what == "hook") {
        HookSettings hook{.url = body.at("url"), .secret = body.at("secret")};
        hook.id = body.value("id", hook.id);
        hook.signing_token = body.value("signing_token", "");
        hook.disables_itself = body.value("disables_itself", false);
        hook.group_too = body.value("group_too", false);
        inside.hooks.configure(hook);
        return;
    }
    if (what == "hook-disabled") {
        const auto seconds = body.value("seconds", std::int64_t{0});
        inside.hooks.disable(seconds > 0 ? std::optional(std::chrono::seconds(seconds)) : std::nullopt);
        return;
    }
    if (what == "faults") return inside.faults.add(fault_of(body));
    if (what == "hook-faults") return inside.hooks.script(hook_fault_of(body));
    if (what == "clock") {
        inside.world.clock_offset = body.at("offset_seconds").get<std::int64_t>();
        return;
    }
    const auto lock = inside.world.lock();
    if (what == "app") {
        auto& app = inside.world.app;
        app = {.id = body.value("id", app.id),
               .slug = body.value("slug", app.slug),
               .public_key = body.at("public_key"),
               .installation_id = body.value("installation_id", app.installation_id)};
        inside.world.user(inside.world.app_login());
    } else if (what == "tokens") {
        inside.world.user(body.at("login").get<std::string>());
        inside.world.tokens[body.at("token")] = {.identity = {.kind = Identity::Kind::person,
                                                              .login = body.at("login"),
                                                              .repositories = {},
                                                              .permissions = {}},
                                                 .expires = {}};
    } else if (what == "expire-tokens") {
        for (auto& [text, token] : inside.world.tokens) {
            if (token.expires) token.expires = inside.world.now();
        }
    } else {
        throw not_found();
    }
}

json carry_out(Inside& inside, const std::string& method, const std::vector<std::string>& segments,
               const json& body) {
    const std::string what = segments.size() > 1 ? segments[1] : "";
    if (what == "repositories" && segments.size() >= 4)
        return act_on_repository(inside, method, segments, body);
    if (method == "POST" && what == "repositories") return create_repository(inside, body);
    if (method == "GET" && what == "deliveries") return list_deliveries(inside);
    if (method == "GET" && what == "requests") return list_requests(inside);
    if (method == "DELETE" && what == "faults")
        inside.faults.clear();
    else if (method == "POST")
        configure(inside, what, body);
    else
        throw not_found();
    return {{"ok", true}};
}

}  // namespace

Answer control(Inside& inside, const std::string& method, const std::vector<std::string>& segments,
               const std::string& text) {
    try {
        const json body = text.empty() ? json::object() : json::parse(text);
        return {.body = carry_out(inside, method, segments, body)};
    } catch (const Problem& problem) {
        return {.status = problem.status, .body = {{"message", problem.what()}, {"errors", problem.errors}}};
    } catch (const std::exception& wrong) {
        return {.status = 400, .body = {{"message", wrong.what()}}};
    }
}

}  // namespace practice_forge
