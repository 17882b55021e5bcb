#include <doctest/doctest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/integrations/agents_fixture.hpp"

using agent_test::agent;
using agent_test::Models;
using config::ModelApi;
using Json = nlohmann::json;
using Words = std::vector<std::string>;

namespace {

const std::string prompt = "Fix `$(id)`\n--help\n";

integrations::AgentCommand command(std::string_view adapter, const Models& models,
                                   const config::AgentProfile& profile) {
    return agent(adapter).command({.prompt = prompt, .profile = profile, .models = &models.access});
}

/// What `check` says about a profile, as `member: what is wrong; the mend`.
std::string fault(std::string_view adapter, const config::ModelProvider* provider,
                  const std::string& effort = {}) {
    const auto wrong = agent(adapter).fault({.name = "p", .effort = effort}, provider);
    return wrong ? wrong->key + ": " + wrong->message + "; " + wrong->mend : "";
}

}  // namespace

TEST_CASE("claude is told its model, the gateway, and to keep to itself") {
    const Models models(ModelApi::anthropic);
    const auto run =
        command("claude", models, {.name = "p", .effort = "high", .arguments = {"--max-turns", "9"}});
    CHECK(run.argv == Words{"claude", "--print", "--verbose", "--output-format", "stream-json",
                            "--permission-mode", "bypassPermissions", "--no-session-persistence",
                            "--strict-mcp-config", "--disallowedTools=WebSearch,WebFetch", "--model",
                            "model-x", "--effort", "high", "--max-turns", "9"});
    CHECK(run.environment ==
          std::map<std::string, std::string>{{"ANTHROPIC_API_KEY", "worth-nothing"},
                                             {"ANTHROPIC_BASE_URL", "http://127.0.0.1:3128/main"},
                                             {"ANTHROPIC_DEFAULT_HAIKU_MODEL", "model-x"},
                                             {"ANTHROPIC_DEFAULT_OPUS_MODEL", "model-x"},
                                             {"ANTHROPIC_DEFAULT_SONNET_MODEL", "model-x"},
                                             {"ANTHROPIC_SMALL_FAST_MODEL", "model-x"},
                                             {"CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "1"},
                                             {"CLAUDE_CODE_MAX_OUTPUT_TOKENS", "8192"},
                                             {"CLAUDE_CODE_MAX_RETRIES", "6"},
                                             {"CLAUDE_CODE_SUBAGENT_MODEL", "model-x"},
                                             {"DISABLE_AUTOUPDATER", "1"},
                                             {"DISABLE_ERROR_REPORTING", "1"},
                                             {"DISABLE_TELEMETRY", "1"}});
    CHECK(run.home_files.empty());
}

TEST_CASE("codex finds the gateway in its settings, and no search there") {
    const Models models(ModelApi::openai);
    const auto run =
        command("codex", models, {.name = "p", .effort = "low", .arguments = {"--color", "never"}});
    CHECK(run.argv == Words{"codex", "exec", "--json", "--skip-git-repo-check", "--ephemeral",
                            "--dangerously-bypass-approvals-and-sandbox", "--model", "model-x", "-c",
                            "model_reasoning_effort=\"low\"", "--color", "never"});
    CHECK(run.environment == std::map<std::string, std::string>{{"SHOPFLOOR_MODEL_KEY", "worth-nothing"}});
    REQUIRE(run.home_files.size() == 1);
    CHECK(run.home_files.at(".codex/config.toml") == R"(web_search = "disabled"
check_for_update_on_startup = false
model_provider = "shopfloor"
model_context_window = 128000

[analytics]
enabled = false

[feedback]
enabled = false

[otel]
exporter = "none"
metrics_exporter = "none"
trace_exporter = "none"

[features]
apps = false
plugins = false
remote_plugin = false
image_generation = false
unbounded_connection_retries = false

[model_providers.shopfloor]
name = "shopfloor"
base_url = "http://127.0.0.1:3128/main/v1"
env_key = "SHOPFLOOR_MODEL_KEY"
wire_api = "responses"
)");
}

TEST_CASE("gemini finds its settings at home, and a policy that denies it the web") {
    const Models models(ModelApi::gemini);
    const auto run = command("gemini", models, {.name = "p", .arguments = {"--debug"}});
    CHECK(run.argv == Words{"gemini", "--output-format", "stream-json", "--approval-mode", "yolo",
                            "--skip-trust", "--model", "model-x", "--debug"});
    CHECK(run.environment ==
          std::map<std::string, std::string>{{"GEMINI_API_KEY", "worth-nothing"},
                                             {"GOOGLE_GEMINI_BASE_URL", "http://127.0.0.1:3128/main"}});
    REQUIRE(run.home_files.size() == 2);
    CHECK(run.home_files.at(".gemini/policies/shopfloor.toml").find("google_web_search\", \"web_fetch") !=
          std::string::npos);
    CHECK(Json::parse(run.home_files.at(".gemini/settings.json")) == Json::parse(R"({
        "general": {"enableAutoUpdate": false, "enableAutoUpdateNotification": false, "maxAttempts": 5},
        "privacy": {"usageStatisticsEnabled": false},
        "telemetry": {"enabled": false},
        "security": {"auth": {"selectedType": "gemini-api-key"}},
        "modelConfigs": {"customOverrides": [
            {"match": {"overrideScope": "core"}, "modelConfig": {"model": "model-x"}}]}})"));
}

TEST_CASE("opencode knows the gateway as its only provider, with limits, prices and effort") {
    const Models models(ModelApi::openai);
    const auto run =
        command("opencode", models, {.name = "p", .effort = "high", .arguments = {"--thinking"}});
    CHECK(run.argv == Words{"opencode", "run", "--pure", "--format", "json", "--auto", "--model",
                            "shopfloor/model-x", "--variant", "high", "--thinking"});
    CHECK(run.home_files ==
          std::map<std::string, std::string>{{".config/opencode/.npmrc", "offline=true\n"}});
    CHECK(run.environment.at("SHOPFLOOR_MODEL_KEY") == "worth-nothing");
    for (const char* quiet : {"OPENCODE_DISABLE_AUTOUPDATE", "OPENCODE_DISABLE_MODELS_FETCH",
                              "OPENCODE_DISABLE_LSP_DOWNLOAD", "OPENCODE_DISABLE_DEFAULT_PLUGINS"})
        CHECK(run.environment.at(quiet) == "1");
    CHECK(Json::parse(run.environment.at("OPENCODE_CONFIG_CONTENT")) == Json::parse(R"({
        "share": "disabled", "autoupdate": false, "snapshot": false, "lsp": false,
        "permission": {"*": "allow", "webfetch": "deny", "websearch": "deny", "question": "deny"},
        "model": "shopfloor/model-x", "small_model": "shopfloor/model-x", "enabled_providers": ["shopfloor"],
        "provider": {"shopfloor": {
            "npm": "@ai-sdk/openai-compatible",
            "options": {"baseURL": "http://127.0.0.1:3128/main/v1", "apiKey": "{env:SHOPFLOOR_MODEL_KEY}"},
            "models": {"model-x": {
                "limit": {"context": 128000, "output": 8192},
                "cost": {"input": 3.0, "output": 15.0, "cache_read": 0.3, "cache_write": 3.75},
                "reasoning": true, "variants": {"high": {"reasoningEffort": "high"}}}}}}})"));
}

TEST_CASE("pi finds the gateway among its models, and retries by itself only") {
    const Models models(ModelApi::anthropic);
    const auto run = command("pi", models, {.name = "p", .effort = "medium", .arguments = {"--verbose"}});
    CHECK(run.argv == Words{"pi", "--print", "--mode", "json", "--no-session", "--no-extensions",
                            "--no-skills", "--no-prompt-templates", "--no-themes", "--model",
                            "shopfloor/model-x", "--thinking", "medium", "--verbose"});
    CHECK(run.environment == std::map<std::string, std::string>{{"PI_OFFLINE", "1"},
                                                                {"PI_TELEMETRY", "0"},
                                                                {"SHOPFLOOR_MODEL_KEY", "worth-nothing"}});
    REQUIRE(run.home_files.size() == 2);
    CHECK(Json::parse(run.home_files.at(".pi/agent/models.json")) ==
          Json::parse(R"({"providers": {"shopfloor": {
        "baseUrl": "http://127.0.0.1:3128/main", "api": "anthropic-messages", "apiKey": "SHOPFLOOR_MODEL_KEY",
        "models": [{"id": "model-x", "reasoning": true, "contextWindow": 128000, "maxTokens": 8192,
                    "cost": {"input": 3.0, "output": 15.0, "cacheRead": 0.3, "cacheWrite": 3.75}}]}}})"));
    CHECK(Json::parse(run.home_files.at(".pi/agent/settings.json")) ==
          Json::parse(R"({"enableInstallTelemetry": false,
                          "retry": {"maxRetries": 4, "provider": {"maxRetries": 0}}})"));
}

