#pragma once

#include <string>

#include "config/settings.hpp"
#include "integrations/forge_api.hpp"

namespace integrations {

/// What stands in one issue or pull request: its comments, or its reviews.
inline constexpr int pages_of_a_thread = 100;

/// Follows `/repos/{owner}/{name}`.
[[nodiscard]] std::string issue_path(const ThreadRef& thread);

/// How Gitea's REST is spoken to: https://docs.gitea.com/api. Throws std::invalid_argument for settings that
/// can never work.
[[nodiscard]] TokenApi::Manner gitea_manner(const config::ForgeSettings& settings);

}  // namespace integrations
