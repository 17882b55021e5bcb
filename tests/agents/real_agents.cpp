#include "tests/agents/real_agents.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <utility>

namespace real_agents {

const std::vector<Preset>& presets() {
    static const std::vector<Preset> all{{"claude", config::ModelApi::anthropic, "claude-sonnet-4-5"},
                                         {"codex", config::ModelApi::openai, "practice-1"},
                                         {"opencode", config::ModelApi::openai, "practice-1"},
                                         {"pi", config::ModelApi::anthropic, "practice-1"},
                                         {"gemini", config::ModelApi::gemini, "gemini-2.5-pro"}};
    return all;
}

const Preset& preset(std::string_view adapter) {
    const auto found = std::ranges::find(presets(), adapter, &Preset::adapter);
    REQUIRE(found != presets().end());
    return *found;
}

std::string made(const char* variable) {
    const char* value = std::getenv(variable);
    REQUIRE_MESSAGE(value != nullptr, variable, " is not set: run `./dev test --agents`");
    return value;
}

scenarios::Plan failing_test(const practice_model::PracticeModel& model, const Preset& preset,
                             const std::string& backend) {
    return {.files = {{.path = "calc.sh", .content = std::string(wrong)},
                      {.path = "tests/run.sh", .content = "test \"$(sh calc.sh 2 3)\" = 5\n"}},
            .backend = backend,
            .change = [&preset, url = model.url(), docker = backend == "docker"](config::Settings& settings) {
                config::ModelProvider lab{.name = "lab", .api = preset.api, .url = url};
                lab.keys.emplace_back(std::string(model_key));
                lab.models = {{.name = preset.model, .price = {.input = 3, .cached = 0.3, .output = 15}}};
                settings.models.providers.push_back(std::move(lab));
                auto& profile = settings.profiles.front();
                profile = {
                    .name = "worker", .adapter = preset.adapter, .provider = "lab", .model = preset.model};
                if (docker) {
                    profile.image = made("SHOPFLOOR_AGENT_IMAGE");
                } else {
                    profile.mounts = {{"/opt/agents", made("SHOPFLOOR_AGENT_FOLDER")}};
                    profile.environment = {{"PATH", "/opt/agents/bin:/usr/bin:/bin"}};
                }
            }};
}

}  // namespace real_agents
