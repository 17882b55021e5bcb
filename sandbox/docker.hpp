#pragma once

#include <expected>
#include <memory>
#include <string>

#include "sandbox/sandbox.hpp"

namespace sandbox {

/// Docker Engine 20.10 (API 1.41) or newer, over its socket.
[[nodiscard]] std::expected<std::unique_ptr<Sandbox>, Error> make_docker(
    const config::SandboxSettings& settings, const std::string& instance);

}  // namespace sandbox
