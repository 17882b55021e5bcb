#include "tests/practice_forge/github_tongue.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <thread>

#include "tests/practice_forge/credentials.hpp"

namespace practice_forge::github {
namespace {

constexpr const char* kDocumentation = "https://docs.github.com/rest";

/// Whether an installation's token is for this repository.
bool covers(const Identity& who, const Repository& repository) {
    return !repository.outside && (who.repositories.empty() || who.repositories.contains(repository.id));
}

bool allowed_on_git(const World& world, const Identity& who, const Repository& repository, bool push) {
    if (push && repository.archived) return false;
    switch (who.kind) {
        case Identity::Kind::nobody:
            return !push && !repository.is_private;
        case Identity::Kind::app:
            return false;
        case Identity::Kind::installation: {
            if (!who.repositories.empty() && !who.repositories.contains(repository.id)) return false;
            if (repository.outside) return !push && !repository.is_private;
            const auto contents = who.permissions.find("contents");
            return contents != who.permissions.end() && (!push || contents->second == "write");
        }
        case Identity::Kind::person:
            return world.permission(repository, who.login) >= (push ? Permission::write : Permission::read);
    }
    return false;
}

class GithubTongue final : public Tongue {
 public:
    const std::vector<KnownRoute>& routes() const override {
        static const auto all =
            known({&app_routes(), &issue_routes(), &pull_routes(), &review_routes(), &check_routes()});
        return all;
    }

    Identity identify(World& world, const std::string& authorization) const override {
        return github::identify(world, authorization);
    }
    void count(World& world, const Identity& who) const override {
        if (who.kind == Identity::Kind::app) return;
        if (world.rate_remaining <= 0) throw Problem(403, "API rate limit exceeded");
        --world.rate_remaining;
        ++world.rate_used;
    }
    void follow(const World& world, std::vector<std::string>& segments,
                const std::string& query) const override;
    bool sees(const World& world, const Identity& who, const Repository& repository) const override;
    void admit(const World& world, const Route& route, const Call& call) const override;

    Answer refuse(const World& /*world*/, const Problem& problem) const override {
        json body = {{"message", problem.what()},
                     {"documentation_url", kDocumentation},
                     {"status", std::to_string(problem.status)}};
        if (!problem.errors.is_null()) body["errors"] = problem.errors;
        return {.status = problem.status, .body = std::move(body), .headers = problem.headers, .actor = {}};
    }
    Problem no_json() const override { return {400, "Problems parsing JSON"}; }
    Problem wrong_type(const std::string& what) const override {
        return {422, "Invalid request.\n\n" + what};
    }
    std::optional<Answer> refuse_nameless() const override {
        return Answer{.status = 403,
                      .body = {{"message",
                                "Request forbidden by administrative rules. Please make sure your request "
                                "has a User-Agent header"}}};
    }
    Answer strike(const World& world, const Fault& fault) const override;

    std::map<std::string, std::string> mark() const override {
        return {{"X-GitHub-Request-Id",
                 fmt::format("{:X}", std::hash<std::thread::id>{}(std::this_thread::get_id()))},
                {"X-GitHub-Media-Type", "github.v3; format=json"}};
    }
    void sign(const World& world, Answer& answer) const override;
    bool tags_entities() const override { return true; }

