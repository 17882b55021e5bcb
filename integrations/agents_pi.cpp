#include <nlohmann/json.hpp>

#include "config/models.hpp"
#include "integrations/agents_preset.hpp"
#include "integrations/agents_transcript.hpp"

// pi, measured with 0.73.1. It exits with 0 after a fatal error of the model service too. While a message is
// written it prints the whole of it again for every piece, so that long ones fill a log: then all that is
// left of the end is the end of its last record, which holds every message of the pass.

namespace integrations {

namespace {

using Json = nlohmann::json;

struct PiDialect {
    const char* api;
    const char* path;  ///< what it wants at the end of the base URL
};

PiDialect pi_dialect(config::ModelApi api) {
    switch (api) {
        case config::ModelApi::anthropic:
            return {.api = "anthropic-messages", .path = ""};
        case config::ModelApi::openai:
            return {.api = "openai-completions", .path = "/v1"};
        case config::ModelApi::gemini:
            return {.api = "google-generative-ai", .path = "/v1beta"};
    }
    return {};
}

/// ~/.pi/agent/models.json; `apiKey` names a variable.
Json models_file(const ModelAccess& models, const std::string& effort) {
    const auto dialect = pi_dialect(models.provider.api);
    const auto& price = models.model.price;
    const Json model{{"id", models.model.name},
                     {"reasoning", !effort.empty() && effort != "off"},
                     {"contextWindow", models.model.context},
                     {"maxTokens", models.model.max_output},
                     {"cost",
                      {{"input", price.input},
                       {"output", price.output},
                       {"cacheRead", price.cached},
                       {"cacheWrite", price.cache_write == 0 ? price.input : price.cache_write}}}};
    Json out;
    out["providers"][gateway_name] = {{"baseUrl", models.base_url + dialect.path},
                                      {"api", dialect.api},
                                      {"apiKey", key_variable},
                                      {"models", Json::array({model})}};
    return out;
}

/// ~/.pi/agent/settings.json: its own retries (2, 4, 8, 16 s), not also those of the library under it, which
/// wait for as long as the service says.
Json settings_file() {
    return {{"enableInstallTelemetry", false},
            {"retry", {{"maxRetries", 4}, {"provider", {{"maxRetries", 0}}}}}};
}

void take_message(const Json& message, Transcript& told) {
    if (text(message, {"role"}) != "assistant") return;
    add(told.usage.input_tokens, number(message, {"usage", "input"}));
    add(told.usage.cached_tokens, number(message, {"usage", "cacheRead"}));
    add(told.usage.cached_tokens, number(message, {"usage", "cacheWrite"}));
    add(told.usage.output_tokens, number(message, {"usage", "output"}));
    add(told.usage.cost_usd, dollars(message, {"usage", "cost", "total"}));
    auto said = text_parts(find(message, {"content"}));
    if (!said.empty()) told.message = std::move(said);
    const auto reason = text(message, {"stopReason"});
    told.ended = reason != "toolUse";
    told.fault.reset();  // it tries again after an error
    if (reason == "error" || reason == "aborted")
        told.fault = ModelFault{.words = std::string(text(message, {"errorMessage"}))};
}

/// The last message, from the end of the last record: `…,{"role":"assistant",…}]}`.
void take_cut_end(std::string_view line, Transcript& told) {
    while (line.ends_with('\r')) line.remove_suffix(1);
    const auto begin = line.rfind("{\"role\":\"assistant\",");
    if (begin == std::string_view::npos || !line.ends_with("]}")) return;
    const auto message = parse_record(line.substr(begin, line.size() - begin - 2));
    if (message.is_object()) take_message(message, told);
}

class PiAgent final : public Agent {
 public:
    AgentCommand command(const AgentTask& task) const override {
        auto command = begin_command(task, "pi");
        auto& argv = command.argv;
        argv.insert(argv.end(), {"--print", "--mode", "json", "--no-session", "--no-extensions",
                                 "--no-skills", "--no-prompt-templates", "--no-themes"});
        if (task.models != nullptr) {
            argv.insert(argv.end(), {"--model", gateway_model(*task.models)});
            set(command, key_variable, task.models->key);
            command.home_files[".pi/agent/models.json"] =
                models_file(*task.models, task.profile.effort)
                    .dump(-1, ' ', true, Json::error_handler_t::replace);
        }
        if (!task.profile.effort.empty()) argv.insert(argv.end(), {"--thinking", task.profile.effort});
        argv.insert(argv.end(), task.profile.arguments.begin(), task.profile.arguments.end());
        set(command, "PI_OFFLINE", "1");
        set(command, "PI_TELEMETRY", "0");
        command.home_files[".pi/agent/settings.json"] = settings_file().dump();
        return command;
    }

    AgentReply reply(std::string_view printed, int exit_code) const override {
        Transcript told;
        const auto beside = read_records(
            printed,
            [&](const Json& record) {
                if (text(record, {"type"}) != "message_end") return;
                if (const auto* message = find(record, {"message"})) take_message(*message, told);
            },
            [&](std::string_view line) { take_cut_end(line, told); });
        return reply_of(told, beside, exit_code);
    }

    std::optional<config::Error> fault(const config::AgentProfile& profile,
                                       const config::ModelProvider* provider) const override {
        using config::ModelApi;
        if (auto wrong =
                provider_fault("pi", provider, {ModelApi::anthropic, ModelApi::openai, ModelApi::gemini}))
            return wrong;
        return effort_fault("pi", profile.effort, {"off", "minimal", "low", "medium", "high", "xhigh"});
    }
};

}  // namespace

const Agent& pi_agent() {
    static const PiAgent agent;
    return agent;
}

}  // namespace integrations
