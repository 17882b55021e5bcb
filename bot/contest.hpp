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

// Where commits are kept beside the branches. The commit is in the name: job numbers may begin anew, or
// belong to another installation.
[[nodiscard]] std::string rival_ref(JobId contest, int number, const std::string& commit);
/// Of what a later cycle of the job replaces; `number` from 1.
[[nodiscard]] std::string try_ref(JobId job, int number, const std::string& commit);

}  // namespace bot
