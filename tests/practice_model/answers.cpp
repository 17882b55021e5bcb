#include "tests/practice_model/answers.hpp"

namespace practice_model {

using nlohmann::json;

namespace {

/// https://docs.anthropic.com/en/api/errors
std::string anthropic_type(int status) {
    switch (status) {
        case 400:
            return "invalid_request_error";
        case 401:
            return "authentication_error";
        case 402:
            return "billing_error";
        case 403:
            return "permission_error";
        case 404:
            return "not_found_error";
        case 429:
            return "rate_limit_error";
        case 529:
            return "overloaded_error";
        default:
            return "api_error";
    }
}

/// https://platform.openai.com/docs/guides/error-codes
std::string openai_code(int status) {
    switch (status) {
        case 401:
            return "invalid_api_key";
        case 402:
            return "insufficient_quota";
        case 404:
            return "model_not_found";
        case 429:
            return "rate_limit_exceeded";
        default:
            return status < 500 ? "invalid_request_error" : "server_error";
    }
}

/// https://ai.google.dev/gemini-api/docs/troubleshooting
std::string gemini_status(int status) {
    switch (status) {
        case 400:
            return "INVALID_ARGUMENT";
        case 401:
            return "UNAUTHENTICATED";
        case 402:
            return "FAILED_PRECONDITION";
        case 403:
            return "PERMISSION_DENIED";
        case 404:
            return "NOT_FOUND";
        case 429:
            return "RESOURCE_EXHAUSTED";
        case 500:
            return "INTERNAL";
        default:
            return "UNAVAILABLE";
    }
}

}  // namespace

Answer answer(Api api, const Reply& reply) {
    switch (api) {
        case Api::anthropic:
            return answer_anthropic(reply);
        case Api::chat:
            return answer_chat(reply);
        case Api::responses:
            return answer_responses(reply);
        case Api::gemini:
            return answer_gemini(reply);
    }
    return {};
}

json error_body(Api api, int status, const std::string& message) {
    switch (api) {
        case Api::anthropic:
            return {{"type", "error"},
                    {"error", {{"type", anthropic_type(status)}, {"message", message}}},
                    {"request_id", "req_practice"}};
        case Api::chat:
        case Api::responses:
            return {{"error",
                     {{"message", message},
                      {"type", status < 500 ? "invalid_request_error" : "server_error"},
                      {"param", nullptr},
                      {"code", openai_code(status)}}}};
        case Api::gemini:
            return {{"error", {{"code", status}, {"message", message}, {"status", gemini_status(status)}}}};
    }
    return {};
}

std::vector<std::string> pieces(const std::string& text) {
    constexpr std::size_t size = 12;
    std::vector<std::string> all;
    for (std::size_t begin = 0; begin < text.size();) {
        std::size_t end = std::min(begin + size, text.size());
        while (end < text.size() && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) ++end;
        all.push_back(text.substr(begin, end - begin));
        begin = end;
    }
    return all;
}

std::string wire(const json& value) { return value.dump(-1, ' ', false, json::error_handler_t::replace); }

}  // namespace practice_model
