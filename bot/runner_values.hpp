#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "config/settings.hpp"
#include "sandbox/sandbox.hpp"

/// What the keeper and the runner say to each other, as JSON. Both are the same program.
namespace bot::runner {

[[nodiscard]] nlohmann::json to_json(const config::SandboxSettings& settings);
[[nodiscard]] config::SandboxSettings settings_of(const nlohmann::json& json);

/// Without its functions; bytes stay what they are.
[[nodiscard]] std::string pack(const sandbox::RunSpec& spec);
/// Throws std::exception for what `pack` never made.
[[nodiscard]] sandbox::RunSpec unpack(const std::string& packed);

[[nodiscard]] nlohmann::json to_json(const sandbox::RunOutcome& outcome);
[[nodiscard]] sandbox::RunOutcome outcome_of(const nlohmann::json& json);

[[nodiscard]] nlohmann::json to_json(const sandbox::Error& error);
[[nodiscard]] sandbox::Error error_of(const nlohmann::json& json);

}  // namespace bot::runner
