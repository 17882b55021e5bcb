#pragma once

#include "bot/intent.hpp"
#include "bot/shop.hpp"

namespace bot {

/// Asks the forge, live, what must be known to decide on a request. Error: the forge does not answer now.
[[nodiscard]] integrations::ForgeResult<Facts> gather_facts(Shop& shop, const Request& request);

/// Whether the operator listed the repository (`owner/name`, `owner/*` or `*`).
[[nodiscard]] bool repository_allowed(const config::ForgeSettings& forge, std::string_view full_name);

}  // namespace bot
