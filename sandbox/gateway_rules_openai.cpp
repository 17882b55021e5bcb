#include <algorithm>
#include <array>
#include <string>
#include <string_view>

#include "sandbox/gateway_dialects.hpp"

// Source of the fields: platform.openai.com/docs/api-reference/chat and /responses; what other services add
// to Chat Completions under the same paths: openrouter.ai/docs and docs.litellm.ai.

namespace sandbox {

namespace {

/// What both APIs know and what does not pass in either.
std::string common_fault(const Json& request) {
    if (auto fault = one_of(request, "service_tier", {"auto", "default"}); !fault.empty()) return fault;
    if (auto fault = must_lack(request, {"models", "fallbacks", "route", "plugins"},
                               "it would call another model or the network at the service");
        !fault.empty())
        return fault;
    return must_lack(request, {"api_base", "base_url", "api_key", "custom_llm_provider"},
                     "where a call goes is the operator's");
}

/// Whatever ends in _url is fetched by the service unless it holds the content itself; Chat Completions puts
/// the address one level lower.
std::string part_fault(const Json& part, Asked& asked) {
    if (!part.is_object()) return {};
    for (const auto& [key, value] : part.items()) {
        if (value.is_null()) continue;
        if (key == "file_id" || key == "file_ids") return must_lack(part, {key}, stored);
        if (key == "input_audio") return must_lack(part, {key}, "sound is not in the price table");
        if (key == "file_data") ++asked.documents;
        if (key != "url" && !key.ends_with("_url")) continue;
        ++asked.pictures;
        const auto* url = value.is_object() ? member(value, "url") : &value;
        if (url == nullptr || !is_data_url(*url))
            return "the address in '" + key.substr(0, 40) + "' does not pass: " + std::string(fetches);
        if (url->get_ref<const std::string&>().starts_with("data:image/"))
            asked.picture_bytes += url->get_ref<const std::string&>().size();
    }
    // {"type": "file", "file": {...}}
    const auto* file = member(part, "file");
    return file != nullptr ? part_fault(*file, asked) : std::string();
}

std::string openai_parts_fault(const Json* parts, Asked& asked) {
    if (parts == nullptr) return {};
    if (parts->is_object()) return part_fault(*parts, asked);
    if (!parts->is_array()) return {};
    for (const auto& part : *parts)
        if (auto fault = part_fault(part, asked); !fault.empty()) return fault;
    return {};
}

/// `kinds`: types of tools that the client runs.
template <std::size_t size>
std::string tool_fault(const Json& tool, const std::array<std::string_view, size>& kinds) {
    if (!tool.is_object()) return "each of the tools must be an object";
    if (auto fault = plain_keys(tool); !fault.empty()) return fault;
    const auto type = text_of(tool, "type");
    return std::ranges::find(kinds, type) != kinds.end() ? std::string() : refused_tool(type);
}

constexpr std::array<std::string_view, 2> functions{"function", "custom"};
constexpr std::array<std::string_view, 7> response_tools{"function",    "custom",    "local_shell", "shell",
                                                         "apply_patch", "namespace", "tool_search"};

/// Some run at the service or at the client, as they are asked.
std::string response_tool_fault(const Json& tool) {
    if (auto fault = tool_fault(tool, response_tools); !fault.empty()) return fault;
    const auto type = text_of(tool, "type");
    if (type == "shell") {
        const auto* environment = member(tool, "environment");
        if (environment == nullptr || text_of(*environment, "type") != "local")
            return refused_tool("shell") + ", or run it with the environment local";
    }
    if (type == "tool_search" && text_of(tool, "execution") != "client") return refused_tool(type);
    if (type != "namespace") return {};
    const auto* inner = member(tool, "tools");
    if (inner == nullptr) return {};
    for (const auto& each : *inner)
        if (auto fault = tool_fault(each, functions); !fault.empty()) return fault;
    return {};
}

std::string item_fault(const Json& item, Asked& asked) {
    if (!item.is_object()) return {};
    const auto type = text_of(item, "type");
    // The type may be left out of a message and of a reference.
    if (type == "item_reference" || (type.empty() && member(item, "role") == nullptr))
        return "an item of the input does not pass: " + std::string(stored);
    if (auto fault = openai_parts_fault(member(item, "content"), asked); !fault.empty()) return fault;
    return openai_parts_fault(member(item, "output"), asked);
}

}  // namespace

std::string judge_chat(Draft request, const config::Model& model, Asked& asked) {
    if (auto fault = common_fault(*request); !fault.empty()) return fault;
    if (auto fault = must_lack(*request, {"web_search_options"}, "the model service would search by itself");
        !fault.empty())
        return fault;
    if (auto fault = must_lack(*request, {"audio"}, "sound is not in the price table"); !fault.empty())
        return fault;
    if (const auto* modalities = member(*request, "modalities");
        modalities != nullptr && *modalities != Json{"text"})
        return "modalities other than text are not in the price table";
    if (const auto* answers = member(*request, "n"); answers != nullptr && !is_one(*answers))
        return "n must be 1: each answer is paid for";
    if (const auto* tools = member(*request, "tools")) {
        if (!tools->is_array()) return "tools must be a list";
        for (const auto& tool : *tools)
            if (auto fault = tool_fault(tool, functions); !fault.empty()) return fault;
    }
    if (const auto* messages = member(*request, "messages"))
        for (const auto& message : *messages)
            if (auto fault = openai_parts_fault(member(message, "content"), asked); !fault.empty())
                return fault;

    // The service takes one of the two, and the older one is all that some services know.
    if (member(*request, "max_tokens") != nullptr && member(*request, "max_completion_tokens") == nullptr) {
        request.erase("max_completion_tokens");
        asked.output_most = limit_number(request, "max_tokens", model.max_output);
    } else {
        const auto older = member(*request, "max_tokens") != nullptr
                               ? limit_number(request, "max_tokens", model.max_output)
                               : model.max_output;
        request.erase("max_tokens");
        asked.output_most = limit_number(request, "max_completion_tokens", older);
    }
    if (const auto* stream = member(*request, "stream"); stream != nullptr && *stream == true)
        request.object_at("stream_options").set("include_usage", true);
    return {};
}

std::string judge_responses(Draft request, const config::Model& model, Asked& asked) {
    if (auto fault = common_fault(*request); !fault.empty()) return fault;
    if (auto fault = must_lack(*request, {"previous_response_id", "conversation", "prompt"}, stored);
        !fault.empty())
        return fault;
    if (const auto* background = member(*request, "background");
        background != nullptr && *background != false)
        return "background must be false: the answer would be made after the call has ended";
    if (const auto* tools = member(*request, "tools")) {
        if (!tools->is_array()) return "tools must be a list";
        for (const auto& tool : *tools)
            if (auto fault = response_tool_fault(tool); !fault.empty()) return fault;
    }
    if (const auto* input = member(*request, "input"); input != nullptr && input->is_array())
        for (const auto& item : *input)
            if (auto fault = item_fault(item, asked); !fault.empty()) return fault;
    asked.output_most = limit_number(request, "max_output_tokens", model.max_output);
    return {};
}

}  // namespace sandbox
