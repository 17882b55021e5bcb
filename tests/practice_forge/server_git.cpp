#include <fmt/format.h>
#include <httplib.h>

#include <charconv>

#include "tests/practice_forge/credentials.hpp"
#include "tests/practice_forge/git.hpp"
#include "tests/practice_forge/inside.hpp"
#include "tests/practice_forge/strike.hpp"
#include "tests/practice_forge/tongue.hpp"

/// The HTTP front, second half: git, and the store of logs.
namespace practice_forge {
namespace {

/// The branches that a push names, and where they are: its commands are lines of `old new ref`, each with its
/// length in front. https://git-scm.com/docs/pack-protocol
std::vector<Deeds::Moved> branches_of(const Git& git, std::string_view commands) {
    constexpr std::string_view heads = "refs/heads/";
    std::vector<Deeds::Moved> named;
    while (commands.size() > 4) {
        std::size_t length = 0;
        std::from_chars(commands.data(), commands.data() + 4, length, 16);
        if (length < 4 + 82 || length > commands.size()) break;
        auto ref = commands.substr(4 + 82, length - 4 - 82);
        commands.remove_prefix(length);
        ref = ref.substr(0, ref.find_first_of(std::string_view("\0\n", 2)));
        if (!ref.starts_with(heads)) continue;
        const std::string name(ref.substr(heads.size()));
        named.push_back({.branch = name, .before = git.branch(name).value_or(""), .after = {}});
    }
    return named;
}

}  // namespace

/// A job's log, as a store elsewhere gives it out: to who has the address, and never to who shows a
/// credential.
void PracticeForge::Inside::answer_log(const httplib::Request& request, httplib::Response& response,
                                       const std::string& path, const std::string& query) {
    Request seen{.method = request.method,
                 .path = path,
                 .query = query,
                 .headers = lower_headers(request),
                 .when = std::chrono::system_clock::now()};
    Strike strike(faults, ground, request, path, port);
    seen.fault = strike.name();
    if (!strike.before(response)) {
        const auto id = std::strtoll(path.c_str() + path.rfind('/') + 1, nullptr, 10);
        const auto lock = world.lock();
        response.status = 403;
        if (!request.has_header("Authorization") &&
            log_address(world, id) == world.base_url + path + "?" + query) {
            response.status = 404;
            for (const auto& repository : world.repositories) {
                const auto run = repository->check_runs.find(id);
                if (run == repository->check_runs.end()) continue;
                response.status = 200;
                response.set_content(run->second.log, "text/plain; charset=utf-8");
            }
        }
        strike.after(response);
    }
    seen.status = response.status;
    record.add(std::move(seen), false);
    strike.finish();
}

void PracticeForge::Inside::answer_git(const httplib::Request& request, httplib::Response& response,
                                       const std::string& path, const std::string& query) {
    // Of a push its commands; what follows is the pack.
    constexpr std::size_t commands = 4096;
    const bool pushes = path.ends_with("/git-receive-pack");
    Request seen{.method = request.method,
                 .path = path,
                 .query = query,
                 .headers = lower_headers(request),
                 .body = pushes ? request.body.substr(0, commands) : std::string(),
                 .when = std::chrono::system_clock::now()};
    Strike strike(faults, ground, request, path, port);
    seen.fault = strike.name();
    const auto serve = [&] {
        const bool push = pushes || query.find("service=git-receive-pack") != std::string::npos;
        Identity who;
        Repository* repository = nullptr;
        std::string moved_to;
        std::optional<Tongue::Refusal> refusal;
        try {
            const auto lock = world.lock();
            const auto name = path.substr(1, path.find(".git/") - 1);
            repository = world.find(name);
            if (const auto moved = world.old_names.find(lower(name));
                repository == nullptr && moved != world.old_names.end()) {
                if (const auto* now = world.find(moved->second)) moved_to = now->full_name();
            }
            who = ground.tongue.identify(world, request.get_header_value("Authorization"));
            seen.actor = who.login;
            if (moved_to.empty()) refusal = ground.tongue.refuse_git(world, who, repository, push);
        } catch (const Problem&) {
            refusal = {401, "Unauthorized\n"};
        }
        if (refusal) {
            response.status = refusal->status;
            if (refusal->status == 401)
                response.set_header("WWW-Authenticate",
                                    fmt::format("Basic realm=\"{}\"", ground.tongue.realm()));
            response.set_content(refusal->words, "text/plain");
            return;
        }
        if (!moved_to.empty()) {
            const auto redirect = ground.tongue.redirect(
                world, "/" + moved_to + path.substr(path.find(".git/")) + (query.empty() ? "" : "?" + query));
            response.status = redirect.status;
            response.set_header("Location", redirect.location);
            return;
        }
        auto moved = pushes ? branches_of(Git(repository->git), request.body) : std::vector<Deeds::Moved>{};
        auto answered = serve_git({.root = world.directory,
                                   .method = request.method,
                                   .path = "/" + repository->full_name() + path.substr(path.find(".git/")),
                                   .query = query,
                                   .content_type = request.get_header_value("Content-Type"),
                                   .protocol = request.get_header_value("Git-Protocol"),
                                   .user = who.login,
                                   .body = request.body});
        response.status = answered.status;
        std::string type = "text/plain";
        for (const auto& [name, value] : answered.headers) {
            if (name == "Content-Type")
                type = value;
            else
                response.set_header(name, value);
        }
        response.set_content(std::move(answered.body), type);
        for (auto& branch : moved) {
            branch.after = Git(repository->git).branch(branch.branch).value_or("");
            deeds.pushed(*repository, branch, who.login);
        }
    };
    if (!strike.before(response)) {
        response.status = -1;
        serve();
        strike.after(response);
    }
    seen.status = response.status;
    record.add(std::move(seen), false);
    strike.finish();
}

}  // namespace practice_forge
