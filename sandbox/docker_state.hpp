#pragma once

#include <chrono>
#include <csignal>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

#include "sandbox/docker_api.hpp"

namespace sandbox {

/// "2026-11-23T18:28:32.153632355Z"
[[nodiscard]] std::optional<std::chrono::system_clock::time_point> engine_time(const std::string& text);

/// `State` of a container as the engine inspects it.
struct ContainerState {
    int exit_code = 0;
    bool out_of_memory = false;
    std::optional<std::chrono::milliseconds> duration;
    std::optional<std::chrono::system_clock::time_point> finished;  ///< by the engine's clock

    explicit ContainerState(const nlohmann::json& state);
    /// Somebody else ended it, such as an engine that shut down: not what the program did.
    [[nodiscard]] bool killed_from_outside() const {
        return !out_of_memory && (exit_code == 128 + SIGKILL || exit_code == 128 + SIGTERM);
    }
};

/// Whether the engine heard from the kernel that the container ran out of memory. Under load it hears so
/// after the exit, and its state does not tell then; its events do.
/// https://docs.docker.com/reference/cli/docker/system/events
[[nodiscard]] bool heard_of_oom(DockerApi& api, const std::string& id, const ContainerState& state);

}  // namespace sandbox
