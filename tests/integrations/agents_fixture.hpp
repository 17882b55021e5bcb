#pragma once

#include <doctest/doctest.h>

#include <string>
#include <string_view>

#include "config/models.hpp"
#include "integrations/agents.hpp"
#include "tests/integrations/git_test_server.hpp"

/// The adapters as the bot uses them, and what real programs printed.
namespace agent_test {

using Verdict = integrations::AgentReply::Verdict;

/// Every preset that speaks through the gateway.
inline constexpr std::string_view presets[] = {"claude", "codex", "gemini", "opencode", "pi"};

inline const integrations::Agent& agent(std::string_view name) {
    const auto* found = integrations::find_agent(name);
    REQUIRE_MESSAGE(found != nullptr, name);
    return *found;
}

inline integrations::AgentReply reply(std::string_view name, const std::string& printed, int exit_code = 0) {
    return agent(name).reply(printed, exit_code);
}

/// tests/integrations/transcripts/NAME.jsonl: what a program printed (stdout and stderr together) against a
/// scripted model, with paths, ids and times made plain, and lines left out that no adapter reads.
inline std::string recording(const std::string& name) {
    const auto text = git_test::slurp(std::string(SHOPFLOOR_SOURCE_DIR) + "/tests/integrations/transcripts/" +
                                      name + ".jsonl");
    REQUIRE_MESSAGE(!text.empty(), name);
    return text;
}

inline integrations::AgentReply recorded(std::string_view name, const std::string& what, int exit_code) {
    return reply(name, recording(std::string(name) + "-" + what), exit_code);
}

/// A provider with one model behind the gateway.
struct Models {
    config::ModelProvider provider;
    config::Model model;
    integrations::ModelAccess access;

    explicit Models(config::ModelApi api)
        : provider{.name = "main", .api = api, .url = "https://models.example", .keys = {}, .models = {}},
          model{.name = "model-x",
                .price = {.input = 3, .cached = 0.3, .cache_write = 3.75, .output = 15},
                .max_output = 8192,
                .context = 128'000},
          access{.base_url = "http://127.0.0.1:3128/main",
                 .key = "worth-nothing",
                 .provider = provider,
                 .model = model} {}
    Models(const Models&) = delete;
    Models& operator=(const Models&) = delete;
};

}  // namespace agent_test
