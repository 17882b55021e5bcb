#include <nlohmann/json.hpp>

#include "config/models.hpp"
#include "integrations/agents_preset.hpp"
#include "integrations/agents_transcript.hpp"

// Claude Code, measured with 2.1.197. It begins with a HEAD request to the bare base URL, whose answer does
// not matter to it.

namespace integrations {

namespace {

using Json = nlohmann::json;

/// What all models of the pass used, its helpers' too; `usage` counts the main one only.
Usage claude_usage(const Json& result) {
    Usage usage{.cost_usd = dollars(result, {"total_cost_usd"})};
    const auto* models = find(result, {"modelUsage"});
    if (models != nullptr && models->is_object() && !models->empty()) {
        for (const auto& each : *models) {
            add(usage.input_tokens, number(each, {"inputTokens"}));
            add(usage.cached_tokens, number(each, {"cacheReadInputTokens"}));
            add(usage.cached_tokens, number(each, {"cacheCreationInputTokens"}));
            add(usage.output_tokens, number(each, {"outputTokens"}));
        }
        return usage;
    }
    usage.input_tokens = number(result, {"usage", "input_tokens"});
    add(usage.cached_tokens, number(result, {"usage", "cache_read_input_tokens"}));
    add(usage.cached_tokens, number(result, {"usage", "cache_creation_input_tokens"}));
    usage.output_tokens = number(result, {"usage", "output_tokens"});
    return usage;
}

/// `subtype` may be `success` and `is_error` true all the same: that is how refused keys and quotas end.
void take_claude_result(const Json& result, Transcript& told) {
    told.ended = true;
    told.usage = claude_usage(result);
    const auto words = text(result, {"result"});
    if (truth(result, {"is_error"}) || text(result, {"subtype"}) != "success") {
        told.fault = ModelFault{.status = static_cast<int>(number(result, {"api_error_status"})),
                                .words = std::string(words.empty() ? text(result, {"subtype"}) : words)};
        return;
    }
    told.fault.reset();
    if (!words.empty()) told.message = words;
}

class ClaudeAgent final : public Agent {
 public:
    AgentCommand command(const AgentTask& task) const override {
        auto command = begin_command(task, "claude");
        auto& argv = command.argv;
        argv.insert(argv.end(),
                    {"--print", "--verbose", "--output-format", "stream-json", "--permission-mode",
                     "bypassPermissions", "--no-session-persistence", "--strict-mcp-config",
                     // The gateway refuses requests that offer tools with a network of their own.
                     "--disallowedTools=WebSearch,WebFetch"});
        if (task.models != nullptr) {
            const auto& model = task.models->model;
            argv.insert(argv.end(), {"--model", model.name});
            set(command, "ANTHROPIC_BASE_URL", task.models->base_url);
            set(command, "ANTHROPIC_API_KEY", task.models->key);
            // Its helpers would use other models, which the gateway does not forward.
            for (const auto* name : {"ANTHROPIC_SMALL_FAST_MODEL", "ANTHROPIC_DEFAULT_HAIKU_MODEL",
                                     "ANTHROPIC_DEFAULT_SONNET_MODEL", "ANTHROPIC_DEFAULT_OPUS_MODEL",
                                     "CLAUDE_CODE_SUBAGENT_MODEL"})
                set(command, name, model.name);
            set(command, "CLAUDE_CODE_MAX_OUTPUT_TOKENS", std::to_string(model.max_output));
        }
        if (!task.profile.effort.empty()) argv.insert(argv.end(), {"--effort", task.profile.effort});
        argv.insert(argv.end(), task.profile.arguments.begin(), task.profile.arguments.end());
        set(command, "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "1");
        for (const auto* name : {"DISABLE_AUTOUPDATER", "DISABLE_TELEMETRY", "DISABLE_ERROR_REPORTING"})
            set(command, name, "1");
        // About half a minute: a longer outage is the bot's to wait out.
        set(command, "CLAUDE_CODE_MAX_RETRIES", "6");
        return command;
    }

    AgentReply reply(std::string_view printed, int exit_code) const override {
        Transcript told;
        const auto beside = read_records(printed, [&](const Json& record) {
            const auto type = text(record, {"type"});
            if (type == "result") take_claude_result(record, told);
            // A helper's messages name the tool call that it works for; failures are put as synthetic ones.
            if (type != "assistant" || !text(record, {"parent_tool_use_id"}).empty() ||
                text(record, {"message", "model"}) == "<synthetic>")
                return;
            auto said = text_parts(find(record, {"message", "content"}));
            if (!said.empty()) told.message = std::move(said);
        });
        return reply_of(told, beside, exit_code);
    }

    std::optional<config::Error> fault(const config::AgentProfile& profile,
                                       const config::ModelProvider* provider) const override {
        if (auto wrong = provider_fault("claude", provider, {config::ModelApi::anthropic})) return wrong;
        return effort_fault("claude", profile.effort, {"low", "medium", "high", "xhigh", "max"});
    }
};

}  // namespace

const Agent& claude_agent() {
    static const ClaudeAgent agent;
    return agent;
}

}  // namespace integrations
