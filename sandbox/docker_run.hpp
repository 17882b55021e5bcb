#pragma once

#include <expected>
#include <string>

#include "sandbox/docker_api.hpp"
#include "sandbox/docker_spec.hpp"
#include "sandbox/sandbox.hpp"

namespace sandbox {

struct DockerEngine {
    Endpoint endpoint;
    std::string version;  ///< path prefix, `/v1.41`
    bool allow_weak_limits = false;
};

/// One container from its creation, or from finding it by name, to its removal.
[[nodiscard]] std::expected<RunOutcome, Error> run_container(const DockerEngine& engine, const RunSpec& spec,
                                                             const ContainerPlan& plan,
                                                             const Control& control);

/// Ends and removes a container; one that is not there is a success.
[[nodiscard]] std::expected<void, Error> remove_container(DockerApi& api, const std::string& id);

}  // namespace sandbox
