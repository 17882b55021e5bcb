#include "tests/models/caller.hpp"

#include <doctest/doctest.h>

#include <sstream>
#include <utility>

namespace models {

using nlohmann::json;
using practice_model::Api;

namespace {

const json& shell_schema() {
    static const json schema = json::parse(R"({"type": "object", "required": ["command"],
        "properties": {"command": {"type": "string"}}})");
    return schema;
}

json tools_of(Api api) {
    switch (api) {
        case Api::anthropic:
            return json::array({{{"name", "bash"}, {"input_schema", shell_schema()}}});
        case Api::chat:
            return json::array(
                {{{"type", "function"}, {"function", {{"name", "bash"}, {"parameters", shell_schema()}}}}});
        case Api::responses:
            return json::array({{{"type", "function"}, {"name", "bash"}, {"parameters", shell_schema()}}});
        case Api::gemini:
            return json::array(
                {{{"functionDeclarations",
                   json::array({{{"name", "bash"}, {"parametersJsonSchema", shell_schema()}}})}}});
    }
    return {};
}

/// Data of the events of a stream, in their order.
std::vector<std::string> events_of(const std::string& body) {
    std::vector<std::string> events;
    std::istringstream lines(body);
    for (std::string line; std::getline(lines, line);) {
        if (line.starts_with("data: ")) events.push_back(line.substr(6));
    }
    return events;
}

void count(Heard& heard, std::uint64_t input, std::uint64_t cached, std::uint64_t output,
           std::uint64_t thought) {
    heard.told_usage = true;
    heard.usage = {.requests = 1, .input = input, .cached = cached, .output = output, .thought = thought};
}

void hear_anthropic_usage(Heard& heard, const json& message) {
    if (!message.contains("usage")) return;
    const json& usage = message.at("usage");
    count(heard, usage.at("input_tokens"), usage.at("cache_read_input_tokens"), usage.at("output_tokens"), 0);
}

void hear_openai_usage(Heard& heard, const json& answer, const char* input, const char* output) {
    if (!answer.contains("usage") || answer.at("usage").is_null()) return;
    const json& usage = answer.at("usage");
    const std::uint64_t cached = usage.at(std::string(input) + "_details").at("cached_tokens");
    count(heard, usage.at(input).get<std::uint64_t>() - cached, cached, usage.at(output),
          usage.at(std::string(output) + "_details").at("reasoning_tokens"));
}

void hear_anthropic(Heard& heard, const json& message) {
    for (const json& block : message.at("content")) {
        if (block.at("type") == "text") heard.words += block.at("text").get<std::string>();
        if (block.at("type") != "tool_use") continue;
        heard.call = block.at("id");
        heard.tool = block.at("name");
        heard.arguments = block.at("input");
    }
    hear_anthropic_usage(heard, message);
    heard.complete = message.at("stop_reason") == (heard.call.empty() ? "end_turn" : "tool_use");
}

void hear_anthropic_event(Heard& heard, const json& event, std::string& arguments) {
    const auto type = event.at("type").get<std::string>();
    if (type == "content_block_start" && event.at("content_block").at("type") == "tool_use") {
        heard.call = event.at("content_block").at("id");
        heard.tool = event.at("content_block").at("name");
    } else if (type == "content_block_delta") {
        const json& delta = event.at("delta");
        if (delta.at("type") == "text_delta") heard.words += delta.at("text").get<std::string>();
        if (delta.at("type") == "input_json_delta") arguments += delta.at("partial_json").get<std::string>();
    } else if (type == "message_delta") {
        hear_anthropic_usage(heard, event);
    } else if (type == "message_stop") {
        heard.complete = true;
    }
}

void hear_chat(Heard& heard, const json& message, std::string& arguments) {
    if (message.contains("content") && message.at("content").is_string())
        heard.words += message.at("content").get<std::string>();
    if (!message.contains("tool_calls")) return;
    const json& call = message.at("tool_calls").at(0);
    if (call.contains("id")) {
        heard.call = call.at("id");
        heard.tool = call.at("function").at("name");
    }
    arguments += call.at("function").at("arguments").get<std::string>();
}

void hear_responses(Heard& heard, const json& item) {
    if (item.at("type") == "message") heard.words += item.at("content").at(0).at("text").get<std::string>();
    if (item.at("type") != "function_call") return;
    heard.call = item.at("call_id");
    heard.tool = item.at("name");
    heard.arguments = json::parse(item.at("arguments").get<std::string>());
}

void hear_gemini(Heard& heard, const json& answer) {
    const json& candidate = answer.at("candidates").at(0);
    for (const json& part : candidate.at("content").at("parts")) {
        if (part.contains("text")) heard.words += part.at("text").get<std::string>();
        if (!part.contains("functionCall")) continue;
        heard.call = part.at("functionCall").at("id");
        heard.tool = part.at("functionCall").at("name");
        heard.arguments = part.at("functionCall").at("args");
    }
    if (candidate.contains("finishReason")) heard.complete = true;
    if (!answer.contains("usageMetadata")) return;
    const json& usage = answer.at("usageMetadata");
    const std::uint64_t cached = usage.value("cachedContentTokenCount", 0U);
    const std::uint64_t thought = usage.value("thoughtsTokenCount", 0U);
    count(heard, usage.at("promptTokenCount").get<std::uint64_t>() - cached, cached,
          usage.at("candidatesTokenCount").get<std::uint64_t>() + thought, thought);
}

void hear_whole(Heard& heard, Api api, const json& answer, std::string& arguments) {
    switch (api) {
        case Api::anthropic:
            return hear_anthropic(heard, answer);
        case Api::chat:
            hear_chat(heard, answer.at("choices").at(0).at("message"), arguments);
            heard.complete = answer.at("choices").at(0).at("finish_reason").is_string();
            return hear_openai_usage(heard, answer, "prompt_tokens", "completion_tokens");
        case Api::responses:
            for (const json& item : answer.at("output")) hear_responses(heard, item);
            heard.complete = answer.at("status") == "completed";
            return hear_openai_usage(heard, answer, "input_tokens", "output_tokens");
        case Api::gemini:
            return hear_gemini(heard, answer);
    }
}

void hear_event(Heard& heard, Api api, const json& event, std::string& arguments) {
    switch (api) {
        case Api::anthropic:
            return hear_anthropic_event(heard, event, arguments);
        case Api::chat:
            for (const json& choice : event.at("choices")) hear_chat(heard, choice.at("delta"), arguments);
            return hear_openai_usage(heard, event, "prompt_tokens", "completion_tokens");
        case Api::responses:
            if (event.at("type") == "response.output_item.done") hear_responses(heard, event.at("item"));
            if (event.at("type") != "response.completed") return;
            heard.complete = true;
            return hear_openai_usage(heard, event.at("response"), "input_tokens", "output_tokens");
        case Api::gemini:
            return hear_gemini(heard, event);
    }
}

}  // namespace

