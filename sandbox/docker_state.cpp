#include "sandbox/docker_state.hpp"

#include <fmt/format.h>

#include <ctime>
#include <nlohmann/json.hpp>

namespace sandbox {

using nlohmann::json;

std::optional<std::chrono::system_clock::time_point> engine_time(const std::string& text) {
    std::tm parts{};
    if (::strptime(text.c_str(), "%Y-%m-%dT%H:%M:%S", &parts) == nullptr) return std::nullopt;
    return std::chrono::system_clock::from_time_t(::timegm(&parts));
}

ContainerState::ContainerState(const json& state)
    : exit_code(state.value("ExitCode", 0)), out_of_memory(state.value("OOMKilled", false)) {
    const auto started = engine_time(state.value("StartedAt", ""));
    finished = engine_time(state.value("FinishedAt", ""));
    if (started && finished && *finished >= *started) {
        duration = std::chrono::duration_cast<std::chrono::milliseconds>(*finished - *started);
    }
}

bool heard_of_oom(DockerApi& api, const std::string& id, const ContainerState& state) {
    if (!state.finished) return false;
    constexpr std::chrono::seconds late{2};
    const auto seconds = [](std::chrono::system_clock::time_point time) {
        return std::chrono::floor<std::chrono::seconds>(time).time_since_epoch().count();
    };
    const json filters = {{"container", json::array({id})}, {"event", json::array({"oom"})}};
    const auto told =
        api.get(fmt::format("/events?since={}&until={}&filters={}",
                            seconds(*state.finished - state.duration.value_or(std::chrono::hours(1)) - late),
                            seconds(*state.finished + late), encoded(filters.dump())));
    return told && told->ok() && !told->body.empty();
}

}  // namespace sandbox
