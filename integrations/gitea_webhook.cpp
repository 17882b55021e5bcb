// Deliveries from Gitea and Forgejo, first half: bytes as received -> VerifiedDelivery. Pure.
// Each bears the signature under several names, GitHub's among them; Gitea's own is looked at, or Forgejo's.
// https://docs.gitea.com/usage/webhooks and https://forgejo.org/docs/latest/user/webhooks/

#include <array>
#include <string>
#include <string_view>
#include <utility>

#include "integrations/forge.hpp"
#include "integrations/forge_signature.hpp"

namespace integrations {
namespace {

/// What a delivery's headers begin with, in the order in which they are looked for.
constexpr std::array<std::string_view, 2> makers{"x-forgejo-", "x-gitea-"};

std::string shown(std::string_view maker) { return maker == makers[0] ? "X-Forgejo-" : "X-Gitea-"; }

}  // namespace

std::expected<VerifiedDelivery, Rejected> Verifier::gitea(const config::ForgeSettings& settings,
                                                          Delivery&& delivery) {
    std::string_view maker;
    for (const auto one : makers) {
        if (!delivery.headers.contains(std::string(one) + "signature")) continue;
        maker = one;
        break;
    }
    if (maker.empty()) return reject(401, "X-Gitea-Signature is missing: set a secret on the webhook");
    const auto named = [&](std::string_view name) { return std::string(maker) + std::string(name); };
    const auto* signature = single(delivery.headers, named("signature"));
    if (signature == nullptr) return reject(401, shown(maker) + "Signature comes more than once");
    const auto claimed = mac_of_hex(*signature);
    if (!claimed) return reject(401, shown(maker) + "Signature is not 64 hexadecimal digits");
    // Over the JSON: a form has it as the value of `payload`.
    const auto* id = single(delivery.headers, named("delivery"));
    const auto* event = single(delivery.headers, named("event"));
    VerifiedDelivery verified;
    verified.forge_ = verified.hook_id_ = delivery.forge;
    if (id != nullptr) verified.delivery_id_ = *id;
    if (event != nullptr) verified.event_name_ = *event;
    auto payload = payload_of(std::move(delivery));
    if (!payload) return std::unexpected(std::move(payload.error()));
    if (!signed_by_one(settings.webhook_secrets, *payload, *claimed))
        return reject(401, shown(maker) + "Signature does not match the body under any configured secret");
    if (!is_delivery_id(verified.delivery_id_))
        return reject(400, shown(maker) + "Delivery is not one id of up to 100 letters, digits and dashes");
    if (!is_event_name(verified.event_name_))
        return reject(400, shown(maker) + "Event is not one event name");
    verified.body_ = *std::move(payload);
    return verified;
}

}  // namespace integrations
