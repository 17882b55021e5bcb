#include <doctest/doctest.h>
#include <fmt/format.h>

#include <string>
#include <vector>

#include "bot/evidence.hpp"
#include "bot/report.hpp"
#include "bot/report_words.hpp"
#include "bot/sentences.hpp"
#include "tests/bot/report_samples.hpp"

// What is said seldom: one of something where there are mostly more, or the other way round, and what is left
// out where there is too much.

using namespace bot;      // NOLINT: the tests read as sentences
using namespace samples;  // NOLINT

namespace {

using CheckVerdict = CheckResult::Verdict;
using Outcome = TestCase::Outcome;

Comparison passing(const std::string& name) {
    return {.check = name,
            .base = result(name, CheckVerdict::passed),
            .head = result(name, CheckVerdict::passed)};
}

Evidence of_checks(std::size_t number) {
    Evidence evidence;
    for (std::size_t i = 1; i <= number; ++i) evidence.checks.push_back(passing(fmt::format("check {}", i)));
    return evidence;
}

std::string below_table(const std::string& text) { return text.substr(text.rfind("|\n") + 3); }

Evidence with_trouble(const std::vector<std::string>& problems) {
    Evidence evidence;
    for (const auto& problem : problems) {
        evidence.checks.push_back(passing(fmt::format("check {}", evidence.checks.size() + 1)));
        evidence.checks.back().head.junit_problem = problem;
    }
    return evidence;
}

}  // namespace

TEST_CASE("a status comment is true before and after what mostly happens") {
    auto one = job(JobState::working);
    one.phase = "workspace";
    check_golden("status_preparing", report::status(one, {}, 0, at(4)));
    one.phase = "setup";
    check_golden("status_in_setup", report::status(one, {}, 0, at(4)));
    check_golden("status_of_a_try", report::status(job(JobState::judged), {}, 0, at(9)));
    auto held = job(JobState::queued);
    held.retry_at = at(5);
    held.reason = report::day_budget_spent();
    check_golden("status_held_back_until", report::status(held, {}, 1, at(2)));
    auto tried = job(JobState::judged);
    tried.try_number = 1;
    auto other = job(JobState::working);
    other.try_number = 2;
    other.assignment.profile = "claude";
    check_golden("status_competing_with_a_result",
                 report::status(job(JobState::competing), {}, 0, at(4), {}, {tried, other}));
    const auto merged = with_pull_request(JobState::merged);
    const Run priced{.profile = "codex", .usage = {.cost_usd = 0.21}};
    check_golden("status_merged_at_once", report::status(merged, {}, 0, at(30)));
    check_golden("status_merged_twice", report::status(merged, {{}, {}}, 0, at(30)));
    check_golden("status_merged_with_cost", report::status(merged, {priced}, 0, at(30)));
    check_golden("status_merged_with_costs", report::status(merged, {priced, priced}, 0, at(30)));
    std::string labels;
    for (const auto& label : report::all_state_labels({})) labels += "- " + report::code(label) + "\n";
    check_golden("labels", labels);
}

TEST_CASE("the title of a check run counts its checks") {
    std::string titles;
    const auto add = [&](const Evidence& evidence) {
        titles += "- " + report::check_report(job(JobState::publishing), {.evidence = evidence}).title + "\n";
    };
    for (const std::size_t checks : {0UZ, 1UZ, 2UZ, 3UZ}) add(of_checks(checks));
    auto advisory = of_checks(1);
    advisory.checks[0].gate = config::Gate::advisory;
    add(advisory);
    auto red = of_checks(3);
    red.checks[0].head.verdict = red.checks[1].head.verdict = CheckVerdict::failed;
    add(red);
    check_golden("check_titles", titles);
}

TEST_CASE("a table of checks tells every way in which one can end") {
    auto evidence = of_checks(5);
    const auto end = [&](std::size_t number, CheckVerdict base, CheckVerdict head, Change change) {
        auto& check = evidence.checks.at(number);
        check.base = result(check.check, base);
        check.head = result(check.check, head);
        check.change = change;
    };
    end(0, CheckVerdict::failed, CheckVerdict::timed_out, Change::still_failing);
    end(1, CheckVerdict::passed, CheckVerdict::out_of_memory, Change::newly_broken);
    end(2, CheckVerdict::passed, CheckVerdict::not_run, Change::newly_broken);
    end(3, CheckVerdict::passed, CheckVerdict::failed, Change::flaky);
    end(4, CheckVerdict::passed, CheckVerdict::passed, Change::only_on_head);
    evidence.checks[4].base.reset();
    evidence.checks[3].tests_flaky = {"a"};
    evidence.checks[4].tests_flaky = {"a", "b"};
    check_golden("evidence_of_all_ends", report::evidence_table(evidence));
    check_golden("evidence_of_51_checks", below_table(report::evidence_table(of_checks(51))));
    check_golden("evidence_of_52_checks", below_table(report::evidence_table(of_checks(52))));

    auto many = of_checks(1);
    auto& tests = many.checks[0].head.tests.emplace();
    for (int i = 1; i <= 21; ++i) tests.push_back({.id = fmt::format("t{}", i), .outcome = Outcome::failed});
    check_golden("evidence_of_21_failing_tests", report::evidence_details(many));

    Evidence touched = of_checks(1);
    touched.touched = {.changed = {"c.py", "d.py"}, .added = {"a.py", "b.py"}, .removed = {"e.py", "f.py"}};
    touched.checks[0].tests_gone = touched.checks[0].tests_skipped = {"a", "b"};
    check_golden("tests_touched_twice", report::tests_touched(touched));
}

