#pragma once

#include <chrono>
#include <stop_token>
#include <string>

#include "bot/shop.hpp"

/// One tick each, no threads inside: take from the ledger, work on values, write back in one transaction.
/// True: there was something, and there may be more.
namespace bot::loops {

/// One delivery: decode, recognise, gather facts, decide, settle.
[[nodiscard]] bool intake(Shop& shop);
/// One job, as far as it goes.
[[nodiscard]] bool work(Shop& shop, const std::stop_token& detach);
/// One report to this forge. Each forge has a loop of its own: one that does not answer holds up no other.
[[nodiscard]] bool report(Shop& shop, const std::string& forge);
/// Every few seconds: tells the operator and the queued jobs when the disk gets too full to begin any, and
/// when there is room again.
void watch_disk(Shop& shop);
/// What no event tells: leases that ran out, labels and ends of reviews whose events never arrived, what was
/// left lying. A part that fails is logged and does not stop the others. Returns how long to wait for the
/// next one: not long when a forge could not be asked now.
[[nodiscard]] std::chrono::milliseconds sweep(Shop& shop);
/// Every few seconds, at open pull requests whose base branch was pushed to a moment ago: forges tell some
/// seconds late whether they conflict with it now.
void look_after_pushes(Shop& shop);
/// Once, before the other loops: containers and workspaces of earlier processes that no job waits for.
void clear_leftovers(Shop& shop);

}  // namespace bot::loops
