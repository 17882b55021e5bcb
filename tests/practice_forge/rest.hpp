#pragma once

#include <map>
#include <string>
#include <vector>

#include "tests/practice_forge/deeds.hpp"
#include "tests/practice_forge/hooks.hpp"
#include "tests/practice_forge/world.hpp"

namespace practice_forge {

/// One request of the REST API, on its way to a handler.
struct Call {
    std::string method;
    std::string path;  ///< as sent, without /api/v3 and query
    std::string query;
    std::string authorization;
    std::string text;  ///< the body

    // Filled by the dispatcher.
    std::map<std::string, std::string> parameters;  ///< of the path and the query, decoded; the path wins
    json body = json::object();
    Identity who;
    Repository* repository = nullptr;  ///< set when the route names one

    [[nodiscard]] std::int64_t number(const char* name) const;  ///< of the path; throws 404 when it is none
    [[nodiscard]] std::string value(const char* name, const std::string& otherwise = "") const;
    /// A string of the body; throws 422 when it is there and none, or missing while required.
    [[nodiscard]] std::optional<std::string> text_field(const char* name) const;
    [[nodiscard]] std::string required_text(const char* name) const;
};

struct Answer {
    int status = 200;
    json body;
    std::map<std::string, std::string> headers;
    std::string actor;
};

/// What handlers stand on.
struct Ground {
    World& world;
    Deeds& deeds;
    Hooks& hooks;
};

using Handler = Answer (*)(Ground&, Call&);
/// Who may: anybody who sees it, anybody who may read it and has a name, who may push, only the app itself.
enum class Access { read, talk, write, app };
struct Route {
    const char* method;
    const char* pattern;  ///< {name} is one segment, {name...} the rest
    Access access;
    const char* permission;  ///< an installation token needs it
    Handler handler;
};
[[nodiscard]] const std::vector<Route>& app_routes();
[[nodiscard]] const std::vector<Route>& issue_routes();
[[nodiscard]] const std::vector<Route>& pull_routes();
[[nodiscard]] const std::vector<Route>& review_routes();
[[nodiscard]] const std::vector<Route>& check_routes();

/// Never throws for what a client did: problems become GitHub's error bodies.
[[nodiscard]] Answer answer_rest(Ground& ground, Call& call);

[[nodiscard]] std::string decode_url(std::string_view text);
[[nodiscard]] std::vector<std::string> split_path(std::string_view path);
[[nodiscard]] std::map<std::string, std::string> parse_query(std::string_view query);
/// The page of a list that the call asks for, with its Link header.
/// https://docs.github.com/en/rest/using-the-rest-api/using-pagination-in-the-rest-api
[[nodiscard]] Answer page_of(const World& world, const Call& call, const std::vector<json>& all,
                             const char* wrapped_in = nullptr);
/// Bodies of issues, pull requests and comments hold at most 65,536 characters.
void check_length(const std::string& body, const char* resource, const char* field);

}  // namespace practice_forge
