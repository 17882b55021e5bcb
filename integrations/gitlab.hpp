#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "config/error.hpp"
#include "config/settings.hpp"
#include "integrations/event.hpp"
#include "integrations/forge.hpp"
#include "integrations/forge_clock.hpp"

/// GitLab, as of 15.0.
namespace integrations {

/// https://docs.gitlab.com/user/project/integrations/webhooks/: a larger payload is not sent.
inline constexpr std::size_t gitlab_body_limit = 25ULL << 20;
/// Code points in a note; a description takes 1,048,576.
/// https://docs.gitlab.com/administration/instance_limits/#size-of-comments-and-descriptions-of-issues-merge-requests-and-epics
inline constexpr std::size_t gitlab_text_limit = 1'000'000;
/// What a webhook's signing token begins with; base64 follows.
inline constexpr std::string_view gitlab_signing_prefix = "whsec_";

/// `merge_request` of `Merge Request Hook`, `issue` of `Confidential Issue Hook`: what is confidential the
/// payload says too. Perhaps no event's name.
[[nodiscard]] std::string gitlab_event_name(const Headers& headers);
/// Bytes of a verified delivery -> Event. Pure, never throws.
[[nodiscard]] Event decode_gitlab(const VerifiedDelivery& delivery);

/// See ForgeKind::fault.
[[nodiscard]] std::optional<config::Error> gitlab_fault(const config::ForgeSettings& settings);

/// Throws std::invalid_argument for settings that can never work: no token, an App, an `api_url` that is
/// neither https nor loopback.
[[nodiscard]] std::unique_ptr<Forge> connect_gitlab(const config::ForgeSettings& settings,
                                                    ForgeClock clock = {});

/// Whether it is the account of a project's or group's access token.
/// https://docs.gitlab.com/user/project/settings/project_access_tokens/#bot-users-for-projects
[[nodiscard]] bool is_gitlab_bot(std::string_view login);

}  // namespace integrations
