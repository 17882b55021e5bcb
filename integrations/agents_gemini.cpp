#include <nlohmann/json.hpp>

#include "config/models.hpp"
#include "integrations/agents_preset.hpp"
#include "integrations/agents_transcript.hpp"

// Gemini CLI, measured with 0.61.0. Its exit status after an HTTP error is that error's number modulo 256
// (145: 401), which looks like a signal to a shell; the transcript says it better.

namespace integrations {

namespace {

using Json = nlohmann::json;

/// ~/.gemini/settings.json. Helpers (checks of loops, compression, edits mended) would use other models,
/// which the gateway does not forward. Ten attempts are minutes; a longer outage is the bot's to wait out.
Json gemini_settings(const ModelAccess* models) {
    Json out{{"general",
              {{"enableAutoUpdate", false}, {"enableAutoUpdateNotification", false}, {"maxAttempts", 5}}},
             {"privacy", {{"usageStatisticsEnabled", false}}},
             {"telemetry", {{"enabled", false}}}};
    if (models == nullptr) return out;
    out["security"]["auth"]["selectedType"] = "gemini-api-key";
    out["modelConfigs"]["customOverrides"] = Json::array(
        {{{"match", {{"overrideScope", "core"}}}, {"modelConfig", {{"model", models->model.name}}}}});
    return out;
}

/// Denied tools are not offered to the model, and the gateway refuses requests that offer these two.
constexpr std::string_view policy =
    "[[rule]]\n"
    "toolName = [\"google_web_search\", \"web_fetch\"]\n"
    "decision = \"deny\"\n"
    "priority = 999\n";

/// `input_tokens` includes cached ones; the total includes thinking, which is counted nowhere else.
Usage gemini_usage(const Json& result) {
    const auto input = number(result, {"stats", "input_tokens"});
    const auto cached = number(result, {"stats", "cached"});
    return {.input_tokens = without(input, cached),
            .cached_tokens = cached,
            .output_tokens = std::max(number(result, {"stats", "output_tokens"}),
                                      without(number(result, {"stats", "total_tokens"}), input)),
            .cost_usd = {}};
}

class GeminiAgent final : public Agent {
 public:
    AgentCommand command(const AgentTask& task) const override {
        auto command = begin_command(task, "gemini");
        auto& argv = command.argv;
        argv.insert(argv.end(),
                    {"--output-format", "stream-json", "--approval-mode", "yolo", "--skip-trust"});
        if (task.models != nullptr) {
            argv.insert(argv.end(), {"--model", task.models->model.name});
            set(command, "GEMINI_API_KEY", task.models->key);
            set(command, "GOOGLE_GEMINI_BASE_URL", task.models->base_url);
        }
        argv.insert(argv.end(), task.profile.arguments.begin(), task.profile.arguments.end());
        command.home_files[".gemini/settings.json"] =
            gemini_settings(task.models).dump(-1, ' ', true, Json::error_handler_t::replace);
        command.home_files[".gemini/policies/shopfloor.toml"] = policy;
        return command;
    }

    AgentReply reply(std::string_view printed, int exit_code) const override {
        Transcript told;
        bool goes_on = false;  // a message comes in pieces
        const auto beside = read_records(printed, [&](const Json& record) {
            const auto type = text(record, {"type"});
            if (type == "message" && text(record, {"role"}) == "assistant") {
                if (!goes_on) told.message.clear();
                told.message += text(record, {"content"});
                goes_on = true;
                return;
            }
            goes_on = false;
            if (type != "result") return;
            told.ended = true;
            told.usage = gemini_usage(record);
            if (text(record, {"status"}) != "success")
                told.fault = ModelFault{.words = std::string(text(record, {"error", "message"}))};
        });
        return reply_of(told, beside, exit_code);
    }

    std::optional<config::Error> fault(const config::AgentProfile& profile,
                                       const config::ModelProvider* provider) const override {
        if (auto wrong = provider_fault("gemini", provider, {config::ModelApi::gemini})) return wrong;
        return effort_fault("gemini", profile.effort, {});
    }
};

}  // namespace

const Agent& gemini_agent() {
    static const GeminiAgent agent;
    return agent;
}

}  // namespace integrations
