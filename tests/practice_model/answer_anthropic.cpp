#include "tests/practice_model/answers.hpp"

/// https://docs.anthropic.com/en/api/messages, https://docs.anthropic.com/en/docs/build-with-claude/streaming
namespace practice_model {

using nlohmann::json;

namespace {

json usage_of(const Usage& usage) {
    return {{"input_tokens", usage.input},
            {"cache_creation_input_tokens", usage.cache_written},
            {"cache_read_input_tokens", usage.cached},
            {"output_tokens", usage.output},
            {"service_tier", "standard"}};
}

json blocks_of(const Reply& reply) {
    json blocks = json::array();
    if (!reply.words.empty()) blocks.push_back({{"type", "text"}, {"text", reply.words}});
    if (reply.call) {
        blocks.push_back({{"type", "tool_use"},
                          {"id", "toolu_" + reply.mark},
                          {"name", reply.call->tool},
                          {"input", reply.call->arguments}});
    }
    return blocks;
}

void add(Answer& answer, const json& event) {
    answer.events.push_back({event.at("type").get<std::string>(), wire(event)});
}

void stream_block(Answer& answer, std::size_t index, const json& block) {
    const bool text = block.at("type") == "text";
    json empty = block;
    if (text) {
        empty["text"] = "";
    } else {
        empty["input"] = json::object();
    }
    add(answer, {{"type", "content_block_start"}, {"index", index}, {"content_block", empty}});
    if (index == 0) answer.again = answer.events.size();
    for (const auto& piece : pieces(text ? block.at("text").get<std::string>() : wire(block.at("input")))) {
        const json delta = text ? json{{"type", "text_delta"}, {"text", piece}}
                                : json{{"type", "input_json_delta"}, {"partial_json", piece}};
        add(answer, {{"type", "content_block_delta"}, {"index", index}, {"delta", delta}});
    }
    add(answer, {{"type", "content_block_stop"}, {"index", index}});
}

}  // namespace

Answer answer_anthropic(const Reply& reply) {
    const json blocks = blocks_of(reply);
    const auto* reason = reply.call ? "tool_use" : "end_turn";
    Answer answer;
    answer.whole = {{"id", "msg_" + reply.mark}, {"type", "message"}, {"role", "assistant"},
                    {"model", reply.model},      {"content", blocks}, {"stop_reason", reason},
                    {"stop_sequence", nullptr}};
    json start = answer.whole;
    start["content"] = json::array();
    start["stop_reason"] = nullptr;
    json end = {{"type", "message_delta"}, {"delta", {{"stop_reason", reason}, {"stop_sequence", nullptr}}}};
    if (reply.tells_usage) answer.whole["usage"] = usage_of(reply.usage);
    if (reply.streams_usage) {
        start["usage"] = usage_of(reply.usage);
        start["usage"]["output_tokens"] = 1;
        end["usage"] = usage_of(reply.usage);
    }
    add(answer, {{"type", "message_start"}, {"message", start}});
    add(answer, {{"type", "ping"}});
    for (std::size_t i = 0; i < blocks.size(); ++i) stream_block(answer, i, blocks[i]);
    add(answer, end);
    add(answer, {{"type", "message_stop"}});
    return answer;
}

}  // namespace practice_model
