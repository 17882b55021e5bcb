#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "integrations/forge.hpp"
#include "integrations/forge_api.hpp"
#include "integrations/forge_sweep.hpp"

namespace integrations {

// What GitLab's REST says and is told. https://docs.gitlab.com/api/rest/

/// Throws std::invalid_argument for settings that can never work.
[[nodiscard]] TokenApi::Manner gitlab_manner(const config::ForgeSettings& settings);

[[nodiscard]] Person read_gitlab_person(const nlohmann::json& user);
/// `forge`: ForgeSettings::name. Without an id, a path or an address to clone from it is an error.
[[nodiscard]] ForgeResult<RepoSeen> read_project(const ForgeResult<nlohmann::json>& answer,
                                                 const std::string& forge);
[[nodiscard]] PullRequest read_merge_request(const nlohmann::json& request);

/// `/issues/7`, `/merge_requests/8`
[[nodiscard]] std::string thread_path(const ThreadRef& thread);

/// The text with no line that GitLab would carry out as a quick action in our name: `/close`, `/merge`. A
/// space before it is all it takes, and in a block of code it hardly shows.
/// https://docs.gitlab.com/user/project/quick_actions/
[[nodiscard]] std::string without_quick_actions(std::string_view text);

}  // namespace integrations
