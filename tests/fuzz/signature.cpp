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

void check(const integrations::ForgeKind& kind, integrations::Delivery delivery, bool sign) {
    static const config::ForgeSettings settings{
        .name = "work", .webhook_secrets = {config::Secret("one"), config::Secret("two")}};
    // HMAC-SHA256 of the empty body under `one`: the only signature this fuzzer can know, so that it sees
    // what follows.
    const std::string known = "5008d90d783f5bb36d39e1777cbbbaa3d3f85a78abc242dcd953024946297860";
    const bool github = kind.name == "github";
    const std::string header = github ? "x-hub-signature-256" : "x-" + std::string(kind.name) + "-signature";
    if (sign) {
        delivery.headers.erase(header);
        delivery.headers.emplace(header, (github ? "sha256=" : "") + known);
        delivery.body.clear();
    }
    const auto verified = kind.verify(settings, std::move(delivery));
    if (verified) {
        require(verified->body().empty() && !verified->delivery_id().empty() &&
                !verified->event_name().empty() && !verified->hook_id().empty());
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
