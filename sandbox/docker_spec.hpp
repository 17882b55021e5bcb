#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "sandbox/sandbox.hpp"

/// RunSpec -> the body of POST /containers/create. Pure, so that a test can say what it never holds.
namespace sandbox {

inline constexpr std::string_view instance_label = "shopfloor.instance";
inline constexpr std::string_view name_label = "shopfloor.name";
inline constexpr std::string_view spec_label = "shopfloor.spec";

/// What the body needs besides the spec.
struct ContainerPlan {
    std::string instance;
    std::filesystem::path workspace;
    std::string workspace_identity;  ///< Workspace::identity(): a program is adopted with its own files only
    std::filesystem::path home;
    std::filesystem::path hosts;  ///< shown as /etc/hosts
    std::filesystem::path init;   ///< shown as init_target
    unsigned uid = 0;
    double host_cpus = 1;  ///< the engine refuses more
    std::vector<std::string>
        image_volumes;    ///< places the image declares as volumes: they become small tmpfs
    std::string seccomp;  ///< profile, JSON
};

[[nodiscard]] std::string container_name(std::string_view instance, std::string_view name);

struct ContainerRequest {
    std::string body;   ///< JSON
    std::string proof;  ///< SHA-256 over all that makes this run what it is; the value of `spec_label`
};

[[nodiscard]] ContainerRequest container_request(const RunSpec& spec, const ContainerPlan& plan);

}  // namespace sandbox
