#pragma once

#include <expected>
#include <memory>
#include <string>

#include "sandbox/sandbox.hpp"

namespace sandbox {

/// The program `bwrap` 0.8 or newer with control groups, for machines without an engine. It cannot leave a
/// program running for the next process: `Control::detach` ends the program.
[[nodiscard]] std::expected<std::unique_ptr<Sandbox>, Error> make_bubblewrap(
    const config::SandboxSettings& settings, const std::string& instance);

}  // namespace sandbox
