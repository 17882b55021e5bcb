#include "bot/evidence.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "bot/visible_text.hpp"

namespace bot {

namespace {

using Outcomes = std::map<std::string, TestCase::Outcome>;
using Outcome = TestCase::Outcome;
using CheckVerdict = CheckResult::Verdict;

const CheckResult* find(const std::vector<CheckResult>& results, const std::string& name) {
    const auto found = std::ranges::find(results, name, &CheckResult::name);
    return found == results.end() ? nullptr : &*found;
}

bool passed(const CheckResult& result) { return result.verdict == CheckVerdict::passed; }

/// It came to its own end, so that a test missing from its report did not run.
bool complete(const CheckResult& result) {
    return result.verdict == CheckVerdict::passed || result.verdict == CheckVerdict::failed;
}

Outcomes outcomes(const CheckResult& result) {
    Outcomes all;
    if (result.tests)
        for (const auto& test : *result.tests) all.emplace(test.id, test.outcome);
    return all;
}

std::set<std::string> failing(const CheckResult& result) {
    std::set<std::string> names;
    if (result.tests)
        for (const auto& test : *result.tests)
            if (test.outcome == Outcome::failed) names.insert(test.id);
    return names;
}

/// Tests that ended differently in two runs of the same tree.
std::vector<std::string> unsteady(const CheckResult& once, const CheckResult& again) {
    std::vector<std::string> names;
    if (!once.tests || !again.tests) return names;
    const auto second = outcomes(again);
    for (const auto& [id, outcome] : outcomes(once))
        if (const auto other = second.find(id); other != second.end() && other->second != outcome)
            names.push_back(id);
    return names;
}

void compare_tests(Comparison& comparison) {
    if (!comparison.head.tests || !comparison.base || !comparison.base->tests) return;
    const auto base = outcomes(*comparison.base);
    const auto head = outcomes(comparison.head);
    const std::set<std::string> flaky(comparison.tests_flaky.begin(), comparison.tests_flaky.end());
    for (const auto& [id, now] : head) {
        if (flaky.contains(id)) continue;
        const auto before = base.find(id);
        const bool failed_before = before != base.end() && before->second == Outcome::failed;
        if (now == Outcome::failed)
            (failed_before ? comparison.tests_still_failing : comparison.tests_broken).push_back(id);
        else if (now == Outcome::passed && failed_before)
            comparison.tests_fixed.push_back(id);
        else if (now == Outcome::skipped && before != base.end() && before->second != Outcome::skipped)
            comparison.tests_skipped.push_back(id);
    }
    if (!complete(comparison.head)) return;
    for (const auto& [id, before] : base)
        if (before != Outcome::skipped && !head.contains(id)) comparison.tests_gone.push_back(id);
}

/// Two red runs of one tree are the change's doing when they are red for one reason at least.
bool same_reason(const CheckResult& once, const CheckResult& again) {
    if (!once.tests || !again.tests) return true;
    const auto first = failing(once), second = failing(again);
    if (first.empty() || second.empty()) return true;  // red without a failing test: the command itself
    return std::ranges::any_of(first, [&](const auto& name) { return second.contains(name); });
}

bool is_flaky(const CheckResult& once, const CheckResult* again) {
    if (again == nullptr || again->verdict == CheckVerdict::not_run) return false;
    if (passed(once) != passed(*again)) return true;
    return passed(once) ? !unsteady(once, *again).empty() : !same_reason(once, *again);
}

Change change_of(const Comparison& comparison, bool flaky) {
    if (flaky) return Change::flaky;
    if (!comparison.base || comparison.base->verdict == CheckVerdict::not_run) return Change::only_on_head;
    const bool before = passed(*comparison.base), now = passed(comparison.head);
    if (now) return before ? Change::still_passing : Change::fixed;
    // Red before and red now, and yet worse: a test that failed nowhere before.
    return before || !comparison.tests_broken.empty() ? Change::newly_broken : Change::still_failing;
}

Comparison compare(const config::Check& check, const JudgeInput& input) {
    Comparison comparison{.check = check.name, .gate = check.gate};
    if (const auto* base = find(input.base, check.name)) comparison.base = *base;
    comparison.head.name = check.name;
    bool flaky = false;
    if (const auto* head = find(input.head, check.name)) {
        comparison.head = *head;
        const auto* again = find(input.head_again, check.name);
        flaky = is_flaky(*head, again);
        if (again != nullptr) comparison.tests_flaky = unsteady(*head, *again);
        if (flaky && !passed(*head) && passed(*again)) comparison.head = *again;
    }
    compare_tests(comparison);
    comparison.change = change_of(comparison, flaky);
    return comparison;
}

}  // namespace

Evidence judge(const JudgeInput& input) {
    Evidence evidence{.base_commit = input.base_commit,
                      .head_commit = {},
                      .checks = {},
                      .touched = input.touched,
                      .base_tests_on_head = input.base_tests_on_head};
    for (const auto& check : input.recipe.checks) evidence.checks.push_back(compare(check, input));
    return evidence;
}

bool Evidence::green() const {
    return std::ranges::all_of(
        checks, [](const auto& each) { return each.gate == config::Gate::advisory || passed(each.head); });
}

std::vector<std::string> doubtful(const config::Recipe& recipe, const std::vector<CheckResult>& base,
                                  const std::vector<CheckResult>& head) {
    std::vector<std::string> names;
    for (const auto& check : recipe.checks) {
        const auto* now = find(head, check.name);
        if (now == nullptr || passed(*now) || now->verdict == CheckVerdict::not_run) continue;
        const auto* before = find(base, check.name);
        const bool just_as_before =
            before != nullptr && before->verdict == now->verdict &&
            before->tests.has_value() == now->tests.has_value() &&
            (now->tests ? failing(*before) == failing(*now) : before->exit_code == now->exit_code);
        if (!just_as_before) names.push_back(check.name);
    }
    return names;
}

namespace {

constexpr std::size_t feedback_limit = 16 * 1024;  ///< bytes
constexpr std::size_t most_tests_told = 20;

std::string_view words(CheckVerdict verdict) {
    switch (verdict) {
        case CheckVerdict::passed:
            return "passed";
        case CheckVerdict::failed:
            return "failed";
        case CheckVerdict::timed_out:
            return "did not end in its time";
        case CheckVerdict::out_of_memory:
            return "ran out of memory";
        case CheckVerdict::not_run:
            return "could not be run";
    }
    return {};
}

std::string cut(std::string_view text, std::size_t most) {
    if (text.size() <= most) return std::string(text);
    while (most > 0 && (static_cast<unsigned char>(text[most]) & 0xC0U) == 0x80U) --most;
    return std::string(text.substr(0, most)) + "\n[shortened]";
}

std::string tail(std::string_view text, std::size_t most) {
    if (text.size() <= most) return std::string(text);
    auto begin = text.size() - most;
    while (begin < text.size() && (static_cast<unsigned char>(text[begin]) & 0xC0U) == 0x80U) ++begin;
    return "[shortened]\n" + std::string(text.substr(begin));
}

std::string list(const std::vector<std::string>& names) {
    std::string text;
    for (std::size_t i = 0; i < names.size() && i < most_tests_told; ++i)
        text += (i == 0 ? "" : ", ") + names[i];
    if (names.size() > most_tests_told) text += fmt::format(" and {} more", names.size() - most_tests_told);
    return text;
}

std::string told(const Comparison& comparison, std::size_t most) {
    const auto& head = comparison.head;
    auto text = fmt::format(
        "## {}: {}{}\n\n", comparison.check, words(head.verdict),
        head.verdict == CheckVerdict::failed ? fmt::format(" (exit status {})", head.exit_code) : "");
    if (comparison.change == Change::newly_broken && comparison.base && passed(*comparison.base))
        text += "It passes on the base commit, so the change broke it.\n";
    if (comparison.change == Change::still_failing) text += "It fails on the base commit too.\n";
    if (!comparison.tests_broken.empty())
        text += "Newly failing tests: " + list(comparison.tests_broken) + "\n";
    if (!comparison.tests_still_failing.empty())
        text +=
            "Tests that already failed on the base commit: " + list(comparison.tests_still_failing) + "\n";
    std::size_t shown = 0;
    if (head.tests)
        for (const auto& test : *head.tests)
            if (test.outcome == Outcome::failed && !test.message.empty() && shown++ < most_tests_told)
                text += fmt::format("\n### {}{}\n{}\n", test.id,
                                    test.file.empty() ? "" : fmt::format(" ({}:{})", test.file, test.line),
                                    cut(test.message, 600));
    text = cut(text, most / 2);
    if (!head.log_tail.empty())
        text += "\nThe end of its output:\n\n" + tail(head.log_tail, most - text.size()) + "\n";
    return text + "\n";
}

}  // namespace

std::string feedback(const Evidence& evidence) {
    std::vector<const Comparison*> red;
    std::vector<std::string> already;
    for (const auto& each : evidence.checks) {
        if (each.gate == config::Gate::advisory || passed(each.head)) continue;
        red.push_back(&each);
        if (each.change == Change::still_failing) already.push_back(each.check);
    }
    if (red.empty()) return {};
    std::string text = "These required checks are red on your change:\n\n";
    const auto share = (feedback_limit - 1024) / red.size();
    for (const auto* each : red) {
        if (share < 256)
            text += fmt::format("- {}: {}\n", cut(each->check, 120), words(each->head.verdict));
        else
            text += told(*each, share - 128);
    }
    if (!already.empty()) text += "Red on the base commit already: " + cut(list(already), 400) + ".\n";
    text += "Mend the code so that they pass. Do not delete, skip or weaken tests.\n";
    return cut(text, feedback_limit - 16);
}

}  // namespace bot
