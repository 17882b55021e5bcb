#include "integrations/agents_preset.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <vector>

#include "config/characters.hpp"
#include "config/models.hpp"

namespace integrations {

AgentCommand begin_command(const AgentTask& task, std::string_view program) {
    AgentCommand command{.argv = task.profile.command,
                         .environment = task.profile.environment,
                         .home_files = {},
                         .standard_input = task.prompt};
    if (command.argv.empty()) command.argv.emplace_back(program);
    return command;
}

std::string gateway_model(const ModelAccess& models) {
    return fmt::format("{}/{}", gateway_name, models.model.name);
}

void set(AgentCommand& command, std::string_view variable, std::string_view value) {
    command.environment.try_emplace(std::string(variable), value);
}

std::optional<config::Error> provider_fault(std::string_view program, const config::ModelProvider* provider,
                                            std::initializer_list<config::ModelApi> spoken) {
    std::vector<std::string_view> apis;
    for (const auto api : spoken) apis.push_back(name(api));
    if (provider == nullptr)
        return config::Error{
            .key = "provider",
            .message = fmt::format("is missing; {} reaches its model through the gateway only", program),
            .mend = fmt::format("write the name of a provider under `models` whose api is one of: {}",
                                fmt::join(apis, ", "))};
    if (std::ranges::find(spoken, provider->api) != spoken.end()) return std::nullopt;
    return config::Error{
        .key = "provider",
        .message = fmt::format("'{}' has the api {}, which {} does not speak", provider->name,
                               name(provider->api), program),
        .mend = fmt::format("use a provider whose api is one of: {}", fmt::join(apis, ", "))};
}

std::optional<config::Error> effort_fault(std::string_view program, std::string_view effort,
                                          std::initializer_list<std::string_view> words) {
    if (effort.empty() || std::ranges::find(words, effort) != words.end()) return std::nullopt;
    if (words.size() == 0)
        return config::Error{.key = "effort",
                             .message = fmt::format("cannot be set here: {} has no option for it", program),
                             .mend = "leave it out"};
    return config::Error{
        .key = "effort",
        .message = fmt::format("'{}' is no effort that {} knows", config::excerpt(effort), program),
        .mend = fmt::format("use one of: {}", fmt::join(words, ", "))};
}

}  // namespace integrations
