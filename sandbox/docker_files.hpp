#pragma once

#include <expected>
#include <filesystem>

#include "sandbox/sandbox.hpp"

namespace sandbox {

/// Files of ours on the engine's machine that every container is shown, read-only. The same for every run, so
/// that a run found again has the same mounts.
struct DockerFiles {
    std::filesystem::path hosts;  ///< shown as /etc/hosts
    std::filesystem::path init;   ///< shown as init_target; its name tells its content
};

/// Writes them, each in one step, into a folder that nobody else can write into.
[[nodiscard]] std::expected<DockerFiles, Error> write_docker_files();

}  // namespace sandbox