    /// Nobody learns whether a private repository is there.
    std::optional<Refusal> refuse_git(const World& world, const Identity& who, const Repository* repository,
                                      bool push) const override {
        const bool nameless = who.kind == Identity::Kind::nobody;
        if (repository != nullptr && allowed_on_git(world, who, *repository, push)) return std::nullopt;
        const bool reads = repository != nullptr && push && allowed_on_git(world, who, *repository, false);
        const int status = nameless ? 401 : reads ? 403 : 404;
        return Refusal{
            status, status == 404 ? "Repository not found.\n" : "Write access to repository not granted.\n"};
    }
    std::string_view realm() const override { return "GitHub"; }
    Redirect redirect(const World& world, const std::string& path) const override {
        return {301, world.base_url + path};
    }
};

void GithubTongue::follow(const World& world, std::vector<std::string>& segments,
                          const std::string& /*query*/) const {
    if (segments.size() >= 3 && segments[0] == "repos") {
        const auto moved = world.old_names.find(lower(segments[1] + "/" + segments[2]));
        if (moved == world.old_names.end() || world.find(segments[1] + "/" + segments[2]) != nullptr) return;
        std::string url =
            fmt::format("{}{}/repositories/{}", world.base_url, world.customs.api_path, moved->second);
        for (std::size_t i = 3; i < segments.size(); ++i) url += "/" + segments[i];
        Problem problem(301, "Moved Permanently");
        problem.headers["Location"] = url;
        throw problem;
    }
    if (segments.size() >= 2 && segments[0] == "repositories") {
        const auto* repository = world.find(std::strtoll(segments[1].c_str(), nullptr, 10));
        if (repository == nullptr) throw not_found();
        segments.erase(segments.begin(), segments.begin() + 2);
        segments.insert(segments.begin(), {"repos", repository->owner, repository->name});
    }
}

bool GithubTongue::sees(const World& world, const Identity& who, const Repository& repository) const {
    switch (who.kind) {
        case Identity::Kind::app:
            return true;
        case Identity::Kind::nobody:
            return !repository.is_private;
        case Identity::Kind::installation:
            return covers(who, repository) || !repository.is_private;
        case Identity::Kind::person:
            return world.permission(repository, who.login) >= Permission::read;
    }
    return false;
}

void GithubTongue::admit(const World& world, const Route& route, const Call& call) const {
    const auto& who = call.who;
    if ((who.kind == Identity::Kind::app) != (route.access == Access::app)) {
        throw Problem(
            401, route.access == Access::app ? "A JSON web token could not be decoded" : "Bad credentials");
    }
    if (route.access == Access::app) return;
    const bool writes = route.access != Access::read;
    if (who.kind == Identity::Kind::nobody && writes) throw Problem(401, "Requires authentication");
    if (who.kind == Identity::Kind::installation && *route.permission != '\0') {
        const auto granted = who.permissions.find(route.permission);
        if (granted == who.permissions.end() || (writes && granted->second != "write")) {
            throw Problem(403, "Resource not accessible by integration");
        }
    }
    if (writes && call.repository != nullptr && who.kind == Identity::Kind::installation &&
        !covers(who, *call.repository)) {
        throw Problem(403, "Resource not accessible by integration");
    }
    if (writes && call.repository != nullptr && call.repository->archived)
        throw Problem(403, "Repository was archived so is read-only.");
    if (who.kind == Identity::Kind::person && route.access == Access::write && call.repository != nullptr &&
        world.permission(*call.repository, who.login) < Permission::write) {
        throw Problem(403, "Must have push access to repository");
    }
}

Answer GithubTongue::strike(const World& world, const Fault& fault) const {
    const auto reset =
        std::chrono::duration_cast<std::chrono::seconds>(world.now().time_since_epoch()) + fault.retry_after;
    Answer answer{.status = fault.status,
                  .body = {{"message", fault.message},
                           {"documentation_url", kDocumentation},
                           {"status", std::to_string(fault.status)}}};
    if (fault.kind == Fault::Kind::primary_limit) {
        answer.status = 403;
        answer.body["message"] = "API rate limit exceeded for installation.";
        answer.headers = {{"X-RateLimit-Limit", "5000"},
                          {"X-RateLimit-Remaining", "0"},
                          {"X-RateLimit-Used", "5000"},
                          {"X-RateLimit-Reset", std::to_string(reset.count())},
                          {"X-RateLimit-Resource", "core"}};
    } else if (fault.kind == Fault::Kind::secondary_limit) {
        answer.status = 429;
        answer.body["message"] =
            "You have exceeded a secondary rate limit. Please wait a few minutes before you try again.";
        answer.headers = {{"Retry-After", std::to_string(fault.retry_after.count())}};
    }
    answer.body["status"] = std::to_string(answer.status);
    return answer;
}

void GithubTongue::sign(const World& world, Answer& answer) const {
    const auto reset =
        std::chrono::duration_cast<std::chrono::seconds>(world.now().time_since_epoch()).count() / 3600 *
            3600 +
        3600;
    answer.headers.insert({{"X-RateLimit-Limit", "5000"},
                           {"X-RateLimit-Remaining", std::to_string(std::max(0, world.rate_remaining))},
                           {"X-RateLimit-Used", std::to_string(world.rate_used)},
                           {"X-RateLimit-Reset", std::to_string(reset)},
                           {"X-RateLimit-Resource", "core"}});
}

}  // namespace

const Tongue& tongue() {
    static const GithubTongue only;
    return only;
}

Identity identify(World& world, const std::string& authorization) {
    if (authorization.empty()) return {};
    auto [scheme, token] = credential_of(authorization);
    if (scheme == "basic") {
        const std::string pair = decode_base64(token);
        token = pair.substr(std::min(pair.find(':'), pair.size() - 1) + 1);
    } else if (scheme != "bearer" && scheme != "token") {
        throw Problem(401, "Bad credentials");
    }
    const bool looks_like_jwt = token.starts_with("ey") && std::ranges::count(token, '.') == 2;
    if (scheme == "bearer" && looks_like_jwt) {
        check_app_token(token, world.app, world.now());
        return {.kind = Identity::Kind::app, .login = {}, .repositories = {}, .permissions = {}};
    }
    const auto found = world.tokens.find(token);
    if (found == world.tokens.end() || (found->second.expires && *found->second.expires <= world.now())) {
        throw Problem(401, "Bad credentials");
    }
    return found->second.identity;
}

Answer page_of(const World& world, const Call& call, const std::vector<json>& all, const char* wrapped_in) {
    const std::size_t size = std::min<std::size_t>(call.positive("per_page", 30), 100);
    const std::size_t page = call.positive("page", 1);
    const std::size_t last = std::max<std::size_t>((all.size() + size - 1) / size, 1);
    json items = json::array();
    for (std::size_t i = (page - 1) * size; i < std::min(page * size, all.size()); ++i)
        items.push_back(all[i]);

    Answer answer;
    const auto link = [&](std::size_t to, const char* relation) {
        std::string url = fmt::format("{}{}{}?", world.base_url, world.customs.api_path, call.path);
        for (const auto& [name, value] : parse_query(call.query)) {
            if (name != "page") url += name + "=" + value + "&";
        }
        auto& header = answer.headers["Link"];
        header += fmt::format("{}<{}page={}>; rel=\"{}\"", header.empty() ? "" : ", ", url, to, relation);
    };
    if (page > 1) link(page - 1, "prev");
    if (page < last) link(page + 1, "next");
    if (page < last) link(last, "last");
    if (page > 1) link(1, "first");
    answer.body = wrapped_in == nullptr ? items : json{{"total_count", all.size()}, {wrapped_in, items}};
    return answer;
}

void check_length(const std::string& body, const char* resource, const char* field) {
    if (code_points(body) > 65'536) {
        throw invalid(resource, field, "custom",
                      std::string(field) + " is too long (maximum is 65536 characters)");
    }
}

}  // namespace practice_forge::github
