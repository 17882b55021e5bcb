// Deliveries from GitLab, first half: bytes as received -> VerifiedDelivery. Pure but for the time.
// https://docs.gitlab.com/user/project/integrations/webhooks/
//
// A hook has a secret token, which comes along as it is, or a signing token `whsec_…`, which signs as
// Standard Webhooks have it: https://www.standardwebhooks.com. Where a signing token is configured, what
// comes signed must be signed rightly: its secret token does not stand in.
//
// One event that a project's and a group's hook both tell of comes as two deliveries, and is one event all
// the same: nothing that is decoded says which hook it was, and what is done is known by the comment, by the
// label's event or by what became of the issue.

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "integrations/forge.hpp"
#include "integrations/forge_signature.hpp"
#include "integrations/forge_words.hpp"
#include "integrations/gitlab.hpp"

namespace integrations {
namespace {

using std::chrono::seconds;

constexpr seconds signature_life{300};
constexpr int most_signatures = 10;
constexpr std::string_view signature_scheme = "v1,";

/// The secrets of webhooks, told apart.
struct HookSecrets {
    std::vector<config::Secret> tokens;
    std::vector<config::Secret> keys;  ///< the bytes
    bool signing = false;              ///< a signing token is configured, be it whole or not
};

HookSecrets told_apart(const std::vector<config::Secret>& configured) {
    HookSecrets secrets;
    for (const auto& secret : configured) {
        if (!secret.expose().starts_with(gitlab_signing_prefix)) {
            secrets.tokens.push_back(secret);
            continue;
        }
        secrets.signing = true;
        auto key = bytes_of_base64(secret.expose().substr(gitlab_signing_prefix.size()));
        if (key && !key->empty()) secrets.keys.emplace_back(*std::move(key));
    }
    return secrets;
}

/// `v1,<base64> v1,<base64>`: one for each signing token while they are changed.
bool signed_rightly(const HookSecrets& secrets, const std::string& bytes, std::string_view signatures) {
    bool right = false;
    for (int i = 0; i < most_signatures && !signatures.empty(); ++i) {
        const auto end = std::min(signatures.find(' '), signatures.size());
        const auto one = signatures.substr(0, end);
        signatures.remove_prefix(std::min(end + 1, signatures.size()));
        if (!one.starts_with(signature_scheme)) continue;
        const auto claimed = mac_of_base64(one.substr(signature_scheme.size()));
        right |= claimed && signed_by_one(secrets.keys, bytes, *claimed);
    }
    return right;
}

/// The id that was signed, if all is right.
std::expected<std::string, Rejected> check_hook_signature(const HookSecrets& secrets,
                                                          const Delivery& delivery,
                                                          std::chrono::system_clock::time_point now) {
    const auto* id = single(delivery.headers, "webhook-id");
    const auto* time = single(delivery.headers, "webhook-timestamp");
    const auto* signatures = single(delivery.headers, "webhook-signature");
    if (id == nullptr || time == nullptr || signatures == nullptr)
        return reject(401, "webhook-id, webhook-timestamp and webhook-signature do not come once each");
    if (!is_digits(*time, 12)) return reject(401, "webhook-timestamp is no number of seconds");
    const auto signed_at = std::chrono::system_clock::time_point(seconds(std::stoll(*time)));
    if (std::chrono::abs(now - signed_at) > signature_life)
        return reject(401, "webhook-timestamp is more than five minutes away from the clock here");
    if (!signed_rightly(secrets, *id + "." + *time + "." + delivery.body, *signatures))
        return reject(401, "webhook-signature does not match under any configured signing token");
    return *id;
}

std::expected<void, Rejected> check_hook_token(const HookSecrets& secrets, const Delivery& delivery) {
    const auto* token = single(delivery.headers, "x-gitlab-token");
    if (token == nullptr)
        return reject(
            401, delivery.headers.contains("x-gitlab-token")
                     ? "X-Gitlab-Token comes more than once"
                     : "X-Gitlab-Token is missing: set a secret token or a signing token on the webhook");
    if (!is_one_of(secrets.tokens, *token)) return reject(401, "X-Gitlab-Token is no configured secret");
    return {};
}

/// GitLab 17.4 and later tell a key that stays when a delivery is sent again. X-Gitlab-Event-UUID is no such
/// thing: deliveries that one delivery led to share it.
std::string id_of_delivery(const Delivery& delivery) {
    if (const auto* key = single(delivery.headers, "idempotency-key")) return *key;
    const auto* hook = single(delivery.headers, "x-gitlab-webhook-uuid");
    return digest_of((hook == nullptr ? std::string() : *hook) + "\n" + delivery.body);
}

}  // namespace

std::string gitlab_event_name(const Headers& headers) {
    const auto* header = single(headers, "x-gitlab-event");
    if (header == nullptr) return {};
    auto name = lower_case(*header);
    std::ranges::replace(name, ' ', '_');
    if (name.starts_with("confidential_")) name.erase(0, name.find('_') + 1);
    if (name.ends_with("_hook")) name.erase(name.rfind('_'));
    return name;
}

std::expected<VerifiedDelivery, Rejected> Verifier::gitlab(const config::ForgeSettings& settings,
                                                           Delivery&& delivery,
                                                           std::chrono::system_clock::time_point now) {
    const auto secrets = told_apart(settings.webhook_secrets);
    VerifiedDelivery verified;
    if (secrets.signing && delivery.headers.contains("webhook-signature")) {
        auto id = check_hook_signature(secrets, delivery, now);
        if (!id) return std::unexpected(std::move(id.error()));
        verified.delivery_id_ = *std::move(id);
    } else {
        if (auto right = check_hook_token(secrets, delivery); !right) return std::unexpected(right.error());
        verified.delivery_id_ = id_of_delivery(delivery);
    }
    if (!is_delivery_id(verified.delivery_id_))
        return reject(400, "Idempotency-Key is not one id of up to 100 letters, digits and dashes");
    verified.event_name_ = gitlab_event_name(delivery.headers);
    if (!is_event_name(verified.event_name_)) return reject(400, "X-Gitlab-Event is not one event name");
    verified.forge_ = verified.hook_id_ = delivery.forge;
    auto payload = payload_of(std::move(delivery));
    if (!payload) return std::unexpected(std::move(payload.error()));
    verified.body_ = *std::move(payload);
    return verified;
}

}  // namespace integrations
