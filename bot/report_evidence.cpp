#include <fmt/format.h>

#include <algorithm>
#include <span>

#include "bot/report.hpp"
#include "bot/report_words.hpp"
#include "bot/sentences.hpp"
#include "bot/visible_text.hpp"

namespace bot::report {

namespace {

using fmt::literals::operator""_a;
using CheckVerdict = CheckResult::Verdict;

constexpr std::size_t most_rows = 50;
constexpr std::size_t most_names = 10;
constexpr std::size_t most_failures = 20;
constexpr std::size_t most_logs = 3;

bool passed(const CheckResult& result) { return result.verdict == CheckVerdict::passed; }

std::string verdict_words(const CheckResult& result) {
    switch (result.verdict) {
        case CheckVerdict::passed:
            return std::string(sentence::check_passes);
        case CheckVerdict::failed:
            return fmt::format(sentence::check_fails, result.exit_code);
        case CheckVerdict::timed_out:
            return std::string(sentence::check_out_of_time);
        case CheckVerdict::out_of_memory:
            return std::string(sentence::check_out_of_memory);
        case CheckVerdict::not_run:
            return std::string(sentence::check_not_run);
    }
    return {};
}

std::string test_counts(const CheckResult& result) {
    if (!result.tests) return {};
    const auto of = [&](TestCase::Outcome outcome) {
        return number(std::ranges::count(*result.tests, outcome, &TestCase::outcome));
    };
    auto text = fmt::format(sentence::of_tests, Number{result.tests->size()});
    if (const auto failed = of(TestCase::Outcome::failed); failed.value > 0)
        text += fmt::format(sentence::of_tests_failed, failed);
    if (const auto skipped = of(TestCase::Outcome::skipped); skipped.value > 0)
        text += fmt::format(sentence::of_tests_skipped, skipped);
    return text;
}

std::string side(const std::optional<CheckResult>& result) {
    return result ? verdict_words(*result) + test_counts(*result) : std::string(sentence::check_not_known);
}

std::string_view change_words(Change change) {
    switch (change) {
        case Change::still_passing:
            return sentence::still_passes;
        case Change::fixed:
            return sentence::is_fixed;
        case Change::newly_broken:
            return sentence::newly_broken;
        case Change::still_failing:
            return sentence::still_fails;
        case Change::flaky:
            return sentence::is_flaky;
        case Change::only_on_head:
            return sentence::no_baseline;
    }
    return {};
}

std::string spans(const std::vector<std::string>& names) {
    std::vector<std::string> all;
    for (const auto& each : names) all.push_back(code(each, 120));
    return row_of(all, most_names);
}

/// What takes a check's name, how many tests, and which.
using OfTests = fmt::format_string<decltype("check"_a = std::string()), decltype("number"_a = Number()),
                                   decltype("names"_a = std::string())>;

std::string note(OfTests sentence, const std::string& check, const std::vector<std::string>& tests) {
    if (tests.empty()) return {};
    return item(fmt::format(sentence, "check"_a = code(check, 60), "number"_a = Number{tests.size()},
                            "names"_a = spans(tests)));
}

std::string notes(const Comparison& each) {
    std::string text;
    if (each.change == Change::flaky)
        text += item(passed(each.head) ? fmt::format(sentence::differs_and_passed, code(each.check, 60))
                                       : fmt::format(sentence::differs, code(each.check, 60)));
    text += note(sentence::tests_fixed, each.check, each.tests_fixed);
    text += note(sentence::tests_broken, each.check, each.tests_broken);
    text += note(sentence::tests_still_failing, each.check, each.tests_still_failing);
    text += note(sentence::tests_flaky, each.check, each.tests_flaky);
    if (!each.head.junit_problem.empty())
        text += item(fmt::format(sentence::no_single_tests, "check"_a = code(each.check, 60),
                                 "why"_a = foreign(each.head.junit_problem, 200)));
    return text;
}

std::string failure(const std::string& check, const TestCase& test) {
    const auto name = code(test.id, 160);
    auto text =
        test.file.empty()
            ? fmt::format(sentence::failing_test, "test"_a = name, "check"_a = code(check, 60))
            : fmt::format(
                  sentence::failing_test_at, "test"_a = name, "check"_a = code(check, 60),
                  "place"_a = code(test.file + (test.line > 0 ? ":" + std::to_string(test.line) : ""), 200));
    text += "\n\n";
    if (!test.message.empty()) text += fenced(test.message, 600) + "\n\n";
    return text;
}

std::string failures(const Evidence& evidence, std::uint64_t& told) {
    std::string text;
    for (const auto& each : evidence.checks) {
        if (!each.head.tests) continue;
        for (const auto& test : *each.head.tests)
            if (test.outcome == TestCase::Outcome::failed && ++told <= most_failures)
                text += failure(each.check, test);
    }
    if (told > most_failures)
        text += fmt::format(sentence::more_failing_tests, Number{told - most_failures}) + "\n\n";
    return text;
}

std::string folded(const std::string& title, const std::string& inside) {
    return fmt::format("<details>\n<summary>{}</summary>\n\n{}\n</details>\n\n", title, inside);
}

/// The first rows of a table, or what is told of these.
std::span<const Comparison> shown(const Evidence& evidence) {
    return std::span(evidence.checks).first(std::min(evidence.checks.size(), most_rows));
}

using OfFiles = fmt::format_string<decltype("number"_a = Number()), decltype("names"_a = std::string())>;

std::string files(OfFiles sentence, const std::vector<std::string>& paths) {
    if (paths.empty()) return {};
    return item(fmt::format(sentence, "number"_a = Number{paths.size()}, "names"_a = spans(paths)));
}

}  // namespace

std::string evidence_headline(const Evidence& evidence) {
    std::uint64_t required = 0, red = 0;
    for (const auto& each : evidence.checks) {
        if (each.gate != config::Gate::required) continue;
        ++required;
        if (!passed(each.head)) ++red;
    }
    if (required == 0)
        return std::string(evidence.checks.empty() ? sentence::no_checks : sentence::no_check_required);
    if (red > 0)
        return fmt::format(sentence::required_checks_red, "red"_a = Number{red}, "all"_a = Number{required});
    if (required == 1) return std::string(sentence::required_check_passes);
    return required == 2 ? std::string(sentence::both_required_checks_pass)
                         : fmt::format(sentence::all_required_checks_pass, Number{required});
}

std::string evidence_table(const Evidence& evidence) {
    if (evidence.checks.empty()) return std::string(sentence::nothing_proven) + "\n";
    std::string text(sentence::evidence_columns);
    std::string more;
    for (const auto& each : shown(evidence)) {
        const auto check = cell(each.check, 60);
        text += fmt::format(
            "| {} | {} | {} | {} | {} |\n",
            each.gate == config::Gate::advisory ? fmt::format(sentence::advisory_check, check) : check,
            side(each.base), side(each.head), change_words(each.change), duration(each.head.duration));
        more += notes(each);
    }
    if (evidence.checks.size() > most_rows)
        text +=
            "\n" + fmt::format(sentence::further_checks, Number{evidence.checks.size() - most_rows}) + "\n";
    return more.empty() ? text : text + "\n" + more;
}

std::string evidence_details(const Evidence& evidence) {
    std::string text;
    std::uint64_t told = 0;
    const auto failing = failures(evidence, told);
    if (told > 0) text += folded(fmt::format(sentence::failing_tests, Number{told}), failing);
    std::size_t logs = 0;
    for (const auto& each : evidence.checks) {
        if (passed(each.head) || each.head.log_tail.empty() || ++logs > most_logs) continue;
        text += folded(fmt::format(sentence::output_of_a_red_check, logs),
                       code(each.check, 60) + "\n\n" + fenced(each.head.log_tail, 3000) + "\n");
    }
    return text;
}

std::string tests_touched(const Evidence& evidence) {
    const auto& touched = evidence.touched;
    auto text = files(sentence::test_files_added, touched.added) +
                files(sentence::test_files_changed, touched.changed) +
                files(sentence::test_files_removed, touched.removed);
    for (const auto& each : shown(evidence)) {
        text += note(sentence::tests_gone, each.check, each.tests_gone);
        text += note(sentence::tests_skipped, each.check, each.tests_skipped);
    }
    if (evidence.base_tests_on_head.empty()) return text;

    text.append("\n").append(sentence::old_tests_on_new_code);
    std::size_t rows = 0;
    for (const auto& old : evidence.base_tests_on_head) {
        if (++rows > most_rows) break;
        const auto now = std::ranges::find(evidence.checks, old.name, &Comparison::check);
        text += fmt::format("| {} | {} | {} |\n", cell(old.name, 60),
                            side(now == evidence.checks.end() ? std::nullopt : std::optional(now->head)),
                            side(old));
    }
    return text;
}

}  // namespace bot::report
