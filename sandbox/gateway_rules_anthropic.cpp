#include <algorithm>
#include <array>
#include <string>
#include <string_view>

#include "sandbox/gateway_dialects.hpp"

// Source of the fields: docs.anthropic.com/en/api/messages and the pages of its tools.

namespace sandbox {

namespace {

/// Types of tools that the client runs; their versions follow as a date.
constexpr std::array<std::string_view, 4> client_tools{"bash_", "text_editor_", "memory_", "computer_"};

std::string anthropic_tools_fault(const Json& request) {
    const auto* tools = member(request, "tools");
    if (tools == nullptr) return {};
    if (!tools->is_array()) return "tools must be a list";
    for (const auto& tool : *tools) {
        if (!tool.is_object()) return "each of the tools must be an object";
        if (auto fault = plain_keys(tool); !fault.empty()) return fault;
        const auto* type = member(tool, "type");
        if (type == nullptr) continue;
        const auto text = text_of(tool, "type");
        const bool known =
            std::ranges::any_of(client_tools, [&](auto each) { return text.starts_with(each); });
        if (text != "custom" && !known) return refused_tool(text);
    }
    return {};
}

std::string blocks_fault(const Json& blocks, Asked& asked);

std::string source_fault(const Json& block, Asked& asked) {
    const auto* source = member(block, "source");
    if (source == nullptr || source->is_string()) return {};  // a search result names where it is from
    const auto type = text_of(*source, "type");
    if (type != "base64" && type != "text" && type != "content")
        return "a source of type '" + type.substr(0, 20) + "' does not pass: " + std::string(fetches);
    if (text_of(block, "type") == "image" && type == "base64") {
        ++asked.pictures;
        asked.picture_bytes += text_of(*source, "data").size();
    } else if (type == "base64")
        ++asked.documents;
    const auto* content = member(*source, "content");
    return content != nullptr ? blocks_fault(*content, asked) : std::string();
}

/// Tool results and documents hold blocks again. The input of a tool call is the model's own text, however it
/// looks.
std::string blocks_fault(const Json& blocks, Asked& asked) {
    if (!blocks.is_array()) return {};
    for (const auto& block : blocks) {
        if (auto fault = must_lack(block, {"file_id"}, stored); !fault.empty()) return fault;
        if (auto fault = source_fault(block, asked); !fault.empty()) return fault;
        const auto* content = member(block, "content");
        if (content == nullptr) continue;
        if (auto fault = blocks_fault(*content, asked); !fault.empty()) return fault;
    }
    return {};
}

/// Clearing old turns is free; compacting them is another answer of the model that the usage leaves out.
std::string edits_fault(const Json& request) {
    const auto* management = member(request, "context_management");
    const auto* edits = management != nullptr ? member(*management, "edits") : nullptr;
    if (edits == nullptr) return {};
    for (const auto& edit : *edits)
        if (!text_of(edit, "type").starts_with("clear_"))
            return "context_management passes only with edits of the type clear_…";
    return {};
}

}  // namespace

std::string judge_messages(Draft request, const config::Model& model, Asked& asked) {
    if (auto fault =
            must_lack(*request, {"mcp_servers", "container"}, "the model service would run it itself");
        !fault.empty())
        return fault;
    if (auto fault = one_of(*request, "service_tier", {"auto", "standard_only"}); !fault.empty())
        return fault;
    if (auto fault = one_of(*request, "speed", {"standard"}); !fault.empty()) return fault;
    if (auto fault = one_of(*request, "inference_geo", {"global"}); !fault.empty()) return fault;
    if (auto fault = edits_fault(*request); !fault.empty()) return fault;
    if (auto fault = anthropic_tools_fault(*request); !fault.empty()) return fault;
    if (const auto* system = member(*request, "system"))
        if (auto fault = blocks_fault(*system, asked); !fault.empty()) return fault;
    if (const auto* messages = member(*request, "messages"))
        if (auto fault = blocks_fault(*messages, asked); !fault.empty()) return fault;
    asked.output_most = limit_number(request, "max_tokens", model.max_output);
    return {};
}

}  // namespace sandbox
