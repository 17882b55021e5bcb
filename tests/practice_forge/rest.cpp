#include "tests/practice_forge/rest.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "tests/practice_forge/credentials.hpp"
#include "tests/practice_forge/shapes.hpp"

namespace practice_forge {
namespace {

constexpr const char* kDocumentation = "https://docs.github.com/rest";

Answer problem_answer(const Problem& problem) {
    json body = {{"message", problem.what()},
                 {"documentation_url", kDocumentation},
                 {"status", std::to_string(problem.status)}};
    if (!problem.errors.is_null()) body["errors"] = problem.errors;
    return {.status = problem.status, .body = std::move(body), .headers = problem.headers, .actor = {}};
}

bool matches(const std::vector<std::string>& pattern, const std::vector<std::string>& path,
             std::map<std::string, std::string>& parameters) {
    for (std::size_t i = 0; i < pattern.size(); ++i) {
        if (i >= path.size()) return false;
        if (!pattern[i].starts_with('{')) {
            if (pattern[i] != path[i]) return false;
        } else if (pattern[i].ends_with("...}")) {
            auto& rest = parameters[pattern[i].substr(1, pattern[i].size() - 5)];
            for (std::size_t k = i; k < path.size(); ++k) rest += (k == i ? "" : "/") + path[k];
            return true;
        } else {
            parameters[pattern[i].substr(1, pattern[i].size() - 2)] = path[i];
        }
    }
    return pattern.size() == path.size();
}

struct KnownRoute {
    Route route;
    std::vector<std::string> pattern;
};
const std::vector<KnownRoute>& routes() {
    static const std::vector<KnownRoute> all = [] {
        std::vector<KnownRoute> result;
        for (const auto* table :
             {&app_routes(), &issue_routes(), &pull_routes(), &review_routes(), &check_routes()}) {
            for (const auto& route : *table) result.push_back({route, split_path(route.pattern)});
        }
        return result;
    }();
    return all;
}

/// Whether an installation's token is for this repository.
bool covers(const Identity& who, const Repository& repository) {
    return !repository.outside && (who.repositories.empty() || who.repositories.contains(repository.id));
}

bool sees(const World& world, const Identity& who, const Repository& repository) {
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

/// Throws 401 or 403 when it may not.
void check_access(const World& world, const Route& route, const Call& call) {
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

/// A repository that was renamed or is addressed by its id.
void check_moved(const World& world, const std::vector<std::string>& segments) {
    if (segments.size() < 3 || segments[0] != "repos") return;
    const auto moved = world.old_names.find(lower(segments[1] + "/" + segments[2]));
    if (moved == world.old_names.end() || world.find(segments[1] + "/" + segments[2]) != nullptr) return;
    std::string url = fmt::format("{}/api/v3/repositories/{}", world.base_url, moved->second);
    for (std::size_t i = 3; i < segments.size(); ++i) url += "/" + segments[i];
    Problem problem(301, "Moved Permanently");
    problem.headers["Location"] = url;
    throw problem;
}

Answer dispatch(Ground& ground, Call& call) {
    auto segments = split_path(call.path);
    const Route* route = nullptr;
    {
        const auto lock = ground.world.lock();
        call.who = identify(ground.world, call.authorization);
        if (call.who.kind != Identity::Kind::app) {
            if (ground.world.rate_remaining <= 0) throw Problem(403, "API rate limit exceeded");
            --ground.world.rate_remaining;
            ++ground.world.rate_used;
        }
        check_moved(ground.world, segments);
        if (segments.size() >= 2 && segments[0] == "repositories") {
            const auto* repository = ground.world.find(std::strtoll(segments[1].c_str(), nullptr, 10));
            if (repository == nullptr) throw not_found();
            segments.erase(segments.begin(), segments.begin() + 2);
            segments.insert(segments.begin(), {"repos", repository->owner, repository->name});
        }
        std::map<std::string, std::string> parameters;
        for (const auto& known : routes()) {
            parameters.clear();
            if (call.method == known.route.method && matches(known.pattern, segments, parameters)) {
                route = &known.route;
                break;
            }
        }
        if (route == nullptr) throw not_found();
        call.parameters = parse_query(call.query);
        for (auto& [name, value] : parameters) call.parameters[name] = value;
        if (parameters.contains("owner")) {
            call.repository = &ground.world.repository(parameters["owner"] + "/" + parameters["repo"]);
            if (!sees(ground.world, call.who, *call.repository)) throw not_found();
        }
        check_access(ground.world, *route, call);
    }
    if (!call.text.empty()) {
        call.body = json::parse(call.text, nullptr, false);
        if (call.body.is_discarded()) throw Problem(400, "Problems parsing JSON");
    }
    return route->handler(ground, call);
}

}  // namespace

Answer answer_rest(Ground& ground, Call& call) {
    Answer answer;
    try {
        answer = dispatch(ground, call);
    } catch (const Problem& problem) {
        answer = problem_answer(problem);
    } catch (const json::exception& wrong_type) {
        answer = problem_answer(Problem(422, std::string("Invalid request.\n\n") + wrong_type.what()));
    }
    answer.actor = call.who.kind == Identity::Kind::app ? "app" : call.who.login;
    const auto lock = ground.world.lock();
    const auto reset =
        std::chrono::duration_cast<std::chrono::seconds>(ground.world.now().time_since_epoch()).count() /
            3600 * 3600 +
        3600;
    answer.headers.insert(
        {{"X-RateLimit-Limit", "5000"},
         {"X-RateLimit-Remaining", std::to_string(std::max(0, ground.world.rate_remaining))},
         {"X-RateLimit-Used", std::to_string(ground.world.rate_used)},
         {"X-RateLimit-Reset", std::to_string(reset)},
         {"X-RateLimit-Resource", "core"}});
    return answer;
}

std::int64_t Call::number(const char* name) const {
    const std::string text_value = value(name);
    std::int64_t result = 0;
    const auto end = text_value.data() + text_value.size();
    if (std::from_chars(text_value.data(), end, result).ptr != end || text_value.empty()) throw not_found();
    return result;
}

std::string Call::value(const char* name, const std::string& otherwise) const {
    const auto found = parameters.find(name);
    return found == parameters.end() ? otherwise : found->second;
}

std::optional<std::string> Call::text_field(const char* name) const {
    const auto found = body.find(name);
    if (found == body.end() || found->is_null()) return std::nullopt;
    if (!found->is_string())
        throw Problem(422, fmt::format("Invalid request.\n\nFor 'properties/{}', {} is not a string.", name,
                                       found->dump()));
    return found->get<std::string>();
}

std::string Call::required_text(const char* name) const {
    if (auto text_value = text_field(name)) return *text_value;
    throw Problem(422, fmt::format("Invalid request.\n\n\"{}\" wasn't supplied.", name));
}

std::string decode_url(std::string_view text) {
    std::string result;
    for (std::size_t i = 0; i < text.size(); ++i) {
        unsigned char byte = 0;
        if (text[i] == '%' && i + 2 < text.size() + 0 &&
            std::from_chars(text.data() + i + 1, text.data() + i + 3, byte, 16).ptr == text.data() + i + 3) {
            result += static_cast<char>(byte);
            i += 2;
        } else {
            result += text[i];
        }
    }
    return result;
}

std::vector<std::string> split_path(std::string_view path) {
    std::vector<std::string> segments;
    while (!path.empty()) {
        const auto end = std::min(path.find('/'), path.size());
        if (end > 0) segments.push_back(decode_url(path.substr(0, end)));
        path.remove_prefix(std::min(end + 1, path.size()));
    }
    return segments;
}

std::map<std::string, std::string> parse_query(std::string_view query) {
    std::map<std::string, std::string> result;
    while (!query.empty()) {
        const auto end = std::min(query.find('&'), query.size());
        std::string pair(query.substr(0, end));
        std::ranges::replace(pair, '+', ' ');
        const auto equals = std::min(pair.find('='), pair.size());
        if (equals > 0)
            result[decode_url(std::string_view(pair).substr(0, equals))] =
                equals < pair.size() ? decode_url(std::string_view(pair).substr(equals + 1)) : "";
        query.remove_prefix(std::min(end + 1, query.size()));
    }
    return result;
}

Answer page_of(const World& world, const Call& call, const std::vector<json>& all, const char* wrapped_in) {
    const auto asked = [&](const char* name, std::size_t otherwise) {
        const auto number = std::strtoul(call.value(name, std::to_string(otherwise)).c_str(), nullptr, 10);
        return number == 0 ? otherwise : static_cast<std::size_t>(number);
    };
    const std::size_t size = std::min<std::size_t>(asked("per_page", 30), 100);
    const std::size_t page = asked("page", 1);
    const std::size_t last = std::max<std::size_t>((all.size() + size - 1) / size, 1);
    json items = json::array();
    for (std::size_t i = (page - 1) * size; i < std::min(page * size, all.size()); ++i)
        items.push_back(all[i]);

    Answer answer;
    const auto link = [&](std::size_t to, const char* relation) {
        std::string url = world.base_url + "/api/v3" + call.path + "?";
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

}  // namespace practice_forge
