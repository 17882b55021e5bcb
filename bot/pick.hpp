#pragma once

#include "bot/evidence.hpp"
#include "bot/halt.hpp"
#include "bot/ledger.hpp"
#include "bot/shop.hpp"

namespace bot {

/// Another of the tries that competed: its result is known, and is only put in the place of what is there.
[[nodiscard]] Step<Verdict> picked_try(Shop& shop, Job& job, const Lease& lease);

}  // namespace bot
