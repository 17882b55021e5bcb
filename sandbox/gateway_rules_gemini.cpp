#include <algorithm>
#include <array>
#include <string>
#include <string_view>

#include "sandbox/gateway_dialects.hpp"

// Source of the fields: ai.google.dev/api/generate-content. The service reads protocol buffers written as
// JSON, in which every field may be spelled fileData or file_data, and a number may be a text.

namespace sandbox {

namespace {

/// By either spelling; `fault` says so when there are both.
const Json* either(const Json& object, std::string_view camel, std::string_view snake, std::string& fault) {
    if (!object.is_object()) return nullptr;
    const auto one = object.find(camel);
    const auto other = object.find(snake);
    if (one != object.end() && other != object.end())
        fault = "'" + std::string(camel) + "' is written twice, in two spellings";
    if (one != object.end()) return &*one;
    return other != object.end() ? &*other : nullptr;
}

std::string blob_fault(const Json& blob, Asked& asked) {
    std::string fault;
    const auto* type = either(blob, "mimeType", "mime_type", fault);
    const auto kind = type != nullptr && type->is_string() ? type->get<std::string>() : std::string();
    if (kind.starts_with("image/")) {
        ++asked.pictures;
        if (const auto* data = member(blob, "data"); data != nullptr && data->is_string())
            asked.picture_bytes += data->get_ref<const std::string&>().size();
    } else if (kind.starts_with("text/") || kind == "application/pdf")
        ++asked.documents;
    else if (fault.empty())
        fault = "inlineData passes for images, PDF and text only: nothing else is in the price table";
    return fault;
}

std::string parts_fault(const Json& content, Asked& asked) {
    const auto* parts = member(content, "parts");
    if (parts == nullptr) return {};
    // A single part may stand for a list of one.
    const auto part_fault = [&](const Json& part) -> std::string {
        if (auto fault = must_lack(part, {"fileData", "file_data"}, fetches); !fault.empty()) return fault;
        std::string fault;
        if (const auto* blob = either(part, "inlineData", "inline_data", fault);
            blob != nullptr && fault.empty())
            fault = blob_fault(*blob, asked);
        if (const auto* answer = either(part, "functionResponse", "function_response", fault);
            answer != nullptr && fault.empty())
            fault = parts_fault(*answer, asked);
        return fault;
    };
    if (parts->is_object()) return part_fault(*parts);
    if (!parts->is_array()) return {};
    for (const auto& part : *parts)
        if (auto fault = part_fault(part); !fault.empty()) return fault;
    return {};
}

std::string contents_fault(const Json& request, Asked& asked) {
    std::string fault;
    if (const auto* system = either(request, "systemInstruction", "system_instruction", fault);
        system != nullptr && fault.empty())
        fault = parts_fault(*system, asked);
    const auto* contents = member(request, "contents");
    if (!fault.empty() || contents == nullptr) return fault;
    if (contents->is_object()) return parts_fault(*contents, asked);
    if (!contents->is_array()) return {};
    for (const auto& content : *contents)
        if (fault = parts_fault(content, asked); !fault.empty()) return fault;
    return {};
}

std::string gemini_tools_fault(const Json& request) {
    const auto* tools = member(request, "tools");
    if (tools == nullptr) return {};
    if (!tools->is_array()) return "tools must be a list";
    for (const auto& tool : *tools) {
        if (!tool.is_object()) return "each of the tools must be an object";
        for (const auto& [key, value] : tool.items())
            if (key != "functionDeclarations" && key != "function_declarations") return refused_tool(key);
    }
    return {};
}

std::string answer_fault(const Json& settings) {
    for (const auto* key : {"candidateCount", "candidate_count"})
        if (const auto* count = member(settings, key); count != nullptr && !is_one(*count))
            return "candidateCount must be 1: each answer is paid for";
    for (const auto* key : {"responseModalities", "response_modalities"})
        if (const auto* kinds = member(settings, key); kinds != nullptr && *kinds != Json{"TEXT"})
            return "responseModalities other than TEXT are not in the price table";
    return must_lack(settings, {"speechConfig", "speech_config"}, "sound is not in the price table");
}

}  // namespace

std::string judge_gemini(Draft request, const config::Model& model, Asked& asked) {
    if (!request->is_object()) return "the request is not a JSON object";
    request.erase("model");  // the path names it
    if (auto fault = must_lack(*request, {"cachedContent", "cached_content"}, stored); !fault.empty())
        return fault;
    if (auto fault =
            must_lack(*request, {"serviceTier", "service_tier"}, "its price is not in the price table");
        !fault.empty())
        return fault;
    if (auto fault = gemini_tools_fault(*request); !fault.empty()) return fault;
    if (auto fault = contents_fault(*request, asked); !fault.empty()) return fault;

    std::string fault;
    const auto* asked_settings = either(*request, "generationConfig", "generation_config", fault);
    if (!fault.empty()) return fault;
    if (asked_settings != nullptr && !asked_settings->is_null() && !asked_settings->is_object())
        return "generationConfig must be an object";
    const bool snake = request->contains("generation_config");
    auto settings = request.object_at(snake ? "generation_config" : "generationConfig");
    if (fault = answer_fault(*settings); !fault.empty()) return fault;
    if (const auto* limit = either(*settings, "maxOutputTokens", "max_output_tokens", fault);
        limit != nullptr && fault.empty()) {
        settings.set("maxOutputTokens", Json(*limit));
        settings.erase("max_output_tokens");
    }
    if (!fault.empty()) return fault;
    asked.output_most = limit_number(settings, "maxOutputTokens", model.max_output);
    return {};
}

}  // namespace sandbox