TEST_CASE("opencode and pi speak each API at the address that it has") {
    struct Row {
        ModelApi api;
        const char* package;
        const char* dialect;
        const char* opencode_url;
        const char* pi_url;
    };
    for (const auto& row : {Row{ModelApi::anthropic, "@ai-sdk/anthropic", "anthropic-messages",
                                "http://127.0.0.1:3128/main/v1", "http://127.0.0.1:3128/main"},
                            Row{ModelApi::openai, "@ai-sdk/openai-compatible", "openai-completions",
                                "http://127.0.0.1:3128/main/v1", "http://127.0.0.1:3128/main/v1"},
                            Row{ModelApi::gemini, "@ai-sdk/google", "google-generative-ai",
                                "http://127.0.0.1:3128/main/v1beta", "http://127.0.0.1:3128/main/v1beta"}}) {
        const Models models(row.api);
        const auto opencode =
            Json::parse(command("opencode", models, {.name = "p"})
                            .environment.at("OPENCODE_CONFIG_CONTENT"))["provider"]["shopfloor"];
        CHECK(opencode["npm"] == row.package);
        CHECK(opencode["options"]["baseURL"] == row.opencode_url);
        CHECK_FALSE(opencode["models"]["model-x"].contains("variants"));
        const auto pi = Json::parse(command("pi", models, {.name = "p"})
                                        .home_files.at(".pi/agent/models.json"))["providers"]["shopfloor"];
        CHECK(pi["api"] == row.dialect);
        CHECK(pi["baseUrl"] == row.pi_url);
        CHECK(pi["models"][0]["reasoning"] == false);
    }
}

