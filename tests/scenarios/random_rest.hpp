#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "tests/scenarios/factory.hpp"
#include "tests/scenarios/random_steps.hpp"
#include "tests/scenarios/random_watch.hpp"

/// Where the bot's own book and what people see on the forge must agree.
namespace scenarios {

/// What is left to be understood, to be done or to be said.
[[nodiscard]] std::vector<std::string> unrest(const std::filesystem::path& ledger);
/// Nothing is.
[[nodiscard]] bool rests(const std::filesystem::path& ledger);

/// Issues with two jobs at once; deliveries that were put aside; reports that were given up.
[[nodiscard]] std::vector<std::string> wrong_in_ledger(const std::filesystem::path& ledger);

/// Of a factory that rests and was stopped: labels that nobody answered, jobs without their one status
/// comment or with another state than it tells, pull requests that no job knows or two do, damage.
[[nodiscard]] std::vector<std::string> wrong_at_rest(const Factory& factory, const Watch& watch,
                                                     const Play& play);

}  // namespace scenarios