TEST_CASE("why single tests are not known is told") {
    std::vector<std::string> problems{std::string(sentence::junit_too_large),
                                      std::string(sentence::junit_too_many),
                                      std::string(sentence::junit_unreadable)};
    for (const auto* xml : {"", "<testsuite>", "<html/>"}) problems.push_back(parse_junit(xml).error());
    check_golden("evidence_without_single_tests", report::evidence_table(with_trouble(problems)));
}

TEST_CASE("a pull request tells of its other tries and of text that people do not see") {
    auto one = with_pull_request(JobState::publishing);
    one.assignment.title.clear();
    one.assignment.hidden_stripped = 2;
    auto verdict = green();
    verdict.rivals = {
        {.number = 1, .head_commit = "a", .green = true, .files = 1, .bytes = 1, .chosen = true},
        {.number = 2, .outcome = "answered", .head_commit = {}}};
    check_golden("pull_request_of_several_tries", report::pull_request_body(one, verdict, "agent"));
    check_golden("pull_request_title_without_words", report::pull_request_title(one));
    verdict.refused_hosts.assign(
        31, {.name = "a.example", .why = "not allowed by the recipe", .step = "agent", .times = 2});
    const auto refused = report::pull_request_body(one, verdict, "agent");
    check_golden("pull_request_with_many_refused_hosts", refused.substr(refused.find("## Hosts refused")));

    verdict.assumptions.assign(20, std::string(400, '_'));
    verdict.evidence.touched.changed.assign(10, std::string(120, 'p'));
    verdict.evidence.checks.assign(50, verdict.evidence.checks[1]);
    for (auto& check : verdict.evidence.checks)
        check.tests_broken = check.tests_fixed = std::vector<std::string>(10, std::string(120, 't'));
    const auto longest = report::pull_request_body(one, verdict, "agent");
    check_golden("pull_request_too_long", longest.substr(longest.rfind("\n\n") + 2));
}

TEST_CASE("of several tries the last words are told too") {
    std::string lines;
    for (const auto& words :
         {report::try_needs_a_person(WaitsFor::answer), report::try_needs_a_person(WaitsFor::run_budget),
          report::no_such_try({}), report::no_such_profile("gpt", {{.name = "codex"}})})
        lines += "- " + words + "\n";
    check_golden("last_words", lines);
    auto review = with_pull_request(JobState::review);
    auto verdict = green();
    verdict.rivals = {{.number = 1, .chosen = true}, {.number = 2}};
    review.verdict = to_json(verdict);
    check_golden("help_on_several_tries", report::help({.trigger_label = "agent",
                                                        .profiles = {},
                                                        .not_understood = {},
                                                        .may_write = true,
                                                        .may_stop = true,
                                                        .job = &review}));
}

TEST_CASE("why tells of everything that was asked for and of every run") {
    using What = Ask::What;
    using Kind = Run::Kind;
    auto one = job(JobState::working);
    one.reason = sentence::reason_taken;
    one.infra_attempts = 1;
    const std::vector<Ask> asks{{.by = {.login = "eve"}, .what = What::start},
                                {.by = {.login = "bob"}},
                                {.by = {.login = "bob"}, .words = "2", .what = What::pick},
                                {.what = What::conflict},
                                {.what = What::stop}};
    const std::vector<Run> runs{
        {.number = 1, .profile = "codex", .started_at = at(1), .outcome = "finished"},
        {.number = 2, .kind = Kind::repair, .profile = "codex", .started_at = at(3), .outcome = "question"},
        {.number = 3, .kind = Kind::retry, .profile = "codex", .started_at = at(5)}};
    check_golden("why_of_everything", report::why(one, runs, asks));
    one.infra_attempts = 2;
    check_golden("why_after_two_attempts", report::why(one, {}, {}));
}
