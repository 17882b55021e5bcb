#pragma once

#include <string>
#include <vector>

#include "bot/evidence.hpp"
#include "bot/groundwork.hpp"

namespace bot {

/// Runs the recipe's checks on one tree: the base with `changes` on it, in a workspace of its own, each check
/// in a fresh sandbox without the agent; they see what earlier checks built. `what` names the tree (`head`,
/// `base`, …) in container and log names. `until`: index after the last check to run.
[[nodiscard]] Step<std::vector<CheckResult>> run_checks(Shop& shop, const Job& job, const Groundwork& ground,
                                                        const std::string& what,
                                                        const sandbox::Changes& changes, std::size_t until,
                                                        const sandbox::Control& control);

/// The base commit's own results: from the ledger, or run now. Jobs on the same base share one run.
[[nodiscard]] Step<std::vector<CheckResult>> baseline(Shop& shop, const Job& job, const Groundwork& ground,
                                                      const sandbox::Control& control);

}  // namespace bot