Heard heard_of(Api api, bool streamed, const std::string& body) {
    Heard heard;
    std::string arguments;
    if (!streamed) {
        hear_whole(heard, api, json::parse(body), arguments);
    } else {
        for (const auto& event : events_of(body)) {
            if (event == "[DONE]") {
                heard.complete = true;
            } else {
                hear_event(heard, api, json::parse(event), arguments);
            }
        }
    }
    if (!arguments.empty()) heard.arguments = json::parse(arguments);
    return heard;
}

Caller::Caller(const practice_model::PracticeModel& model, Api api, bool streamed, std::string key)
    : client_(model.url()), api_(api), streamed_(streamed), key_(std::move(key)) {
    say("Mend it.");
}

std::string Caller::path() const {
    switch (api_) {
        case Api::anthropic:
            return "/v1/messages";
        case Api::chat:
            return "/v1/chat/completions";
        case Api::responses:
            return "/v1/responses";
        case Api::gemini:
            return std::string("/v1beta/models/practice-1:") +
                   (streamed_ ? "streamGenerateContent?alt=sse" : "generateContent");
    }
    return "";
}

httplib::Headers Caller::headers() const {
    switch (api_) {
        case Api::anthropic:
            return {{"x-api-key", key_}, {"anthropic-version", "2023-06-01"}};
        case Api::gemini:
            return {{"x-goog-api-key", key_}};
        case Api::chat:
        case Api::responses:
            break;
    }
    return {{"Authorization", "Bearer " + key_}};
}

