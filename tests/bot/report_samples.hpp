#pragma once

#include <string>
#include <vector>

#include "bot/evidence.hpp"
#include "bot/job.hpp"
#include "bot/report.hpp"
#include "integrations/forge.hpp"

/// What the tests of reports tell of.
namespace samples {

/// The text as it stands in tests/bot/golden, where the forge says "pull request" and "#7". To take over a
/// change after reading it, run with SHOPFLOOR_ACCEPT=1: the files are written anew and nothing counts as
/// passed.
void check_golden(const std::string& name, const std::string& text);

/// A forge that says "merge request" and "!7".
[[nodiscard]] integrations::ForgeKind of_merge_requests();

[[nodiscard]] bot::Time at(int minutes);
[[nodiscard]] bot::Job job(bot::JobState state);
[[nodiscard]] bot::Job with_pull_request(bot::JobState state);
[[nodiscard]] bot::Job with_verdict(const bot::Verdict& verdict);
[[nodiscard]] bot::CheckResult result(std::string name, bot::CheckResult::Verdict verdict,
                                      std::vector<bot::TestCase> tests = {});
[[nodiscard]] bot::Verdict green();
[[nodiscard]] bot::Verdict red();

}  // namespace samples
