#include "tests/practice_model/conversation.hpp"

#include <algorithm>
#include <charconv>
#include <optional>
#include <string_view>

namespace practice_model {

using nlohmann::json;

namespace {

/// A member, or null where there is none or `value` is no object.
const json& at(const json& value, const char* key) {
    static const json nothing;
    return value.is_object() && value.contains(key) ? value.at(key) : nothing;
}

std::string string_at(const json& value, const char* key) {
    const json& found = at(value, key);
    return found.is_string() ? found.get<std::string>() : "";
}

/// Text of a message's content: a string, or parts of which some hold text.
std::string text_of(const json& content) {
    if (content.is_string()) return content.get<std::string>();
    std::string text;
    if (content.is_array()) {
        for (const json& part : content) text += string_at(part, "text");
    }
    return text;
}

Tool tool(const std::string& name, const json& schema, bool freeform = false) {
    Tool tool{.name = name, .freeform = freeform, .properties = at(schema, "properties"), .required = {}};
    for (const json& each : at(schema, "required")) {
        if (each.is_string()) tool.required.push_back(each.get<std::string>());
    }
    return tool;
}

/// Neighbouring items of the model are one turn.
class Turns {
 public:
    explicit Turns(Conversation& conversation) : conversation_(conversation) {}

    void user(const std::string& text) {
        conversation_.said += text + "\n";
        open_ = false;
    }
    void other() { open_ = false; }
    Conversation::Turn& model() {
        if (!open_) conversation_.turns.emplace_back();
        open_ = true;
        return conversation_.turns.back();
    }

 private:
    Conversation& conversation_;
    bool open_ = false;
};

void read_anthropic(const json& body, Conversation& conversation) {
    for (const json& each : at(body, "tools"))
        conversation.tools.push_back(tool(string_at(each, "name"), at(each, "input_schema")));
    Turns turns(conversation);
    for (const json& message : body.at("messages")) {
        const json& content = at(message, "content");
        if (string_at(message, "role") != "assistant") {
            turns.user(text_of(content));
            continue;
        }
        auto& turn = turns.model();
        turn.text += text_of(content);
        for (const json& part : content) {
            if (string_at(part, "type") == "tool_use") turn.calls.push_back(string_at(part, "id"));
        }
    }
}

void read_chat(const json& body, Conversation& conversation) {
    const json& wanted = at(at(body, "stream_options"), "include_usage");
    conversation.wants_usage = !conversation.streamed || (wanted.is_boolean() && wanted.get<bool>());
    for (const json& each : at(body, "tools")) {
        const json& function = at(each, "function");
        if (function.is_object())
            conversation.tools.push_back(tool(string_at(function, "name"), at(function, "parameters")));
    }
    Turns turns(conversation);
    for (const json& message : body.at("messages")) {
        const auto role = string_at(message, "role");
        if (role == "user") turns.user(text_of(at(message, "content")));
        if (role == "tool") turns.other();
        if (role != "assistant") continue;
        auto& turn = turns.model();
        turn.text += text_of(at(message, "content"));
        for (const json& call : at(message, "tool_calls")) turn.calls.push_back(string_at(call, "id"));
    }
}

void read_responses(const json& body, Conversation& conversation) {
    for (const json& each : at(body, "tools")) {
        const auto type = string_at(each, "type");
        if (type == "function" || type == "custom")
            conversation.tools.push_back(
                tool(string_at(each, "name"), at(each, "parameters"), type == "custom"));
    }
    Turns turns(conversation);
    const json& input = body.at("input");
    if (input.is_string()) {
        turns.user(input.get<std::string>());
        return;
    }
    for (const json& item : input) {
        const auto type = string_at(item, "type");
        if (type == "function_call" || type == "custom_tool_call") {
            turns.model().calls.push_back(string_at(item, "call_id"));
        } else if (string_at(item, "role") == "assistant") {
            turns.model().text += text_of(at(item, "content"));
        } else if (string_at(item, "role") == "user") {
            turns.user(text_of(at(item, "content")));
        } else if (type != "reasoning") {
            turns.other();
        }
    }
}

void read_gemini(const json& body, Conversation& conversation) {
    for (const json& group : at(body, "tools")) {
        for (const json& each : at(group, "functionDeclarations")) {
            const json& schema = each.contains("parametersJsonSchema") ? at(each, "parametersJsonSchema")
                                                                       : at(each, "parameters");
            conversation.tools.push_back(tool(string_at(each, "name"), schema));
        }
    }
    Turns turns(conversation);
    for (const json& content : body.at("contents")) {
        const json& parts = at(content, "parts");
        if (string_at(content, "role") != "model") {
            turns.user(text_of(parts));
            continue;
        }
        auto& turn = turns.model();
        turn.text += text_of(parts);
        for (const json& part : parts) {
            if (part.contains("functionCall"))
                turn.calls.push_back(string_at(at(part, "functionCall"), "id"));
        }
    }
}

std::optional<std::size_t> step_of(std::string_view id) {
    const auto found = id.find("_step");
    if (found == std::string_view::npos) return std::nullopt;
    const auto digits = id.substr(found + 5);
    std::size_t step = 0;
    if (std::from_chars(digits.data(), digits.data() + digits.size(), step).ec != std::errc())
        return std::nullopt;
    return step;
}

std::string_view trimmed(std::string_view text) {
    constexpr auto blanks = " \t\r\n";
    const auto begin = text.find_first_not_of(blanks);
    if (begin == std::string_view::npos) return {};
    return text.substr(begin, text.find_last_not_of(blanks) - begin + 1);
}

}  // namespace

Conversation read_conversation(Api api, const json& body) {
    Conversation conversation;
    conversation.model = string_at(body, "model");
    const json& stream = at(body, "stream");
    conversation.streamed = stream.is_boolean() && stream.get<bool>();
    switch (api) {
        case Api::anthropic:
            read_anthropic(body, conversation);
            break;
        case Api::chat:
            read_chat(body, conversation);
            break;
        case Api::responses:
            read_responses(body, conversation);
            break;
        case Api::gemini:
            read_gemini(body, conversation);
            break;
    }
    return conversation;
}

std::string mark(std::size_t step) { return "step" + std::to_string(step); }

std::size_t due_step(const Conversation& conversation, const std::vector<Step>& steps) {
    std::size_t due = 0;
    for (const auto& turn : conversation.turns) {
        std::optional<std::size_t> done;
        for (const auto& call : turn.calls) {
            if (const auto step = step_of(call)) done = std::max(done.value_or(0), *step);
        }
        if (done) {
            due = *done + 1;
        } else if (due < steps.size() && steps[due].deed == Step::Deed::none &&
                   trimmed(turn.text).ends_with(trimmed(steps[due].words))) {
            ++due;
        }
    }
    return due;
}

}  // namespace practice_model
