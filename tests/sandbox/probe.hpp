#pragma once

#include <string>

namespace stage {

/// The hostile program of probe.c, compiled once with the machine's compiler, statically: images have none.
[[nodiscard]] const std::string& probe_program();

}  // namespace stage
