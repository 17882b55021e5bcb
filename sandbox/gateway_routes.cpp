#include "sandbox/gateway_routes.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "sandbox/gateway_json.hpp"
#include "sandbox/harvest.hpp"

namespace sandbox {

namespace {

struct Listed {
    config::ModelApi api;
    std::string_view method;
    std::string_view path;
    Endpoint endpoint;
};

constexpr std::array listed{
    Listed{config::ModelApi::anthropic, "POST", "/v1/messages", Endpoint::messages},
    Listed{config::ModelApi::anthropic, "POST", "/v1/messages/count_tokens", Endpoint::count_tokens},
    Listed{config::ModelApi::anthropic, "GET", "/v1/models", Endpoint::listing},
    Listed{config::ModelApi::openai, "POST", "/v1/chat/completions", Endpoint::chat},
    Listed{config::ModelApi::openai, "POST", "/v1/responses", Endpoint::responses},
    Listed{config::ModelApi::openai, "GET", "/v1/models", Endpoint::listing},
    Listed{config::ModelApi::gemini, "GET", "/v1beta/models", Endpoint::listing},
};

/// After the model's name in Gemini's paths.
struct Verb {
    std::string_view name;
    Endpoint endpoint;
};
constexpr std::array verbs{
    Verb{":generateContent", Endpoint::generate},
    Verb{":streamGenerateContent", Endpoint::stream_generate},
    Verb{":countTokens", Endpoint::gemini_count},
};

std::expected<Route, Refusal> find_gemini(std::string_view path) {
    constexpr std::string_view models = "/v1beta/models/";
    for (const auto& verb : verbs) {
        if (!path.starts_with(models) || !path.ends_with(verb.name)) continue;
        auto model = path.substr(models.size());
        model.remove_suffix(std::min(model.size(), verb.name.size()));
        if (!model.empty() && model.find_first_of("/:%") == std::string_view::npos)
            return Route{verb.endpoint, std::string(path), std::string(model)};
    }
    return std::unexpected(Refusal{404, "the model gateway does not forward this path"});
}

std::expected<Route, Refusal> find_path(std::string_view method, std::string_view path,
                                        config::ModelApi api) {
    for (const auto& entry : listed)
        if (entry.api == api && entry.method == method && entry.path == path)
            return Route{.endpoint = entry.endpoint, .target = std::string(path)};
    if (api == config::ModelApi::gemini && method == "POST") return find_gemini(path);
    return std::unexpected(Refusal{404, fmt::format("the model gateway does not forward {} {}", method,
                                                    printable(path.substr(0, 100)))});
}

/// Adds what passes of the query to the target.
std::expected<void, Refusal> take_query(std::string_view query, config::ModelApi api, Route& route) {
    bool events = false;
    std::string passed;
    for (std::size_t at = 0; at < query.size();) {
        const auto end = std::min(query.find('&', at), query.size());
        const auto part = query.substr(at, end - at);
        at = end + 1;
        if (part.empty() || part.starts_with("key=")) continue;  // a credential, such as it is
        if (part == "alt=sse" && route.endpoint == Endpoint::stream_generate) {
            events = true;
        } else if (part == "beta=true" && api == config::ModelApi::anthropic) {
            passed = "?beta=true";
        } else if (route.endpoint != Endpoint::listing) {
            return std::unexpected(
                Refusal{400, fmt::format("the model gateway does not pass on the query parameter {}",
                                         printable(part.substr(0, part.find('='))))});
        }
    }
    if (route.endpoint == Endpoint::stream_generate) {
        if (!events) return std::unexpected(Refusal{400, "the model gateway streams with alt=sse only"});
        passed = "?alt=sse";
    }
    route.target += passed;
    return {};
}

std::string_view anthropic_type(int status) {
    switch (status) {
        case 401:
            return "authentication_error";
        case 403:
            return "permission_error";
        case 404:
            return "not_found_error";
        case 413:
            return "request_too_large";
        case 429:
            return "rate_limit_error";
        case 504:
            return "timeout_error";
        default:
            return status < 500 ? "invalid_request_error" : "api_error";
    }
}

/// google.rpc.Code by its HTTP status.
std::string_view gemini_status(int status) {
    switch (status) {
        case 403:
            return "PERMISSION_DENIED";
        case 404:
            return "NOT_FOUND";
        case 429:
            return "RESOURCE_EXHAUSTED";
        case 500:
            return "INTERNAL";
        case 504:
            return "DEADLINE_EXCEEDED";
        default:
            return status < 500 ? "INVALID_ARGUMENT" : "UNAVAILABLE";
    }
}

}  // namespace

std::string_view name(Endpoint endpoint) {
    switch (endpoint) {
        case Endpoint::messages:
            return "messages";
        case Endpoint::count_tokens:
            return "messages/count_tokens";
        case Endpoint::chat:
            return "chat/completions";
        case Endpoint::responses:
            return "responses";
        case Endpoint::generate:
            return "generateContent";
        case Endpoint::stream_generate:
            return "streamGenerateContent";
        case Endpoint::gemini_count:
            return "countTokens";
        case Endpoint::listing:
            return "models";
    }
    return {};
}

bool costs_nothing(Endpoint endpoint) {
    return endpoint == Endpoint::count_tokens || endpoint == Endpoint::gemini_count ||
           endpoint == Endpoint::listing;
}

std::expected<Route, Refusal> find_route(std::string_view method, std::string_view target,
                                         const config::ModelProvider& provider) {
    const auto query_at = std::min(target.find('?'), target.size());
    auto path = target.substr(0, query_at);
    const std::string own = "/" + provider.name;
    if (!path.starts_with(own + "/"))
        return std::unexpected(Refusal{
            404, fmt::format("the model gateway answers below {}/ only; mend the agent's base URL", own)});
    path.remove_prefix(own.size());
    auto route = find_path(method, path, provider.api);
    if (!route) return route;
    const auto query = target.substr(std::min(query_at + 1, target.size()));
    if (auto taken = take_query(query, provider.api, *route); !taken) return std::unexpected(taken.error());
    return route;
}

std::string error_body(config::ModelApi api, int status, std::string_view message) {
    Json error;
    switch (api) {
        case config::ModelApi::anthropic:
            error = {{"type", "error"}, {"error", {{"type", anthropic_type(status)}, {"message", message}}}};
            break;
        case config::ModelApi::openai:
            error = {{"error",
                      {{"message", message},
                       {"type", status == 429 ? "insufficient_quota"
                                              : (status < 500 ? "invalid_request_error" : "server_error")},
                       {"param", nullptr},
                       {"code", nullptr}}}};
            break;
        case config::ModelApi::gemini:
            error = {{"error", {{"code", status}, {"message", message}, {"status", gemini_status(status)}}}};
            break;
    }
    return error.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string model_listing(const config::ModelProvider& provider, const std::set<std::string>& models) {
    Json data = Json::array();
    for (const auto& model : provider.models) {
        if (!models.contains(model.name)) continue;
        switch (provider.api) {
            case config::ModelApi::anthropic:
                data.push_back({{"type", "model"},
                                {"id", model.name},
                                {"display_name", model.name},
                                {"created_at", "1970-01-01T00:00:00Z"}});
                break;
            case config::ModelApi::openai:
                data.push_back(
                    {{"id", model.name}, {"object", "model"}, {"created", 0}, {"owned_by", provider.name}});
                break;
            case config::ModelApi::gemini:
                data.push_back({{"name", "models/" + model.name},
                                {"displayName", model.name},
                                {"inputTokenLimit", model.context},
                                {"outputTokenLimit", model.max_output},
                                {"supportedGenerationMethods", {"generateContent", "countTokens"}}});
                break;
        }
    }
    switch (provider.api) {
        case config::ModelApi::anthropic:
            return Json{{"data", data}, {"has_more", false}}.dump();
        case config::ModelApi::openai:
            return Json{{"object", "list"}, {"data", data}}.dump();
        case config::ModelApi::gemini:
            return Json{{"models", data}}.dump();
    }
    return {};
}

}  // namespace sandbox
