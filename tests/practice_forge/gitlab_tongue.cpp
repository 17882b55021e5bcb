#include "tests/practice_forge/gitlab_tongue.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "tests/practice_forge/addresses.hpp"
#include "tests/practice_forge/credentials.hpp"

namespace practice_forge::gitlab {
namespace {

/// What stands before the application throttles in plain words, the application itself in JSON.
/// https://docs.gitlab.com/administration/settings/user_and_ip_rate_limits/#response-headers
Answer throttled(const World& world, std::chrono::seconds wait) {
    const auto reset =
        std::chrono::duration_cast<std::chrono::seconds>(world.now().time_since_epoch()) + wait;
    return {.status = 429,
            .body = nullptr,
            .headers = {{"Retry-After", std::to_string(wait.count())},
                        {"RateLimit-Limit", "2000"},
                        {"RateLimit-Name", "throttle_authenticated_api"},
                        {"RateLimit-Observed", "2001"},
                        {"RateLimit-Remaining", "0"},
                        {"RateLimit-Reset", std::to_string(reset.count())}},
            .actor = {},
            .page = {},
            .plain = "Retry later\n"};
}

class GitlabTongue final : public Tongue {
 public:
    const std::vector<KnownRoute>& routes() const override {
        static const auto all =
            known({&project_routes(), &issue_routes(), &note_routes(), &discussion_routes(), &award_routes(),
                   &request_routes(), &status_routes(), &hook_routes()});
        return all;
    }

    std::string_view token_header() const override { return "PRIVATE-TOKEN"; }
    Identity identify(World& world, const std::string& authorization) const override;
    void follow(const World& world, std::vector<std::string>& segments,
                const std::string& query) const override;
    void admit(const World& world, const Route& route, const Call& call) const override;

    Answer refuse(const World& world, const Problem& problem) const override;
    Problem no_json() const override {
        return refusal(400, {{"error", "message body does not match declared format"}});
    }
    Problem wrong_type(const std::string& what) const override { return refusal(400, {{"error", what}}); }
    Problem no_route() const override { return refusal(404, {{"error", "404 Not Found"}}); }
    Problem no_repository() const override { return none_of("Project"); }
    Answer strike(const World& world, const Fault& fault) const override;

