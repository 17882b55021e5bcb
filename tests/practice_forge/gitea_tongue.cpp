#include "tests/practice_forge/gitea_tongue.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <ctime>

#include "tests/practice_forge/addresses.hpp"
#include "tests/practice_forge/credentials.hpp"

namespace practice_forge::gitea {
namespace {

Answer too_many(std::chrono::seconds wait) {
    return {.status = 429,
            .body = nullptr,
            .headers = {{"Retry-After", std::to_string(wait.count())}},
            .actor = {},
            .page = "<html><head><title>429 Too Many Requests</title></head></html>\n"};
}

class GiteaTongue final : public Tongue {
 public:
    const std::vector<KnownRoute>& routes() const override {
        static const auto all = known({&repository_routes(), &issue_routes(), &comment_routes(),
                                       &review_routes(), &pull_routes(), &status_routes()});
        return all;
    }

    Identity identify(World& world, const std::string& authorization) const override;
    void follow(const World& world, std::vector<std::string>& segments,
                const std::string& query) const override;
    void admit(const World& world, const Route& route, const Call& call) const override;

    Answer refuse(const World& world, const Problem& problem) const override;
    Problem no_json() const override { return {422, "[]: invalid character looking for beginning of value"}; }
    Problem wrong_type(const std::string& what) const override { return {422, "[]: " + what}; }
    Answer strike(const World& world, const Fault& fault) const override {
        if (fault.kind == Fault::Kind::primary_limit || fault.kind == Fault::Kind::secondary_limit)
            return too_many(fault.retry_after);
        return refuse(world, Problem(fault.status, fault.message));
    }

    std::optional<Refusal> refuse_git(const World& world, const Identity& who, const Repository* repository,
                                      bool push) const override;
    std::string_view realm() const override { return "Gitea"; }
    /// In this forge's own paths: https://github.com/go-gitea/gitea/blob/main/services/context/repo.go
    Redirect redirect(const World& /*world*/, const std::string& path) const override { return {307, path}; }
};

/// A token, or Basic with it as the password of any user, or as the user without a password.
/// https://docs.gitea.com/development/api-usage#authentication
Identity GiteaTongue::identify(World& world, const std::string& authorization) const {
    auto [scheme, token] = credential_of(authorization);
    if (scheme == "basic") {
        const std::string pair = decode_base64(token);
        const auto colon = std::min(pair.find(':'), pair.size());
        const auto password = colon < pair.size() ? pair.substr(colon + 1) : "";
        token = password.empty() || password == "x-oauth-basic" ? pair.substr(0, colon) : password;
    } else if (scheme != "bearer" && scheme != "token") {
        return {};
    }
    const auto found = world.tokens.find(token);
    if (found == world.tokens.end())
        throw Problem(401, scheme == "basic" ? "invalid username, password or token"
                                             : "user does not exist [uid: 0, name: ]");
    if (world.suspended && found->second.identity.login == world.app_login())
        throw Problem(403,
                      "This account is prohibited from signing in, please contact your site administrator.");
    return found->second.identity;
}

void GiteaTongue::follow(const World& world, std::vector<std::string>& segments,
                         const std::string& query) const {
    if (segments.size() == 2 && segments[0] == "repositories") {
        const auto* repository = world.find(std::strtoll(segments[1].c_str(), nullptr, 10));
        if (repository == nullptr) throw not_found();
        segments = {"repos", repository->owner, repository->name};
    }
    if (segments.size() < 3 || segments[0] != "repos") return;
    const auto name = segments[1] + "/" + segments[2];
    const auto moved = world.old_names.find(lower(name));
    if (moved == world.old_names.end() || world.find(name) != nullptr) return;
    const auto* now = world.find(moved->second);
    if (now == nullptr) throw not_found();
    auto path = fmt::format("{}/repos/{}", world.customs.api_path, now->full_name());
    for (std::size_t i = 3; i < segments.size(); ++i) path += "/" + segments[i];
    Problem problem(307, "Temporary Redirect");
    problem.headers["Location"] = path + (query.empty() ? "" : "?" + query);
    throw problem;
}

void GiteaTongue::admit(const World& world, const Route& route, const Call& call) const {
    if (route.access != Access::read && call.who.kind == Identity::Kind::nobody)
        throw Problem(401, "token is required");
    if (call.repository == nullptr) return;
    if (route.access == Access::write && !can_write(world, call))
        throw Problem(403, "user should have a permission to write to a repo");
    if (!route.in_archives && call.repository->archived)
        throw Problem(423, fmt::format("<Repository {}:{}> is archived", call.repository->id,
                                       call.repository->full_name()));
}

Answer GiteaTongue::refuse(const World& world, const Problem& problem) const {
    if (problem.status == 429) return too_many(std::chrono::seconds(60));
    Answer answer{.status = problem.status == 410 ? 404 : problem.status,
                  .body = nullptr,
                  .headers = problem.headers,
                  .actor = {}};
    if (problem.status == 307) {
        answer.page = fmt::format("<a href=\"{}\">Temporary Redirect</a>.\n\n", answer.headers["Location"]);
        return answer;
    }
    std::string words = problem.what();
    if (problem.errors.is_array() && !problem.errors.empty())
        words = problem.errors[0].value("message", words);
    answer.silent = words.empty() && answer.status != 500;
    answer.body = {{"message", words}, {"url", world.base_url + "/api/swagger"}};
    if (answer.status != 404) return answer;
    const bool says_nothing = words == "Not Found";
    if (world.customs.lists_errors) {
        answer.body["message"] = "The target couldn't be found.";
        answer.body["errors"] = says_nothing ? json(nullptr) : json::array({words});
    } else if (says_nothing) {
        answer.body["message"] = "not found";
    }
    return answer;
}

/// https://github.com/go-gitea/gitea/blob/main/routers/web/repo/githttp.go
std::optional<Tongue::Refusal> GiteaTongue::refuse_git(const World& world, const Identity& who,
                                                       const Repository* repository, bool push) const {
    if (push && repository != nullptr && repository->archived)
        return Refusal{403,
                       "This repo is archived. You can view files and clone it, but cannot push or open "
                       "issues/pull-requests.\n"};
    if (!push && repository != nullptr && !repository->is_private) return std::nullopt;
    if (who.kind == Identity::Kind::nobody) return Refusal{401, "Unauthorized\n"};
    if (repository == nullptr)
        return push ? Refusal{403, "Push to create is not enabled for users.\n"}
                    : Refusal{404, "Repository not found\n"};
    const auto permission = world.permission(*repository, who.login);
    if (permission < Permission::read) return Refusal{404, "Repository not found\n"};
    if (push && permission < Permission::write) return Refusal{403, "User permission denied for writing.\n"};
    return std::nullopt;
}

}  // namespace

const Tongue& tongue() {
    static const GiteaTongue only;
    return only;
}

/// DEFAULT_PAGING_NUM and MAX_RESPONSE_ITEMS.
/// https://docs.gitea.com/administration/config-cheat-sheet#api-api
Slice slice_of(const Call& call, std::size_t count) {
    const std::size_t size = std::min<std::size_t>(call.positive("limit", 30), 50);
    const auto from = std::min((call.positive("page", 1) - 1) * size, count);
    return {from, std::min(from + size, count)};
}

Answer page_of(const World& world, const Call& call, const std::vector<json>& all, Linked linked) {
    const auto slice = slice_of(call, all.size());
    Answer answer{.body = json::array()};
    for (auto i = slice.from; i < slice.to; ++i) answer.body.push_back(all[i]);
    answer.headers["X-Total-Count"] = std::to_string(all.size());
    if (linked == Linked::no) return answer;
    const std::size_t size = std::min<std::size_t>(call.positive("limit", 30), 50);
    const std::size_t page = call.positive("page", 1);
    const std::size_t last = (all.size() + size - 1) / size;
    const auto link = [&](std::size_t to, const char* relation) {
        auto query = parse_query(call.query);
        query["page"] = std::to_string(to);
        std::string url;
        for (const auto& [name, value] : query)
            url += fmt::format("{}{}={}", url.empty() ? "?" : "&", name, encode_url(value));
        auto& header = answer.headers["Link"];
        header += fmt::format("{}<{}{}{}{}>; rel=\"{}\"", header.empty() ? "" : ",", world.base_url,
                              world.customs.api_path, call.path, url, relation);
    };
    if (page < last) link(page + 1, "next");
    if (page < last) link(last, "last");
    if (page > 1) link(1, "first");
    if (page > 1) link(page - 1, "prev");
    return answer;
}

std::string required(const Call& call, const char* field) {
    const auto text = call.text_field(field).value_or("");
    if (!text.empty()) return text;
    std::string name = field;
    name[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(name[0])));
    throw Problem(422, fmt::format("[{}]: Required", name));
}

