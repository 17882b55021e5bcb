#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "sandbox/sandbox.hpp"

/// The small program of sandbox/init, as it lies in this binary. Every backend makes it the first process
/// inside.
namespace sandbox {

/// Where it is inside every sandbox, read-only.
inline constexpr std::string_view init_target = "/run/shopfloor-init";

/// The executable's bytes.
[[nodiscard]] std::string_view init_program();

/// The command line of the first process: itself and what the spec wants of it, then the program.
[[nodiscard]] std::vector<std::string> init_command(const RunSpec& spec);

/// What it sets for a program with a door, unless it is set already.
[[nodiscard]] const std::vector<std::string>& door_variables();

}  // namespace sandbox
