#include <nlohmann/json.hpp>

#include "integrations/agents_preset.hpp"
#include "integrations/agents_transcript.hpp"

// Amp. Its service cannot be had offline: the options and settings are those of the program itself
// (0.0.1790142911, `amp --help`), the records those that its makers show (ampcode.com/news/streaming-json and
// the manual's appendix), Claude Code's in shape. A refused key and a service out of reach were seen: they
// are told in a plain line before any record.
//
// The door: Amp brings its own models and speaks to its own service, so no provider stands behind it, and the
// gateway neither meters nor pays for it. The operator lets it out to `ampcode.com` by `sandbox.egress`,
// which the repository's recipe has to ask for too; what else it wants is listed as refused. Its key,
// AMP_API_KEY in the profile's `environment`, is the one credential that a program inside can see: make it
// one for this only.

namespace integrations {

namespace {

using Json = nlohmann::json;

/// ~/.config/amp/settings.json
Json amp_settings() {
    return {{"amp.dangerouslyAllowAll", true},
            {"amp.notifications.enabled", false},
            {"amp.updates.mode", "disabled"},
            {"amp.git.commit.coauthor.enabled", false},
            {"amp.git.commit.ampThread.enabled", false},
            {"amp.tools.disable", {"web_search", "read_web_page"}}};
}

/// In the makers' example `input_tokens` is the sum of what is read from and written to the cache.
void add_amp_usage(const Json& message, Usage& usage) {
    auto cached = number(message, {"usage", "cache_read_input_tokens"});
    add(cached, number(message, {"usage", "cache_creation_input_tokens"}));
    add(usage.input_tokens, without(number(message, {"usage", "input_tokens"}), cached));
    add(usage.cached_tokens, cached);
    add(usage.output_tokens, number(message, {"usage", "output_tokens"}));
}

void take_amp_result(const Json& result, Transcript& told) {
    told.ended = true;
    if (truth(result, {"is_error"}) || text(result, {"subtype"}) != "success") {
        const auto words = text(result, {"error"});
        told.fault = ModelFault{.words = std::string(words.empty() ? text(result, {"subtype"}) : words)};
        return;
    }
    told.fault.reset();
    const auto said = text(result, {"result"});
    if (!said.empty()) told.message = said;
}

class AmpAgent final : public Agent {
 public:
    AgentCommand command(const AgentTask& task) const override {
        auto command = begin_command(task, "amp");
        auto& argv = command.argv;
        argv.insert(argv.end(), {"--execute", "--stream-json", "--executor", "local", "--no-ide",
                                 "--no-notifications", "--no-color", "--no-remote-control-terminal"});
        if (!task.profile.effort.empty()) argv.insert(argv.end(), {"--mode", task.profile.effort});
        argv.insert(argv.end(), task.profile.arguments.begin(), task.profile.arguments.end());
        command.home_files[".config/amp/settings.json"] = amp_settings().dump();
        return command;
    }

    AgentReply reply(std::string_view printed, int exit_code) const override {
        Transcript told;
        const auto beside = read_records(printed, [&](const Json& record) {
            const auto type = text(record, {"type"});
            if (type == "result") take_amp_result(record, told);
            const auto* message = type == "assistant" ? find(record, {"message"}) : nullptr;
            if (message == nullptr) return;
            add_amp_usage(*message, told.usage);
            auto said = text_parts(find(*message, {"content"}));
            if (!said.empty() && text(record, {"parent_tool_use_id"}).empty()) told.message = std::move(said);
        });
        return reply_of(told, beside, exit_code);
    }

    std::optional<config::Error> fault(const config::AgentProfile& profile,
                                       const config::ModelProvider* provider) const override {
        if (provider != nullptr || !profile.model.empty())
            return config::Error{.key = provider != nullptr ? "provider" : "model",
                                 .message = "cannot be set here: amp brings its own models",
                                 .mend = "leave `provider` and `model` out; `effort` picks amp's mode"};
        return effort_fault("amp", profile.effort, {"low", "medium", "high", "ultra"});
    }
};

}  // namespace

const Agent& amp_agent() {
    static const AmpAgent agent;
    return agent;
}

}  // namespace integrations