std::string Caller::body() const {
    json body;
    if (tools_) body["tools"] = tools_of(api_);
    body[api_ == Api::gemini ? "contents" : api_ == Api::responses ? "input" : "messages"] = history_;
    if (api_ == Api::gemini) return body.dump();
    body["model"] = "practice-1";
    body["stream"] = streamed_;
    if (api_ == Api::anthropic) body["max_tokens"] = 1000;
    if (api_ == Api::chat && streamed_) body["stream_options"] = {{"include_usage", true}};
    return body.dump();
}

httplib::Result Caller::raw() { return client_.Post(path(), headers(), body(), "application/json"); }

Heard Caller::ask() {
    const auto result = raw();
    REQUIRE(result);
    INFO(result->body);
    REQUIRE(result->status == 200);
    return heard_of(api_, streamed_, result->body);
}

void Caller::say(const std::string& text) {
    if (api_ == Api::gemini) {
        history_.push_back({{"role", "user"}, {"parts", json::array({{{"text", text}}})}});
    } else {
        history_.push_back({{"role", "user"}, {"content", text}});
    }
}

void Caller::go_on(const Heard& heard) {
    const std::string result = "done";
    switch (api_) {
        case Api::anthropic: {
            json blocks = json::array();
            if (!heard.words.empty()) blocks.push_back({{"type", "text"}, {"text", heard.words}});
            if (!heard.call.empty())
                blocks.push_back({{"type", "tool_use"},
                                  {"id", heard.call},
                                  {"name", heard.tool},
                                  {"input", heard.arguments}});
            history_.push_back({{"role", "assistant"}, {"content", blocks}});
            if (heard.call.empty()) return;
            const json part = {{"type", "tool_result"}, {"tool_use_id", heard.call}, {"content", result}};
            history_.push_back({{"role", "user"}, {"content", json::array({part})}});
            return;
        }
        case Api::chat: {
            json message = {{"role", "assistant"}, {"content", heard.words}};
            if (!heard.call.empty()) {
                const json function = {{"name", heard.tool}, {"arguments", heard.arguments.dump()}};
                message["tool_calls"] =
                    json::array({{{"id", heard.call}, {"type", "function"}, {"function", function}}});
            }
            history_.push_back(message);
            if (!heard.call.empty())
                history_.push_back({{"role", "tool"}, {"tool_call_id", heard.call}, {"content", result}});
            return;
        }
        case Api::responses: {
            const json part = {{"type", "output_text"}, {"text", heard.words}};
            history_.push_back(
                {{"type", "message"}, {"role", "assistant"}, {"content", json::array({part})}});
            if (heard.call.empty()) return;
            history_.push_back({{"type", "function_call"},
                                {"call_id", heard.call},
                                {"name", heard.tool},
                                {"arguments", heard.arguments.dump()}});
            history_.push_back(
                {{"type", "function_call_output"}, {"call_id", heard.call}, {"output", result}});
            return;
        }
        case Api::gemini: {
            json parts = json::array({{{"text", heard.words}}});
            if (!heard.call.empty())
                parts.push_back({{"functionCall",
                                  {{"id", heard.call}, {"name", heard.tool}, {"args", heard.arguments}}}});
            history_.push_back({{"role", "model"}, {"parts", parts}});
            if (heard.call.empty()) return;
            const json response = {
                {"id", heard.call}, {"name", heard.tool}, {"response", {{"output", result}}}};
            history_.push_back(
                {{"role", "user"}, {"parts", json::array({{{"functionResponse", response}}})}});
            return;
        }
    }
}

}  // namespace models
