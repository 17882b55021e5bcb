#pragma once

#include <string>
#include <vector>

#include "bot/intent.hpp"
#include "bot/shop.hpp"
#include "integrations/forge.hpp"

/// What the files of the loops share.
namespace bot::loops {

/// What an event asks for, never nothing. An error: the forge could not be asked who we are there.
[[nodiscard]] integrations::ForgeResult<std::vector<Request>> requests_of(Shop& shop,
                                                                          const integrations::Event& event,
                                                                          const std::string& forge);
/// What is decided on it, with the facts of now. `heard_at`: when it came. An error: the forge could not be
/// asked.
[[nodiscard]] integrations::ForgeResult<Intent> understand(Shop& shop, Request request, Time heard_at);
/// Likewise of an event that asks for one thing.
[[nodiscard]] integrations::ForgeResult<Intent> understand(Shop& shop, const integrations::Event& event,
                                                           const std::string& forge);
/// Looks what became of jobs that wait for people, some at a time, while nobody told us.
void look_at_waiting(Shop& shop);
/// Wakes who has something to do once the intent is in the ledger.
void after(Shop& shop, const Intent& intent);

}  // namespace bot::loops
