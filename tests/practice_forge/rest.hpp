#pragma once

#include <initializer_list>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tests/practice_forge/deeds.hpp"
#include "tests/practice_forge/hooks.hpp"
#include "tests/practice_forge/world.hpp"

namespace practice_forge {

/// One request of the REST API, on its way to a handler.
struct Call {
    std::string method;
    std::string path;  ///< as sent, without /api/v3 or what the dialect has, and query
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
    /// Of the query; `otherwise` when it is none or zero.
    [[nodiscard]] std::size_t positive(const char* name, std::size_t otherwise) const;
    /// A string of the body; throws 422 when it is there and none, or missing while required.
    [[nodiscard]] std::optional<std::string> text_field(const char* name) const;
    [[nodiscard]] std::string required_text(const char* name) const;
};

struct Answer {
    int status = 200;
    json body;
    std::map<std::string, std::string> headers;
    std::string actor;
    std::string page;     ///< HTML instead of the body
    std::string plain;    ///< plain text instead of it
    bool silent = false;  ///< nothing instead of it
};

class Tongue;

/// What handlers stand on.
struct Ground {
    World& world;
    Deeds& deeds;
    Hooks& hooks;
    const Tongue& tongue;
};

using Handler = Answer (*)(Ground&, Call&);
/// Who may: anybody who sees it, anybody who may read it and has a name, who may push, only the app itself.
enum class Access { read, talk, write, app };
struct Route {
    const char* method;
    const char* pattern;  ///< {name} is one segment, {name...} the rest
    Access access;
    const char* permission;  ///< an installation token needs it; at GitLab the role that the caller needs
    Handler handler;
    bool in_archives = true;  ///< also of archived repositories, as far as the access itself goes
};
struct KnownRoute {
    Route route;
    std::vector<std::string> pattern;  ///< in segments
};
[[nodiscard]] std::vector<KnownRoute> known(std::initializer_list<const std::vector<Route>*> tables);

/// Never throws for what a client did: problems become the forge's error bodies.
[[nodiscard]] Answer answer_rest(Ground& ground, Call& call);

[[nodiscard]] std::string decode_url(std::string_view text);
[[nodiscard]] std::vector<std::string> split_path(std::string_view path);
[[nodiscard]] std::map<std::string, std::string> parse_query(std::string_view query);

}  // namespace practice_forge
