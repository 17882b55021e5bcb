#include "tests/practice_model/answers.hpp"

/// https://platform.openai.com/docs/api-reference/chat, .../responses, .../responses-streaming
namespace practice_model {

using nlohmann::json;

namespace {

/// A fixed moment: answers to the same request are the same.
constexpr std::int64_t created = 1'700'000'000;

std::uint64_t input_of(const Usage& usage) { return usage.input + usage.cached + usage.cache_written; }

json chat_usage(const Usage& usage) {
    return {{"prompt_tokens", input_of(usage)},
            {"completion_tokens", usage.output},
            {"total_tokens", input_of(usage) + usage.output},
            {"prompt_tokens_details", {{"cached_tokens", usage.cached}}},
            {"completion_tokens_details", {{"reasoning_tokens", usage.thought}}}};
}

json responses_usage(const Usage& usage) {
    return {{"input_tokens", input_of(usage)},
            {"input_tokens_details", {{"cached_tokens", usage.cached}}},
            {"output_tokens", usage.output},
            {"output_tokens_details", {{"reasoning_tokens", usage.thought}}},
            {"total_tokens", input_of(usage) + usage.output}};
}

/// One response's events, numbered.
class Stream {
 public:
    explicit Stream(Answer& answer) : answer_(answer) {}
    void add(const std::string& type, json fields) {
        fields["type"] = type;
        fields["sequence_number"] = answer_.events.size();
        answer_.events.push_back({type, wire(fields)});
    }

