#pragma once

#include <string>
#include <vector>

#include "bot/evidence.hpp"
#include "bot/job.hpp"

/// Several tries for one issue: which is the best, by evidence.
namespace bot {

/// The tries side by side, by number; the best is marked. Better is, in this order: required checks green,
/// more tests fixed than broken, fewer test files changed or removed, fewer files, fewer bytes, lower number.
/// A try without a result is never the best.
[[nodiscard]] std::vector<Rival> compare(const std::vector<Job>& tries);

/// `refs/shopfloor/job-N/rival-K`: where a try's commit is kept.
[[nodiscard]] std::string rival_ref(JobId contest, int number);

}  // namespace bot
