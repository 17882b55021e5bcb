#pragma once

#include <string>
#include <vector>

#include "bot/intent.hpp"
#include "bot/shop.hpp"
#include "integrations/forge.hpp"

/// What the files of the loops share.
namespace bot::loops {

/// What is decided on an event, with the facts of now. An error: the forge could not be asked.
[[nodiscard]] integrations::ForgeResult<std::vector<Intent>> understand(Shop& shop,
                                                                        const integrations::Event& event,
                                                                        const std::string& forge);
/// Wakes who has something to do once the intent is in the ledger.
void after(Shop& shop, const Intent& intent);

}  // namespace bot::loops