 private:
    Answer& answer_;
};

json output_of(const Reply& reply) {
    json output = json::array();
    if (!reply.words.empty()) {
        const json part = {{"type", "output_text"}, {"text", reply.words}, {"annotations", json::array()}};
        output.push_back({{"type", "message"},
                          {"id", "msg_" + reply.mark},
                          {"role", "assistant"},
                          {"status", "completed"},
                          {"content", json::array({part})}});
    }
    if (!reply.call) return output;
    json call = {{"call_id", "call_" + reply.mark}, {"name", reply.call->tool}, {"status", "completed"}};
    if (reply.call->freeform) {
        call["type"] = "custom_tool_call";
        call["id"] = "ctc_" + reply.mark;
        call["input"] = reply.call->input;
    } else {
        call["type"] = "function_call";
        call["id"] = "fc_" + reply.mark;
        call["arguments"] = wire(reply.call->arguments);
    }
    output.push_back(call);
    return output;
}

void stream_message(Stream& stream, std::size_t index, const json& item) {
    const json place = {{"item_id", item.at("id")}, {"output_index", index}, {"content_index", 0}};
    const auto with = [&](const char* key, const json& value) {
        json fields = place;
        fields[key] = value;
        return fields;
    };
    json part = item.at("content").at(0);
    const auto text = part.at("text").get<std::string>();
    json empty = part;
    empty["text"] = "";
    stream.add("response.content_part.added", with("part", empty));
    for (const auto& piece : pieces(text)) stream.add("response.output_text.delta", with("delta", piece));
    stream.add("response.output_text.done", with("text", text));
    stream.add("response.content_part.done", with("part", part));
}

void stream_call(Stream& stream, std::size_t index, const json& item) {
    const bool custom = item.at("type") == "custom_tool_call";
    const char* field = custom ? "input" : "arguments";
    const std::string event = custom ? "response.custom_tool_call_input" : "response.function_call_arguments";
    const auto text = item.at(field).get<std::string>();
    const json place = {{"item_id", item.at("id")}, {"output_index", index}};
    for (const auto& piece : pieces(text)) {
        json fields = place;
        fields["delta"] = piece;
        stream.add(event + ".delta", fields);
    }
    json fields = place;
    fields[field] = text;
    stream.add(event + ".done", fields);
}

void stream_item(Stream& stream, std::size_t index, const json& item) {
    json begun = item;
    begun["status"] = "in_progress";
    if (item.at("type") == "message") {
        begun["content"] = json::array();
    } else {
        begun[item.at("type") == "custom_tool_call" ? "input" : "arguments"] = "";
    }
    stream.add("response.output_item.added", {{"output_index", index}, {"item", begun}});
    if (item.at("type") == "message") {
        stream_message(stream, index, item);
    } else {
        stream_call(stream, index, item);
    }
    stream.add("response.output_item.done", {{"output_index", index}, {"item", item}});
}

}  // namespace

Answer answer_chat(const Reply& reply) {
    json common = {{"id", "chatcmpl-" + reply.mark}, {"created", created}, {"model", reply.model}};
    const auto* reason = reply.call ? "tool_calls" : "stop";
    json message = {{"role", "assistant"}, {"content", nullptr}, {"refusal", nullptr}};
    if (!reply.words.empty()) message["content"] = reply.words;
    json call;
    if (reply.call) {
        call = {{"id", "call_" + reply.mark},
                {"type", "function"},
                {"function", {{"name", reply.call->tool}, {"arguments", wire(reply.call->arguments)}}}};
        message["tool_calls"] = json::array({call});
    }
    Answer answer;
    answer.whole = common;
    answer.whole["object"] = "chat.completion";
    answer.whole["choices"] =
        json::array({{{"index", 0}, {"message", message}, {"logprobs", nullptr}, {"finish_reason", reason}}});
    if (reply.tells_usage) answer.whole["usage"] = chat_usage(reply.usage);

    common["object"] = "chat.completion.chunk";
    const auto chunk = [&](const json& choices, const json& usage = nullptr) {
        json event = common;
        event["choices"] = choices;
        if (reply.streams_usage) event["usage"] = usage;
        answer.events.push_back({"", wire(event)});
    };
    const auto delta = [&](const json& part, const json& finish = nullptr) {
        chunk(json::array({{{"index", 0}, {"delta", part}, {"finish_reason", finish}}}));
    };
    delta({{"role", "assistant"}, {"content", ""}});
    answer.again = answer.events.size();
    for (const auto& piece : pieces(reply.words)) delta({{"content", piece}});
    if (reply.call) {
        const auto arguments = call["function"]["arguments"].get<std::string>();
        call["index"] = 0;
        call["function"]["arguments"] = "";
        delta({{"tool_calls", json::array({call})}});
        for (const auto& piece : pieces(arguments))
            delta({{"tool_calls", json::array({{{"index", 0}, {"function", {{"arguments", piece}}}}})}});
    }
    delta(json::object(), reason);
    if (reply.streams_usage) chunk(json::array(), chat_usage(reply.usage));
    answer.events.push_back({"", "[DONE]"});
    return answer;
}

Answer answer_responses(const Reply& reply) {
    const json output = output_of(reply);
    Answer answer;
    answer.whole = {{"id", "resp_" + reply.mark}, {"object", "response"}, {"created_at", created},
                    {"status", "completed"},      {"error", nullptr},     {"incomplete_details", nullptr},
                    {"model", reply.model},       {"output", output},     {"parallel_tool_calls", true},
                    {"tools", json::array()}};
    json begun = answer.whole;
    begun["status"] = "in_progress";
    begun["output"] = json::array();
    begun["usage"] = nullptr;
    json ended = answer.whole;
    if (reply.tells_usage) answer.whole["usage"] = responses_usage(reply.usage);
    if (reply.streams_usage) ended["usage"] = responses_usage(reply.usage);

    Stream stream(answer);
    stream.add("response.created", {{"response", begun}});
    stream.add("response.in_progress", {{"response", begun}});
    for (std::size_t i = 0; i < output.size(); ++i) stream_item(stream, i, output[i]);
    // The first piece of a message or of a call comes after at most four other events.
    for (std::size_t i = 0; i < answer.events.size() && answer.again == 0; ++i) {
        if (answer.events[i].name.ends_with(".delta")) answer.again = i;
    }
    stream.add("response.completed", {{"response", ended}});
    return answer;
}

}  // namespace practice_model
