#include "tests/practice_model/answers.hpp"

/// https://ai.google.dev/api/generate-content
namespace practice_model {

using nlohmann::json;

namespace {

/// Cached tokens are part of the prompt's, thoughts no part of the candidates'.
json gemini_usage(const Usage& usage) {
    const auto prompt = usage.input + usage.cached + usage.cache_written;
    json said = {{"promptTokenCount", prompt},
                 {"candidatesTokenCount", usage.output - usage.thought},
                 {"totalTokenCount", prompt + usage.output}};
    if (usage.cached > 0) said["cachedContentTokenCount"] = usage.cached;
    if (usage.thought > 0) said["thoughtsTokenCount"] = usage.thought;
    return said;
}

}  // namespace

Answer answer_gemini(const Reply& reply) {
    const auto one = [&](const json& parts, bool last, bool tells_usage) {
        json candidate = {{"index", 0}, {"content", {{"role", "model"}, {"parts", parts}}}};
        if (last) candidate["finishReason"] = "STOP";
        json answer = {{"candidates", json::array({candidate})},
                       {"modelVersion", reply.model},
                       {"responseId", reply.mark}};
        if (tells_usage) answer["usageMetadata"] = gemini_usage(reply.usage);
        return answer;
    };
    json call = json::array();
    if (reply.call) {
        call.push_back(
            {{"functionCall",
              {{"id", "call_" + reply.mark}, {"name", reply.call->tool}, {"args", reply.call->arguments}}}});
    }
    json parts = json::array();
    if (!reply.words.empty()) parts.push_back({{"text", reply.words}});
    for (const json& each : call) parts.push_back(each);

    Answer answer;
    answer.whole = one(parts, true, reply.tells_usage);
    for (const auto& piece : pieces(reply.words))
        answer.events.push_back({"", wire(one(json::array({{{"text", piece}}}), false, false))});
    if (call.empty()) call.push_back({{"text", ""}});
    answer.events.push_back({"", wire(one(call, true, reply.streams_usage))});
    return answer;
}

}  // namespace practice_model
