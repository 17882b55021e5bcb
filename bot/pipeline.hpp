#pragma once

#include <stop_token>

#include "bot/ledger.hpp"
#include "bot/shop.hpp"

namespace bot {

/// Carries a claimed job from where it stands to its pull request, its plain answer, or back to the queue.
/// `detach`: this process is shutting down; programs that can go on without it do. Throws LeaseLost when the
/// job is not ours any more, and LedgerError.
void work(Shop& shop, const Claim& claim, std::stop_token detach);

}  // namespace bot
