#pragma once

#include <expected>
#include <filesystem>
#include <string>

#include "sandbox/sandbox.hpp"

namespace sandbox {

/// What no backend runs: a name outside [a-z0-9-]{1,63}, no program, a mount that hides or enters what the
/// sandbox lays out itself, a mount source that is a socket or leads to `engine_socket`, a path of home_files
/// that leaves home, a NUL byte anywhere.
[[nodiscard]] std::expected<void, Error> check_spec(const RunSpec& spec,
                                                    const std::filesystem::path& engine_socket = {});

/// Puts spec.home_files below `home`, owned by sandbox_uid(). Never follows a link: an earlier run may have
/// left some.
[[nodiscard]] std::expected<void, Error> write_home_files(const RunSpec& spec,
                                                          const std::filesystem::path& home);

}  // namespace sandbox
