#pragma once

#include <cstddef>
#include <expected>
#include <memory>
#include <string>

#include "config/settings.hpp"
#include "integrations/event.hpp"
#include "integrations/forge.hpp"
#include "integrations/forge_clock.hpp"

namespace integrations {

/// GitHub never sends more: https://docs.github.com/en/webhooks/webhook-events-and-payloads#payload-cap
inline constexpr std::size_t github_body_limit = 25ULL << 20;
/// Code points in a comment or in a pull request's body; one more is a 422.
inline constexpr std::size_t github_text_limit = 65'536;

/// Pure. `forge`: ForgeSettings::name, which stands in for a hook's id.
[[nodiscard]] std::expected<DeliveryNames, Rejected> github_names(const Headers& headers,
                                                                  const std::string& forge);
/// Bytes of a verified delivery -> Event. Pure, never throws.
[[nodiscard]] Event decode_github(const VerifiedDelivery& delivery);

/// Throws std::invalid_argument for settings that can never work: no credential, a key that is no RSA key, an
/// `api_url` that is neither https nor loopback.
[[nodiscard]] std::unique_ptr<Forge> connect_github(const config::ForgeSettings& settings,
                                                    ForgeClock clock = {});

}  // namespace integrations
