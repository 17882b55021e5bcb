#pragma once

#include <expected>
#include <set>
#include <string>
#include <string_view>

#include "config/models.hpp"

/// The paths of the four model APIs that pass, and how each API says no. Sources: docs.anthropic.com/en/api,
/// platform.openai.com/docs/api-reference, ai.google.dev/api.
namespace sandbox {

enum class Endpoint {
    messages,         ///< Anthropic
    count_tokens,     ///< Anthropic; costs nothing
    chat,             ///< OpenAI Chat Completions
    responses,        ///< OpenAI Responses
    generate,         ///< Gemini
    stream_generate,  ///< Gemini, as server-sent events
    gemini_count,     ///< Gemini; costs nothing
    listing,          ///< of models; answered here
};

[[nodiscard]] std::string_view name(Endpoint endpoint);
/// Counts tokens and makes none.
[[nodiscard]] bool costs_nothing(Endpoint endpoint);

struct Route {
    Endpoint endpoint = Endpoint::messages;
    std::string target;  ///< path and query towards the service, after the provider's address
    std::string model;   ///< Gemini names it in the path
};

/// Why a call is not forwarded: a status of HTTP and a sentence.
struct Refusal {
    int status = 400;
    std::string why;
};

/// `target` as the request line has it.
[[nodiscard]] std::expected<Route, Refusal> find_route(std::string_view method, std::string_view target,
                                                       const config::ModelProvider& provider);

/// In the shape that the API's own clients read.
[[nodiscard]] std::string error_body(config::ModelApi api, int status, std::string_view message);

/// The models that may be called, in the API's shape.
[[nodiscard]] std::string model_listing(const config::ModelProvider& provider,
                                        const std::set<std::string>& models);

}  // namespace sandbox