TEST_CASE("amp runs on its own models, here and not on its makers' machines") {
    const config::AgentProfile profile{
        .name = "p", .effort = "high", .arguments = {"--label", "x"}, .environment = {{"AMP_API_KEY", "k"}}};
    const auto run = agent("amp").command({.prompt = prompt, .profile = profile});
    CHECK(run.argv == Words{"amp", "--execute", "--stream-json", "--executor", "local", "--no-ide",
                            "--no-notifications", "--no-color", "--no-remote-control-terminal", "--mode",
                            "high", "--label", "x"});
    CHECK(run.environment == std::map<std::string, std::string>{{"AMP_API_KEY", "k"}});
    CHECK(Json::parse(run.home_files.at(".config/amp/settings.json")) == Json::parse(R"({
        "amp.dangerouslyAllowAll": true, "amp.notifications.enabled": false, "amp.updates.mode": "disabled",
        "amp.git.commit.coauthor.enabled": false, "amp.git.commit.ampThread.enabled": false,
        "amp.tools.disable": ["web_search", "read_web_page"]})"));
}

TEST_CASE("no preset puts the prompt or a key into its arguments") {
    for (const auto api : {ModelApi::anthropic, ModelApi::openai, ModelApi::gemini}) {
        const Models models(api);
        for (const auto adapter : agent_test::presets) {
            CAPTURE(adapter);
            const auto run = command(adapter, models, {.name = "p"});
            CHECK(run.standard_input == prompt);
            for (const auto& word : run.argv) {
                CHECK(word.find("worth-nothing") == std::string::npos);
                CHECK(word.find("$(id)") == std::string::npos);
            }
            for (const auto& [file, content] : run.home_files)
                CHECK(content.find("worth-nothing") == std::string::npos);
        }
    }
}

TEST_CASE("the operator's program and environment go before a preset's own") {
    const Models models(ModelApi::anthropic);
    for (const auto adapter : agent_test::presets) {
        CAPTURE(adapter);
        const auto plain = command(adapter, models, {.name = "p"});
        const auto run = command(adapter, models,
                                 {.name = "p",
                                  .command = {"nice", "/opt/agent/bin/it"},
                                  .environment = {{"PI_OFFLINE", "0"}, {"CLAUDE_CODE_MAX_RETRIES", "1"}}});
        REQUIRE(run.argv.size() == plain.argv.size() + 1);
        CHECK(run.argv[0] == "nice");
        CHECK(run.argv[1] == "/opt/agent/bin/it");
        CHECK(run.argv[2] == plain.argv[1]);
        CHECK(run.environment.at("PI_OFFLINE") == "0");
        CHECK(run.environment.at("CLAUDE_CODE_MAX_RETRIES") == "1");
    }
}