std::optional<Time> time_asked(const Call& call, const char* name) {
    const auto text = call.value(name);
    if (text.empty()) return std::nullopt;
    const auto time = parse_time(text);
    if (!time) throw Problem(422, "parsing time \"" + text + "\"");
    return time;
}

std::string title_of(const std::string& text) {
    constexpr std::size_t most = 255;
    if (code_points(text) <= most) return text;
    std::string cut;
    std::size_t points = 0;
    for (const char c : text) {
        if ((static_cast<unsigned char>(c) & 0xC0U) != 0x80U && ++points == most) break;
        cut += c;
    }
    return cut + "…";
}

bool can_write(const World& world, const Call& call) {
    return call.who.kind == Identity::Kind::person &&
           world.permission(*call.repository, call.who.login) >= Permission::write;
}

void check_author(const World& world, const Call& call, const std::string& author) {
    if (call.who.login != author && !can_write(world, call)) throw Problem(403, "");
}

void check_open_talk(const World& world, const Call& call, const Thread& thread, const char* words) {
    if (thread.locked && !can_write(world, call)) throw Problem(403, words);
}

Thread& thread_of(Ground& ground, Call& call) {
    return ground.world.thread(*call.repository, call.number("index"));
}

void edit(Ground& ground, Call& call, std::int64_t number) {
    {
        const auto lock = ground.world.lock();
        const auto& thread = ground.world.thread(*call.repository, number);
        check_author(ground.world, call, thread.author);
        if (call.body.contains("state") && thread.pull && thread.pull->merged)
            throw Problem(412, "cannot change state of this pull request, it was already merged");
    }
    auto title = call.text_field("title");
    if (title && title->empty()) title.reset();
    if (title) title = title_of(*title);
    ground.deeds.edit_thread(*call.repository, number, title, call.text_field("body"), call.who.login);
    const auto state = call.text_field("state");
    if (!state) return;
    if (*state != "open" && *state != "closed") throw Problem(412, "unknown state: " + *state);
    ground.deeds.set_open(*call.repository, number, *state == "open", "", call.who.login);
}

}  // namespace practice_forge::gitea
