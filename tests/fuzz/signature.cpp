// Headers and body from bytes: whatever comes in, what is let through is whole, and no right signature means
// no entry.

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
    integrations::Delivery delivery{.forge = "github", .headers = {}, .body = {}};
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

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const config::ForgeSettings settings{
        .name = "github", .webhook_secrets = {config::Secret("one"), config::Secret("two")}};
    auto delivery = split({reinterpret_cast<const char*>(data), size});
    // HMAC-SHA256 of the empty body under `one`: the only signature this fuzzer can know, so that it sees
    // what follows.
    constexpr std::string_view known =
        "sha256=5008d90d783f5bb36d39e1777cbbbaa3d3f85a78abc242dcd953024946297860";
    if (size > 0 && data[0] == 'k') {
        delivery.headers.erase("x-hub-signature-256");
        delivery.headers.emplace("x-hub-signature-256", known);
        delivery.body.clear();
    }
    const auto signatures = delivery.headers.count("x-hub-signature-256");
    const bool empty = delivery.body.empty();
    const auto verified = integrations::Verifier::github(settings, std::move(delivery));
    if (verified) {
        require(signatures == 1 && empty);
        require(!verified->delivery_id().empty() && !verified->event_name().empty() &&
                !verified->hook_id().empty());
    } else {
        require(verified.error().status >= 400 && verified.error().status < 500 &&
                !verified.error().reason.empty());
    }
    return 0;
}
