// Headers and body from bytes, to every forge's verifier: whatever comes in, what is let through is whole,
// and no right signature means no entry.

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>

#include "config/settings.hpp"
#include "integrations/forge.hpp"

namespace {

/// Lines `name: value`, then an empty line, then the body.
integrations::Delivery split(std::string_view input) {
    integrations::Delivery delivery{.forge = "work", .headers = {}, .body = {}};
    while (!input.empty()) {
        const auto end = input.find('\n');
        const auto line = input.substr(0, end);
        input.remove_prefix(end == std::string_view::npos ? input.size() : end + 1);
        if (line.empty()) break;
        const auto colon = line.find(':');
        if (colon == std::string_view::npos) continue;
        delivery.headers.emplace(line.substr(0, colon), line.substr(colon + 1));
    }
    delivery.body = std::string(input);
    return delivery;
}

void require(bool truth) {
    if (!truth) std::abort();
}

/// The one proof that this fuzzer can give each forge, so that it sees what follows: the HMAC-SHA256 of the
/// empty body under `one`, or the secret itself.
void prove(const integrations::ForgeKind& kind, integrations::Delivery& delivery) {
    const std::string mac = "5008d90d783f5bb36d39e1777cbbbaa3d3f85a78abc242dcd953024946297860";
    std::string header = "x-" + std::string(kind.name) + "-signature";
    std::string proof = mac;
    if (kind.name == "github") {
        header = "x-hub-signature-256";
        proof = "sha256=" + mac;
    } else if (kind.name == "gitlab") {
        header = "x-gitlab-token";
        proof = "one";
        delivery.headers.erase("webhook-signature");
    }
    delivery.headers.erase(header);
    delivery.headers.emplace(header, proof);
    delivery.body.clear();
}

void check(const integrations::ForgeKind& kind, integrations::Delivery delivery, bool sign) {
    static const config::ForgeSettings settings{
        .name = "work",
        .webhook_secrets = {config::Secret("one"), config::Secret("two"),
                            config::Secret("whsec_b25lIHNpZ25pbmcgdG9rZW4gb2YgMzIgYnl0ZXMgISE=")}};
    // The secret that goes along as it is can be guessed: then nothing is said of the body.
    const bool told = delivery.headers.contains("x-gitlab-token");
    if (sign) prove(kind, delivery);
    const auto verified = kind.verify(settings, std::move(delivery));
    if (verified) {
        require(told || verified->body().empty());
        require(!verified->delivery_id().empty() && !verified->event_name().empty() &&
                !verified->hook_id().empty());
    } else {
        require(verified.error().status >= 400 && verified.error().status < 500 &&
                !verified.error().reason.empty());
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto delivery = split({reinterpret_cast<const char*>(data), size});
    for (const auto& kind : integrations::forge_kinds()) check(kind, delivery, size > 0 && data[0] == 'k');
    return 0;
}
