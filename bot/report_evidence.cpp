#include <fmt/format.h>

#include <algorithm>

#include "bot/report.hpp"
#include "bot/report_words.hpp"
#include "bot/visible_text.hpp"

namespace bot::report {

namespace {

using CheckVerdict = CheckResult::Verdict;

constexpr std::size_t most_rows = 50;
constexpr std::size_t most_names = 10;
constexpr std::size_t most_failures = 20;
constexpr std::size_t most_logs = 3;

bool passed(const CheckResult& result) { return result.verdict == CheckVerdict::passed; }

std::string verdict_words(const CheckResult& result) {
    switch (result.verdict) {
        case CheckVerdict::passed:
            return "✅ passes";
        case CheckVerdict::failed:
            return fmt::format("❌ fails (exit status {})", result.exit_code);
        case CheckVerdict::timed_out:
            return "❌ runs out of time";
        case CheckVerdict::out_of_memory:
            return "❌ runs out of memory";
        case CheckVerdict::not_run:
            return "⚠️ was not run";
    }
    return {};
}

std::string test_counts(const CheckResult& result) {
    if (!result.tests) return {};
    const auto of = [&](TestCase::Outcome outcome) {
        return static_cast<std::uint64_t>(std::ranges::count(*result.tests, outcome, &TestCase::outcome));
    };
    auto text = fmt::format(", {}", count(result.tests->size(), "test"));
    if (const auto failed = of(TestCase::Outcome::failed); failed > 0)
        text += fmt::format(", {} failed", grouped(failed));
    if (const auto skipped = of(TestCase::Outcome::skipped); skipped > 0)
        text += fmt::format(", {} skipped", grouped(skipped));
    return text;
}

std::string side(const std::optional<CheckResult>& result) {
    return result ? verdict_words(*result) + test_counts(*result) : "not known";
}

std::string change_words(Change change) {
    switch (change) {
        case Change::still_passing:
            return "✅ still passes";
        case Change::fixed:
            return "✅ **fixed**";
        case Change::newly_broken:
            return "❌ **newly broken**";
        case Change::still_failing:
            return "❌ still fails";
        case Change::flaky:
            return "⚠️ **flaky**";
        case Change::only_on_head:
            return "no baseline";
    }
    return {};
}

std::string names(const std::vector<std::string>& all) {
    std::string text;
    for (std::size_t i = 0; i < all.size() && i < most_names; ++i)
        text += (i == 0 ? "" : ", ") + code(all[i], 120);
    if (all.size() > most_names) text += fmt::format(" and {} more", grouped(all.size() - most_names));
    return text;
}

void note(std::string& text, const std::string& check, std::string_view what,
          const std::vector<std::string>& tests) {
    if (!tests.empty())
        text += fmt::format("- {}: {} {}: {}\n", code(check, 60), count(tests.size(), "test"), what,
                            names(tests));
}

std::string notes(const Evidence& evidence) {
    std::string text;
    std::size_t rows = 0;
    for (const auto& each : evidence.checks) {
        if (++rows > most_rows) break;
        if (each.change == Change::flaky)
            text += fmt::format("- {}: two runs of this very commit ended differently{}.\n",
                                code(each.check, 60), passed(each.head) ? "; one of them passed" : "");
        note(text, each.check, "fixed", each.tests_fixed);
        note(text, each.check, "newly failing", each.tests_broken);
        note(text, each.check, "failing before and after", each.tests_still_failing);
        note(text, each.check, "flaky (differs between two runs of this commit)", each.tests_flaky);
        if (!each.head.junit_problem.empty())
            text += fmt::format("- {}: no single tests are known: {}\n", code(each.check, 60),
                                foreign(each.head.junit_problem, 200));
    }
    return text;
}

std::string failures(const Evidence& evidence, std::uint64_t& told) {
    std::string text;
    for (const auto& each : evidence.checks) {
        if (!each.head.tests) continue;
        for (const auto& test : *each.head.tests) {
            if (test.outcome != TestCase::Outcome::failed || ++told > most_failures) continue;
            text += fmt::format("**{}** in {}", code(test.id, 160), code(each.check, 60));
            if (!test.file.empty())
                text += ", " + code(test.file + (test.line > 0 ? ":" + std::to_string(test.line) : ""), 200);
            text += "\n\n";
            if (!test.message.empty()) text += fenced(test.message, 600) + "\n\n";
        }
    }
    if (told > most_failures) text += fmt::format("And {} more.\n\n", grouped(told - most_failures));
    return text;
}

std::string folded(const std::string& title, const std::string& inside) {
    return "<details>\n<summary>" + title + "</summary>\n\n" + inside + "\n</details>\n\n";
}

}  // namespace

std::string evidence_headline(const Evidence& evidence) {
    std::uint64_t required = 0, red = 0;
    for (const auto& each : evidence.checks) {
        if (each.gate != config::Gate::required) continue;
        ++required;
        if (!passed(each.head)) ++red;
    }
    if (required == 0) return evidence.checks.empty() ? "There are no checks" : "No check is required";
    if (red > 0)
        return fmt::format("{} of {} {} red", red, count(required, "required check"),
                           red == 1 ? "is" : "are");
    if (required == 1) return "The required check passes";
    return required == 2 ? "Both required checks pass"
                         : fmt::format("All {} pass", count(required, "required check"));
}

std::string evidence_table(const Evidence& evidence) {
    if (evidence.checks.empty())
        return "The repository has no checks, so nothing is proven here. Add some to `.shopfloor.yml`: "
               "they are run on the base commit and on every change.\n";
    std::string text = "| Check | Base | This branch | Change | Time |\n| --- | --- | --- | --- | --- |\n";
    std::size_t rows = 0;
    for (const auto& each : evidence.checks) {
        if (++rows > most_rows) break;
        text += fmt::format("| {}{} | {} | {} | {} | {} |\n", cell(each.check, 60),
                            each.gate == config::Gate::advisory ? " (advisory)" : "", side(each.base),
                            side(each.head), change_words(each.change), duration(each.head.duration));
    }
    if (evidence.checks.size() > most_rows)
        text +=
            fmt::format("\n{} are not shown.\n", count(evidence.checks.size() - most_rows, "further check"));
    const auto more = notes(evidence);
    return more.empty() ? text : text + "\n" + more;
}

std::string evidence_details(const Evidence& evidence) {
    std::string text;
    std::uint64_t told = 0;
    const auto failing = failures(evidence, told);
    if (told > 0) text += folded(fmt::format("Failing tests ({})", grouped(told)), failing);
    std::size_t logs = 0;
    for (const auto& each : evidence.checks) {
        if (passed(each.head) || each.head.log_tail.empty() || ++logs > most_logs) continue;
        text += folded(fmt::format("End of the output of red check {}", logs),
                       code(each.check, 60) + "\n\n" + fenced(each.head.log_tail, 3000) + "\n");
    }
    return text;
}

std::string tests_touched(const Evidence& evidence) {
    std::string text;
    const auto& touched = evidence.touched;
    const auto files = [&](std::string_view what, const std::vector<std::string>& paths) {
        if (!paths.empty())
            text += fmt::format("- {} {}: {}\n", count(paths.size(), "test file"), what, names(paths));
    };
    files("added", touched.added);
    files("changed", touched.changed);
    files("removed", touched.removed);
    std::size_t rows = 0;
    for (const auto& each : evidence.checks) {
        if (++rows > most_rows) break;
        note(text, each.check, "⚠️ ran on base and **do not exist any more**", each.tests_gone);
        note(text, each.check, "⚠️ ran on base and **are skipped now**", each.tests_skipped);
    }
    if (evidence.base_tests_on_head.empty()) return text;

    text +=
        "\nSo that changed tests cannot hide a broken program, the checks were also run on this branch with "
        "the test "
        "files as they are on the base commit:\n\n| Check | With this branch's tests | With the base's tests "
        "|\n"
        "| --- | --- | --- |\n";
    rows = 0;
    for (const auto& old : evidence.base_tests_on_head) {
        if (++rows > most_rows) break;
        const auto now = std::ranges::find(evidence.checks, old.name, &Comparison::check);
        text += fmt::format("| {} | {} | {} |\n", cell(old.name, 60),
                            now == evidence.checks.end() ? "not known" : side(now->head), side(old));
    }
    return text;
}

}  // namespace bot::report
