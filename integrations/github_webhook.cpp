// Deliveries from GitHub, first half: bytes as received -> VerifiedDelivery. Pure; the network is the
// listener's. Only headers and raw bytes are looked at: the HMAC is compared, in constant time, before
// anything is parsed. https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries

#include <string>
#include <string_view>
#include <utility>

#include "integrations/forge.hpp"
#include "integrations/forge_signature.hpp"
#include "integrations/forge_words.hpp"
#include "integrations/github.hpp"

namespace integrations {
namespace {

constexpr std::string_view signature_header = "x-hub-signature-256";
constexpr std::string_view scheme = "sha256=";

std::expected<void, Rejected> check_signature(const config::ForgeSettings& settings,
                                              const Delivery& delivery) {
    const auto count = delivery.headers.count(std::string(signature_header));
    if (count == 0) {
        return reject(401,
                      delivery.headers.contains("x-hub-signature")
                          ? "X-Hub-Signature-256 is missing; the SHA-1 of X-Hub-Signature is not accepted"
                          : "X-Hub-Signature-256 is missing: set a secret on the webhook");
    }
    if (count > 1) return reject(401, "X-Hub-Signature-256 comes more than once");
    std::string_view text = *single(delivery.headers, signature_header);
    const bool named = text.starts_with(scheme);
    if (named) text.remove_prefix(scheme.size());
    const auto claimed = mac_of_hex(text);
    if (!named || !claimed)
        return reject(401, "X-Hub-Signature-256 is not `sha256=` and 64 hexadecimal digits");
    if (!signed_by_one(settings.webhook_secrets, delivery.body, *claimed))
        return reject(401, "X-Hub-Signature-256 does not match the body under any configured secret");
    return {};
}

}  // namespace

std::expected<DeliveryNames, Rejected> github_names(const Headers& headers, const std::string& forge) {
    const auto* id = single(headers, "x-github-delivery");
    if (id == nullptr || !is_delivery_id(*id)) {
        return reject(400, "X-GitHub-Delivery is not one id of up to 100 letters, digits and dashes");
    }
    const auto* event = single(headers, "x-github-event");
    if (event == nullptr || !is_event_name(*event)) {
        return reject(400, "X-GitHub-Event is not one event name");
    }
    const auto* hook = single(headers, "x-github-hook-id");
    if (hook == nullptr && headers.contains("x-github-hook-id")) {
        return reject(400, "X-GitHub-Hook-ID comes more than once");
    }
    if (hook != nullptr && !hook->empty() && !is_digits(*hook, 20)) {
        return reject(400, "X-GitHub-Hook-ID is not a number");
    }
    return DeliveryNames{.hook_id = hook == nullptr || hook->empty() ? forge : *hook,
                         .delivery_id = *id,
                         .event_name = *event};
}

std::expected<VerifiedDelivery, Rejected> Verifier::github(const config::ForgeSettings& settings,
                                                           Delivery&& delivery) {
    if (auto right = check_signature(settings, delivery); !right) return std::unexpected(right.error());
    auto names = github_names(delivery.headers, delivery.forge);
    if (!names) return std::unexpected(std::move(names.error()));
    VerifiedDelivery verified;
    verified.hook_id_ = std::move(names->hook_id);
    verified.delivery_id_ = std::move(names->delivery_id);
    verified.event_name_ = std::move(names->event_name);
    verified.forge_ = delivery.forge;
    auto payload = payload_of(std::move(delivery));
    if (!payload) return std::unexpected(std::move(payload.error()));
    verified.body_ = *std::move(payload);
    return verified;
}

}  // namespace integrations
