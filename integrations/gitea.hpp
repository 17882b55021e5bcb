#pragma once

#include <cstddef>
#include <memory>
#include <optional>

#include "config/error.hpp"
#include "config/settings.hpp"
#include "integrations/event.hpp"
#include "integrations/forge.hpp"
#include "integrations/forge_clock.hpp"

/// Gitea, and Forgejo that began as it and speaks the same.
namespace integrations {

/// What Gitea sends has no limit of its own; what is larger than the largest of the others is no delivery
/// that we could act on.
inline constexpr std::size_t gitea_body_limit = 25ULL << 20;
/// Code points in a comment or in a pull request's body. Gitea keeps them as LONGTEXT and sets no limit but
/// that of a request; more than GitHub's nobody reads.
inline constexpr std::size_t gitea_text_limit = 65'536;

/// Bytes of a verified delivery -> Event. Pure, never throws.
[[nodiscard]] Event decode_gitea(const VerifiedDelivery& delivery);

/// See ForgeKind::fault.
[[nodiscard]] std::optional<config::Error> gitea_fault(const config::ForgeSettings& settings);

/// Throws std::invalid_argument for settings that can never work: no token, an App, an `api_url` that is
/// neither https nor loopback.
[[nodiscard]] std::unique_ptr<Forge> connect_gitea(const config::ForgeSettings& settings,
                                                   ForgeClock clock = {});

}  // namespace integrations