    std::optional<Refusal> refuse_git(const World& world, const Identity& who, const Repository* repository,
                                      bool push) const override;
    std::string_view realm() const override { return "GitLab"; }
    /// https://docs.gitlab.com/user/project/repository/#repository-path-changes
    Redirect redirect(const World& world, const std::string& path) const override {
        return {301, world.base_url + path};
    }
};

/// A token, or Basic with it as the password of any user.
/// https://docs.gitlab.com/user/profile/personal_access_tokens/#clone-repository-using-personal-access-token
Identity GitlabTongue::identify(World& world, const std::string& authorization) const {
    auto [scheme, token] = credential_of(authorization);
    if (scheme == "basic") {
        const std::string pair = decode_base64(token);
        token = pair.substr(std::min(pair.find(':'), pair.size() - 1) + 1);
    } else if (scheme != "bearer") {
        return {};
    }
    const auto found = world.tokens.find(token);
    if (found == world.tokens.end()) throw Problem(401, "401 Unauthorized");
    if (found->second.expires && *found->second.expires <= world.now())
        throw refusal(401, {{"error", "invalid_token"},
                            {"error_description",
                             "Token is expired. You can either do re-authorization or token refresh."}});
    if (world.suspended && found->second.identity.login == world.app_login())
        throw Problem(403, "403 Forbidden - Your account has been blocked.");
    return found->second.identity;
}

/// A project by its id or by its whole path: /projects/acme%2Fwidgets/… is /projects/acme/widgets/… to the
/// routes. One that was renamed sends on who reads. https://docs.gitlab.com/api/rest/#redirects
void GitlabTongue::follow(const World& world, std::vector<std::string>& segments,
                          const std::string& query) const {
    if (segments.size() < 2 || segments[0] != "projects") return;
    const auto named = segments[1];
    const bool by_id = named.find_first_not_of("0123456789") == std::string::npos;
    const auto* repository = by_id ? world.find(std::strtoll(named.c_str(), nullptr, 10)) : world.find(named);
    if (repository == nullptr && !by_id) {
        const auto moved = world.old_names.find(lower(named));
        if (moved != world.old_names.end() && world.find(moved->second) != nullptr) {
            auto url = fmt::format("{}{}/projects/{}", world.base_url, world.customs.api_path, moved->second);
            for (std::size_t i = 2; i < segments.size(); ++i) url += "/" + encode_url(segments[i]);
            auto problem = Problem(301, "301 Moved Permanently");
            problem.headers["Location"] = url + (query.empty() ? "" : "?" + query);
            throw problem;
        }
    }
    if (repository == nullptr) throw no_repository();
    segments[1] = repository->owner;
    segments.insert(segments.begin() + 2, repository->name);
}

void GitlabTongue::admit(const World& world, const Route& route, const Call& call) const {
    if (route.access != Access::read && call.who.kind == Identity::Kind::nobody)
        throw Problem(401, "401 Unauthorized");
    if (call.repository == nullptr) return;
    const std::string_view role = route.access == Access::write ? kDeveloper : route.permission;
    const int needed = role == kMaintainer ? 40 : role == kDeveloper ? 30 : role == kReporter ? 20 : 0;
    // What a public project shows to anybody, it shows to reporters' eyes.
    const bool open = !call.repository->is_private && route.access == Access::read && needed <= 20;
    if (!open && access_level(world, call) < needed) throw forbidden();
    if (!route.in_archives && call.repository->archived) throw forbidden();
}

Answer GitlabTongue::refuse(const World& world, const Problem& problem) const {
    if (problem.status == 429 && problem.errors.is_null()) return throttled(world, std::chrono::seconds(60));
    Answer answer{.status = problem.status == 410 ? 404 : problem.status,
                  .body = problem.errors,
                  .headers = problem.headers,
                  .actor = {}};
    if (problem.errors.is_object()) return answer;
    std::string words = problem.what();
    if (problem.errors.is_array() && !problem.errors.empty())
        words = problem.errors[0].value("message", words);
    const bool is_gone = answer.status == 404 && !words.starts_with("404 ");
    answer.body = {{"message", is_gone ? "404 Not found" : words}};
    return answer;
}

Answer GitlabTongue::strike(const World& world, const Fault& fault) const {
    if (fault.kind == Fault::Kind::primary_limit) return throttled(world, fault.retry_after);
    if (fault.kind != Fault::Kind::secondary_limit)
        return refuse(world, refusal(fault.status, {{"message", fault.message}}));
    return {.status = 429,
            .body = {{"message",
                      {{"error", "This endpoint has been requested too many times. Try again later."}}}},
            .headers = {{"Retry-After", std::to_string(fault.retry_after.count())}},
            .actor = {}};
}

/// https://gitlab.com/gitlab-org/gitlab/-/blob/master/lib/gitlab/git_access.rb
std::optional<Tongue::Refusal> GitlabTongue::refuse_git(const World& world, const Identity& who,
                                                        const Repository* repository, bool push) const {
    if (!push && repository != nullptr && !repository->is_private) return std::nullopt;
    if (who.kind == Identity::Kind::nobody) return Refusal{401, "HTTP Basic: Access denied.\n"};
    const Refusal absent{404,
                         "The project you were looking for could not be found or you don't have permission "
                         "to view it.\n"};
    if (repository == nullptr) return absent;
    const auto level = access_level(world.permission(*repository, who.login));
    if (repository->is_private && level == 0) return absent;
    if (!push && level < 20) return Refusal{403, "You are not allowed to download code from this project.\n"};
    if (push && repository->archived) return Refusal{403, "You can't push code to an archived project.\n"};
    if (push && level < 30) return Refusal{403, "You are not allowed to push code to this project.\n"};
    return std::nullopt;
}

}  // namespace

const Tongue& tongue() {
    static const GitlabTongue only;
    return only;
}

Problem refusal(int status, json body) { return {status, "", std::move(body)}; }

Problem invalid_field(const std::string& field, const std::string& what) {
    return refusal(400, {{"message", {{field, json::array({what})}}}});
}

Problem none_of(std::string_view what) { return {404, fmt::format("404 {} Not Found", what)}; }

Problem forbidden() { return {403, "403 Forbidden"}; }

int access_level(Permission permission) { return 10 * static_cast<int>(permission); }

int access_level(const World& world, const Call& call) {
    if (call.who.kind != Identity::Kind::person) return 0;
    const auto& members = call.repository->collaborators;  // that anybody may read makes nobody a member
    return members.contains(lower(call.who.login))
               ? access_level(world.permission(*call.repository, call.who.login))
               : 0;
}

}  // namespace practice_forge::gitlab