TEST_CASE("a model's name cannot break out of codex's settings or another program's") {
    Models models(ModelApi::openai);
    models.model.name = "x\"\n[features]\napps = true\xff";
    models.access.base_url = "http://127.0.0.1:1/\"\n[features]";
    const auto codex = command("codex", models, {.name = "p", .effort = "low\"\nx"});
    CHECK(codex.home_files.at(".codex/config.toml").find("\n[features]\napps = true") == std::string::npos);
    CHECK(codex.home_files.at(".codex/config.toml")
              .find("base_url = \"http://127.0.0.1:1/\\\"\\n[features]/v1\"") != std::string::npos);
    CHECK(Json::accept(command("opencode", models, {.name = "p"}).environment.at("OPENCODE_CONFIG_CONTENT")));
    CHECK(Json::accept(command("pi", models, {.name = "p"}).home_files.at(".pi/agent/models.json")));
    CHECK(Json::accept(command("gemini", models, {.name = "p"}).home_files.at(".gemini/settings.json")));
}

TEST_CASE("a preset needs a provider whose API it speaks") {
    const Models anthropic(ModelApi::anthropic), openai(ModelApi::openai), gemini(ModelApi::gemini);
    CHECK(fault("claude", &anthropic.provider).empty());
    CHECK(fault("codex", &openai.provider).empty());
    CHECK(fault("gemini", &gemini.provider).empty());
    for (const auto* models : {&anthropic, &openai, &gemini}) {
        CHECK(fault("opencode", &models->provider).empty());
        CHECK(fault("pi", &models->provider).empty());
        CHECK(fault("command", &models->provider).empty());
    }
    CHECK(fault("claude", &openai.provider) ==
          "provider: 'main' has the api openai, which claude does not speak; use a provider whose api is one "
          "of: "
          "anthropic");
    CHECK(fault("codex", &gemini.provider).starts_with("provider: 'main' has the api gemini"));
    CHECK(fault("gemini", &anthropic.provider).starts_with("provider: 'main' has the api anthropic"));
    for (const auto adapter : agent_test::presets)
        CHECK(fault(adapter, nullptr).starts_with("provider: is missing"));
    CHECK(fault("pi", nullptr).ends_with("whose api is one of: anthropic, openai, gemini"));
    CHECK(fault("command", nullptr).empty());
    CHECK(fault("amp", nullptr).empty());
    CHECK(fault("amp", &anthropic.provider).starts_with("provider: cannot be set here"));
    const auto model = agent("amp").fault({.name = "p", .model = "m"}, nullptr);
    REQUIRE(model.has_value());
    CHECK(model->key == "model");
}

TEST_CASE("an effort is one of the program's own words or is refused, never passed over") {
    const Models anthropic(ModelApi::anthropic), openai(ModelApi::openai), gemini(ModelApi::gemini);
    for (const char* word : {"low", "medium", "high", "xhigh"}) {
        CAPTURE(word);
        CHECK(fault("claude", &anthropic.provider, word).empty());
        CHECK(fault("codex", &openai.provider, word).empty());
        CHECK(fault("opencode", &openai.provider, word).empty());
        CHECK(fault("pi", &gemini.provider, word).empty());
        CHECK(fault("command", nullptr, word).empty());
    }
    CHECK(fault("claude", &anthropic.provider, "turbo") ==
          "effort: 'turbo' is no effort that claude knows; use one of: low, medium, high, xhigh, max");
    CHECK(fault("codex", &openai.provider, "max").starts_with("effort: 'max'"));
    CHECK(fault("pi", &openai.provider, "max").starts_with("effort: 'max'"));
    CHECK(fault("gemini", &gemini.provider, "high") ==
          "effort: cannot be set here: gemini has no option for it; leave it out");
    CHECK(fault("opencode", &anthropic.provider, "high").starts_with("effort: cannot be set here"));
    CHECK(fault("opencode", &gemini.provider, "high").starts_with("effort: cannot be set here"));
    CHECK(fault("amp", nullptr, "ultra").empty());
    CHECK(fault("amp", nullptr, "xhigh").starts_with("effort: 'xhigh'"));
}
