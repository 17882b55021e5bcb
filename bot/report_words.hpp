#pragma once

#include <fmt/format.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
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
/// "$0.42".
[[nodiscard]] std::string dollars(double amount);
/// A number in a sentence: `{n}` is "1,234", `{n:# test|# tests}` one of two forms, for one and for the rest,
/// with the number in the place of `#`.
struct Number {
    std::uint64_t value = 0;
};
/// Below zero is none.
[[nodiscard]] Number number(std::int64_t value);
/// The first ten digits of a commit id as a code span.
[[nodiscard]] std::string commit(std::string_view id);

/// A line of a list.
[[nodiscard]] std::string item(std::string_view text);
/// The first of these code spans, in a row, and how many more there are.
[[nodiscard]] std::string row_of(const std::vector<std::string>& spans, std::size_t most);
/// A list of code spans, a line each; the first thirty.
[[nodiscard]] std::string path_list(const std::vector<std::string>& paths);
[[nodiscard]] std::string profile_names(const std::vector<config::AgentProfile>& profiles);
/// A summary of the agent's, harmless; or that there is none.
[[nodiscard]] std::string summary_words(const Verdict& verdict, std::size_t limit);
/// A sentence, after a blank, for a pull request that is still a draft although it is green; else empty.
[[nodiscard]] std::string_view draft_words(const Verdict& verdict, bool draft);

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

template <>
struct fmt::formatter<bot::report::Number> {
    constexpr auto parse(fmt::format_parse_context& context) {
        const auto* at = context.begin();
        if (at == context.end() || *at == '}') return at;
        const auto* bar = at;
        while (bar != context.end() && *bar != '|' && *bar != '}') ++bar;
        if (bar == context.end() || *bar != '|') throw fmt::format_error("a number has two forms");
        const auto* end = bar;
        while (end != context.end() && *end != '}') ++end;
        one_ = {at, bar};
        more_ = {bar + 1, end};
        return end;
    }
    fmt::format_context::iterator format(bot::report::Number number, fmt::format_context& context) const;

 private:
    std::string_view one_ = "#", more_ = "#";
};
