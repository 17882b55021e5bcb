#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>
#include <thread>

#include "config/settings.hpp"
#include "integrations/event.hpp"
#include "integrations/forge.hpp"

namespace integrations {

/// GitHub never sends more: https://docs.github.com/en/webhooks/webhook-events-and-payloads#payload-cap
inline constexpr std::size_t github_body_limit = 25ULL << 20;
/// Code points in a comment or in a pull request's body; one more is a 422.
inline constexpr std::size_t github_text_limit = 65'536;

/// Bytes of a verified delivery -> Event. Pure, never throws.
[[nodiscard]] Event decode_github(const VerifiedDelivery& delivery);

/// Time as the client sees it; tests crank it by hand.
struct GithubClock {
    std::function<std::chrono::system_clock::time_point()> now = std::chrono::system_clock::now;
    std::function<void(std::chrono::milliseconds)> sleep = [](std::chrono::milliseconds time) {
        std::this_thread::sleep_for(time);
    };
};

/// Throws std::invalid_argument for settings that can never work: no credential, a key that is no RSA key, an
/// `api_url` that is neither https nor loopback.
[[nodiscard]] std::unique_ptr<Forge> connect_github(const config::ForgeSettings& settings,
                                                    GithubClock clock = {});

}  // namespace integrations
