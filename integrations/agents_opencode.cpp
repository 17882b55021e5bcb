#include <nlohmann/json.hpp>

#include "config/models.hpp"
#include "integrations/agents_preset.hpp"
#include "integrations/agents_transcript.hpp"

// opencode, measured with 1.18.33. Its transcript leaves out the request for the session's title.

namespace integrations {

namespace {

using Json = nlohmann::json;

struct OpencodeDialect {
    const char* package;  ///< one of those inside the program, so that nothing is fetched
    const char* path;     ///< what it wants at the end of the base URL
};

OpencodeDialect opencode_dialect(config::ModelApi api) {
    switch (api) {
        case config::ModelApi::anthropic:
            return {.package = "@ai-sdk/anthropic", .path = "/v1"};
        case config::ModelApi::openai:
            return {.package = "@ai-sdk/openai-compatible", .path = "/v1"};
        case config::ModelApi::gemini:
            return {.package = "@ai-sdk/google", .path = "/v1beta"};
    }
    return {};
}

Json model_of(const config::Model& model, const std::string& effort) {
    Json out{{"limit", {{"context", model.context}, {"output", model.max_output}}},
             {"cost",
              {{"input", model.price.input},
               {"output", model.price.output},
               {"cache_read", model.price.cached},
               {"cache_write", model.price.cache_write}}}};
    if (!effort.empty()) {
        out["reasoning"] = true;
        out["variants"] = {{effort, {{"reasoningEffort", effort}}}};
    }
    return out;
}

/// OPENCODE_CONFIG_CONTENT
Json opencode_settings(const ModelAccess* models, const std::string& effort) {
    Json out{
        {"share", "disabled"},
        {"autoupdate", false},
        {"snapshot", false},
        {"lsp", false},
        {"permission", {{"*", "allow"}, {"webfetch", "deny"}, {"websearch", "deny"}, {"question", "deny"}}}};
    if (models == nullptr) return out;
    const auto dialect = opencode_dialect(models->provider.api);
    out["model"] = out["small_model"] = gateway_model(*models);
    out["enabled_providers"] = {gateway_name};
    out["provider"][gateway_name] = {{"npm", dialect.package},
                                     {"options",
                                      {{"baseURL", models->base_url + dialect.path},
                                       {"apiKey", "{env:" + std::string(key_variable) + "}"}}},
                                     {"models", {{models->model.name, model_of(models->model, effort)}}}};
    return out;
}

/// Those of reasoning are not among the output ones.
void add_opencode_usage(const Json& step, Usage& usage) {
    add(usage.input_tokens, number(step, {"tokens", "input"}));
    add(usage.cached_tokens, number(step, {"tokens", "cache", "read"}));
    add(usage.cached_tokens, number(step, {"tokens", "cache", "write"}));
    add(usage.output_tokens, number(step, {"tokens", "output"}));
    add(usage.output_tokens, number(step, {"tokens", "reasoning"}));
    add(usage.cost_usd, dollars(step, {"cost"}));
}

class OpencodeAgent final : public Agent {
 public:
    AgentCommand command(const AgentTask& task) const override {
        auto command = begin_command(task, "opencode");
        auto& argv = command.argv;
        argv.insert(argv.end(), {"run", "--pure", "--format", "json", "--auto"});
        if (task.models != nullptr) {
            argv.insert(argv.end(), {"--model", gateway_model(*task.models)});
            set(command, key_variable, task.models->key);
        }
        if (!task.profile.effort.empty()) argv.insert(argv.end(), {"--variant", task.profile.effort});
        argv.insert(argv.end(), task.profile.arguments.begin(), task.profile.arguments.end());
        for (const auto* name : {"OPENCODE_DISABLE_AUTOUPDATE", "OPENCODE_DISABLE_MODELS_FETCH",
                                 "OPENCODE_DISABLE_LSP_DOWNLOAD", "OPENCODE_DISABLE_DEFAULT_PLUGINS"})
            set(command, name, "1");
        set(command, "OPENCODE_CONFIG_CONTENT",
            opencode_settings(task.models, task.profile.effort)
                .dump(-1, ' ', true, Json::error_handler_t::replace));
        // It installs a package of its own beside its settings at each start, over the network.
        command.home_files[".config/opencode/.npmrc"] = "offline=true\n";
        return command;
    }

    AgentReply reply(std::string_view printed, int exit_code) const override {
        Transcript told;
        const auto beside = read_records(printed, [&](const Json& record) {
            const auto type = text(record, {"type"});
            if (type == "text") {
                told.message = text(record, {"part", "text"});
            } else if (type == "step_finish") {
                // Every other reason but `tool-calls` ends the pass; an error before it was got over.
                told.ended = text(record, {"part", "reason"}) != "tool-calls";
                if (told.ended) told.fault.reset();
                if (const auto* step = find(record, {"part"})) add_opencode_usage(*step, told.usage);
            } else if (type == "error") {
                const auto words = text(record, {"error", "data", "message"});
                told.fault =
                    ModelFault{.status = static_cast<int>(number(record, {"error", "data", "statusCode"})),
                               .words = std::string(words.empty() ? text(record, {"error", "name"}) : words)};
            }
        });
        return reply_of(told, beside, exit_code);
    }

    std::optional<config::Error> fault(const config::AgentProfile& profile,
                                       const config::ModelProvider* provider) const override {
        using config::ModelApi;
        if (auto wrong = provider_fault("opencode", provider,
                                        {ModelApi::anthropic, ModelApi::openai, ModelApi::gemini}))
            return wrong;
        if (provider->api == ModelApi::openai)
            return effort_fault("opencode", profile.effort,
                                {"none", "minimal", "low", "medium", "high", "xhigh"});
        if (profile.effort.empty()) return std::nullopt;
        return config::Error{
            .key = "effort",
            .message = "cannot be set here: opencode passes it on to providers whose api is openai",
            .mend = "leave it out"};
    }
};

}  // namespace

const Agent& opencode_agent() {
    static const OpencodeAgent agent;
    return agent;
}

}  // namespace integrations
