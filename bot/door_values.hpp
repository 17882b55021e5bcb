#pragma once

#include <nlohmann/json.hpp>
#include <optional>

#include "config/models.hpp"
#include "sandbox/door.hpp"
#include "sandbox/gateway.hpp"

/// What the keeper and the door part say to each other, as JSON. Reading throws nlohmann::json::exception
/// when something is not as it was written.
namespace bot::door_values {

using Json = nlohmann::json;

[[nodiscard]] Json to_json(const sandbox::ModelUse& use);
[[nodiscard]] sandbox::ModelUse use_of(const Json& json);

[[nodiscard]] Json to_json(const sandbox::DoorReport& report);
[[nodiscard]] sandbox::DoorReport report_of(const Json& json);

/// The providers with their keys; budgets stay with the keeper.
[[nodiscard]] Json to_json(const config::ModelSettings& models);
[[nodiscard]] config::ModelSettings models_of(const Json& json);

/// Milliseconds since 1970, or null.
[[nodiscard]] Json to_json(const std::optional<sandbox::ModelKeys::Time>& time);
[[nodiscard]] std::optional<sandbox::ModelKeys::Time> time_of(const Json& json);

}  // namespace bot::door_values
