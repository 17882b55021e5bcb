#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "config/models.hpp"
#include "integrations/agents_preset.hpp"
#include "integrations/agents_transcript.hpp"

// Codex, measured with 0.169.0.

namespace integrations {

namespace {

using Json = nlohmann::json;

/// A JSON string of plain text is a TOML basic string too (toml.io, 1.0.0).
std::string toml(std::string_view plain) {
    return Json(plain).dump(-1, ' ', true, Json::error_handler_t::replace);
}

/// ~/.codex/config.toml. Apps and plugins are fetched from chatgpt.com and github.com at each start, and its
/// search is a tool of the model service. `unbounded_connection_retries` waits for a network for ever.
std::string codex_settings(const ModelAccess* models) {
    std::string out =
        "web_search = \"disabled\"\n"
        "check_for_update_on_startup = false\n";
    if (models != nullptr)
        out += fmt::format("model_provider = {}\nmodel_context_window = {}\n", toml(gateway_name),
                           models->model.context);
    out +=
        "\n[analytics]\nenabled = false\n"
        "\n[feedback]\nenabled = false\n"
        "\n[otel]\nexporter = \"none\"\nmetrics_exporter = \"none\"\ntrace_exporter = \"none\"\n"
        "\n[features]\napps = false\nplugins = false\nremote_plugin = false\nimage_generation = false\n"
        "unbounded_connection_retries = false\n";
    if (models != nullptr)
        out += fmt::format(
            "\n[model_providers.{0}]\nname = {1}\nbase_url = {2}\nenv_key = {3}\nwire_api = \"responses\"\n",
            gateway_name, toml(gateway_name), toml(models->base_url + "/v1"), toml(key_variable));
    return out;
}

/// `input_tokens` includes the cached ones, `output_tokens` those of reasoning.
void add_codex_usage(const Json& turn, Usage& usage) {
    const auto cached = number(turn, {"usage", "cached_input_tokens"});
    add(usage.input_tokens, without(number(turn, {"usage", "input_tokens"}), cached));
    add(usage.cached_tokens, cached);
    add(usage.output_tokens, number(turn, {"usage", "output_tokens"}));
}

class CodexAgent final : public Agent {
 public:
    AgentCommand command(const AgentTask& task) const override {
        auto command = begin_command(task, "codex");
        auto& argv = command.argv;
        argv.insert(argv.end(), {"exec", "--json", "--skip-git-repo-check", "--ephemeral",
                                 "--dangerously-bypass-approvals-and-sandbox"});
        if (task.models != nullptr) {
            argv.insert(argv.end(), {"--model", task.models->model.name});
            set(command, key_variable, task.models->key);
        }
        if (!task.profile.effort.empty())
            argv.insert(argv.end(), {"-c", "model_reasoning_effort=" + toml(task.profile.effort)});
        argv.insert(argv.end(), task.profile.arguments.begin(), task.profile.arguments.end());
        command.home_files[".codex/config.toml"] = codex_settings(task.models);
        return command;
    }

    AgentReply reply(std::string_view printed, int exit_code) const override {
        Transcript told;
        std::string last_error;  // most are notices that it goes on; the last one counts when nothing follows
        const auto beside = read_records(printed, [&](const Json& record) {
            const auto type = text(record, {"type"});
            if (type == "item.completed" && text(record, {"item", "type"}) == "agent_message") {
                told.message = text(record, {"item", "text"});
            } else if (type == "turn.completed") {
                told.ended = true;
                told.fault.reset();
                last_error.clear();
                add_codex_usage(record, told.usage);
            } else if (type == "turn.failed") {
                told.ended = true;
                told.fault = ModelFault{.words = std::string(text(record, {"error", "message"}))};
            } else if (type == "error") {
                last_error = text(record, {"message"});
            }
        });
        if (!told.ended && !last_error.empty()) told.fault = ModelFault{.words = last_error};
        return reply_of(told, beside, exit_code);
    }

    std::optional<config::Error> fault(const config::AgentProfile& profile,
                                       const config::ModelProvider* provider) const override {
        if (auto wrong = provider_fault("codex", provider, {config::ModelApi::openai})) return wrong;
        return effort_fault("codex", profile.effort, {"none", "minimal", "low", "medium", "high", "xhigh"});
    }
};

}  // namespace

const Agent& codex_agent() {
    static const CodexAgent agent;
    return agent;
}

}  // namespace integrations
