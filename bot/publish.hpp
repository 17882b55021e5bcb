#pragma once

#include "bot/evidence.hpp"
#include "bot/halt.hpp"
#include "bot/shop.hpp"

namespace bot {

/// Branch, pull request and check run of a stored verdict. Every effect has a name derived from the job, so
/// doing it again after a crash finds itself; the agent is never asked again.
[[nodiscard]] Step<integrations::PullRequest> publish(Shop& shop, const Job& job, const Lease& lease,
                                                      const Verdict& verdict, const std::stop_token& cancel);

}  // namespace bot
