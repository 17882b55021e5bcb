#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "bot/evidence.hpp"
#include "bot/job.hpp"
#include "config/settings.hpp"

/// The small words that the reports share.
namespace bot::report {

/// "850 ms", "12 s", "3 min 4 s", "1 h 2 min".
[[nodiscard]] std::string duration(std::chrono::milliseconds time);
/// "2026-03-01 14:03 UTC".
[[nodiscard]] std::string moment(Time time);
/// "1 check", "3 checks".
[[nodiscard]] std::string count(std::uint64_t number, std::string_view thing);
/// 1234567 -> "1,234,567".
[[nodiscard]] std::string grouped(std::uint64_t number);
/// The first ten digits of a commit id as a code span.
[[nodiscard]] std::string commit(std::string_view id);

/// A list of code spans, a line each; the first thirty.
[[nodiscard]] std::string path_list(const std::vector<std::string>& paths);
[[nodiscard]] std::string profile_names(const std::vector<config::AgentProfile>& profiles);
/// A sentence, after a blank, for a pull request that is still a draft although it is green; else empty.
[[nodiscard]] std::string draft_words(const Verdict& verdict, bool draft);

/// `code` for a table, where a bar would end the cell.
[[nodiscard]] std::string cell(std::string_view text, std::size_t limit);

/// The table of checks on base and on this branch, and a sentence for each thing worth knowing about them.
[[nodiscard]] std::string evidence_table(const Evidence& evidence);
/// "All 3 required checks pass", "1 of 2 required checks is red".
[[nodiscard]] std::string evidence_headline(const Evidence& evidence);
/// Failing tests and the ends of red checks' outputs, folded.
[[nodiscard]] std::string evidence_details(const Evidence& evidence);
/// Test files touched, tests gone or skipped, and the old tests on the new code. Empty when there is nothing
/// to tell.
[[nodiscard]] std::string tests_touched(const Evidence& evidence);

}  // namespace bot::report
