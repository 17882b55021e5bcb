#include <doctest/doctest.h>

#include <string>

#include "bot/evidence.hpp"

using namespace bot;  // NOLINT: the tests read as sentences
using Verdict_ = CheckResult::Verdict;
using Outcome = TestCase::Outcome;
using Names = std::vector<std::string>;

namespace {

constexpr auto passed = Verdict_::passed, failed = Verdict_::failed, timed_out = Verdict_::timed_out;

config::Recipe recipe(config::Gate gate = config::Gate::required) {
    return {.checks = {{.name = "unit", .command = "make test", .gate = gate}}};
}

CheckResult result(Verdict_ verdict, std::vector<std::pair<std::string, Outcome>> tests = {}) {
    CheckResult one{.name = "unit", .verdict = verdict, .exit_code = verdict == passed ? 0 : 1};
    if (!tests.empty()) {
        one.tests.emplace();
        for (auto& [id, outcome] : tests) one.tests->push_back({.id = id, .outcome = outcome});
    }
    return one;
}

Comparison compare(std::vector<CheckResult> base, std::vector<CheckResult> head,
                   std::vector<CheckResult> again = {}) {
    const auto rules = recipe();
    const auto evidence =
        judge({.recipe = rules, .base_commit = "b", .base = base, .head = head, .head_again = again});
    REQUIRE(evidence.checks.size() == 1);
    return evidence.checks.front();
}

bool green(std::vector<CheckResult> base, std::vector<CheckResult> head, std::vector<CheckResult> again = {},
           config::Gate gate = config::Gate::required) {
    const auto rules = recipe(gate);
    return judge({.recipe = rules, .base = base, .head = head, .head_again = again}).green();
}

}  // namespace

TEST_CASE("a check is compared by its verdicts on base and on head") {
    CHECK(compare({result(passed)}, {result(passed)}).change == Change::still_passing);
    CHECK(compare({result(failed)}, {result(passed)}).change == Change::fixed);
    CHECK(compare({result(passed)}, {result(failed)}).change == Change::newly_broken);
    CHECK(compare({result(passed)}, {result(timed_out)}).change == Change::newly_broken);
    CHECK(compare({result(failed)}, {result(failed)}).change == Change::still_failing);
    CHECK(compare({}, {result(passed)}).change == Change::only_on_head);
    CHECK(compare({result(Verdict_::not_run)}, {result(failed)}).change == Change::only_on_head);
}

TEST_CASE("a check that was not run on head is not green") {
    CHECK(compare({result(passed)}, {}).change == Change::newly_broken);
    CHECK_FALSE(green({result(passed)}, {}));
}

TEST_CASE("green means that every required check passes on head, whatever the base says") {
    CHECK(green({result(failed)}, {result(passed)}));
    CHECK_FALSE(green({result(failed)}, {result(failed)}));
    CHECK(green({result(passed)}, {result(failed)}, {}, config::Gate::advisory));
    CHECK(Evidence{}.green());
}

TEST_CASE("two runs of one tree that differ are flaky, and the better one counts") {
    const auto each = compare({result(passed)}, {result(failed)}, {result(passed)});
    CHECK(each.change == Change::flaky);
    CHECK(each.head.verdict == passed);
    CHECK(green({result(passed)}, {result(failed)}, {result(passed)}));
}

TEST_CASE("two red runs are not flaky when one test fails in both") {
    const auto each = compare({result(passed, {{"a", Outcome::passed}, {"b", Outcome::passed}})},
                              {result(failed, {{"a", Outcome::failed}, {"b", Outcome::failed}})},
                              {result(failed, {{"a", Outcome::failed}, {"b", Outcome::passed}})});
    CHECK(each.change == Change::newly_broken);
    CHECK(each.tests_broken == Names{"a"});
    CHECK(each.tests_flaky == Names{"b"});
}

TEST_CASE("two red runs with different failing tests are flaky and still not green") {
    const std::vector<CheckResult> once{result(failed, {{"a", Outcome::failed}, {"b", Outcome::passed}})};
    const std::vector<CheckResult> again{result(failed, {{"a", Outcome::passed}, {"b", Outcome::failed}})};
    CHECK(compare({result(passed)}, once, again).change == Change::flaky);
    CHECK_FALSE(green({result(passed)}, once, again));
}

TEST_CASE("tests are compared one by one") {
    const auto each = compare({result(failed, {{"fixed", Outcome::failed},
                                               {"stays red", Outcome::failed},
                                               {"breaks", Outcome::passed},
                                               {"gone", Outcome::passed},
                                               {"skipped now", Outcome::passed},
                                               {"never ran", Outcome::skipped}})},
                              {result(failed, {{"fixed", Outcome::passed},
                                               {"stays red", Outcome::failed},
                                               {"breaks", Outcome::failed},
                                               {"skipped now", Outcome::skipped},
                                               {"new and red", Outcome::failed}})});
    CHECK(each.tests_fixed == Names{"fixed"});
    CHECK(each.tests_still_failing == Names{"stays red"});
    CHECK(each.tests_broken == Names{"breaks", "new and red"});
    CHECK(each.tests_gone == Names{"gone"});
    CHECK(each.tests_skipped == Names{"skipped now"});
    CHECK(each.change == Change::newly_broken);
}

TEST_CASE("a check that was cut off says nothing of missing tests") {
    CHECK(compare({result(passed, {{"a", Outcome::passed}, {"b", Outcome::passed}})},
                  {result(timed_out, {{"a", Outcome::passed}})})
              .tests_gone.empty());
}

TEST_CASE("only what fails on head otherwise than on base is run a second time") {
    const auto rules = recipe();
    CHECK(doubtful(rules, {result(passed)}, {result(passed)}).empty());
    CHECK(doubtful(rules, {result(passed)}, {result(failed)}) == Names{"unit"});
    CHECK(doubtful(rules, {}, {result(timed_out)}) == Names{"unit"});
    CHECK(doubtful(rules, {result(failed)}, {result(failed)}).empty());
    CHECK(doubtful(rules, {result(failed, {{"a", Outcome::failed}})},
                   {result(failed, {{"b", Outcome::failed}})}) == Names{"unit"});
    CHECK(doubtful(rules, {result(failed)}, {result(passed)}).empty());
}

TEST_CASE("feedback tells the agent what is red, since when, and with which words") {
    const auto rules = recipe();
    auto head = result(failed, {{"sum", Outcome::failed}, {"old", Outcome::failed}});
    head.tests->front().message = "3 is not 4";
    head.tests->front().file = "till.py";
    head.tests->front().line = 9;
    head.log_tail = "make: *** [test] Error 1";
    const auto text =
        feedback(judge({.recipe = rules,
                        .base = {result(failed, {{"sum", Outcome::passed}, {"old", Outcome::failed}})},
                        .head = {head}}));
    for (const auto* words :
         {"unit: failed (exit status 1)", "Newly failing tests: sum",
          "already failed on the base commit: old", "sum (till.py:9)", "3 is not 4", "Error 1"})
        CHECK_MESSAGE(text.find(words) != std::string::npos, words);
    CHECK(feedback(judge({.recipe = rules, .base = {}, .head = {result(passed)}})).empty());
}

TEST_CASE("feedback is bounded, however much is red") {
    for (const int count : {1, 3, 20, 300}) {
        config::Recipe rules;
        std::vector<CheckResult> head;
        for (int i = 0; i < count; ++i) {
            const auto name = "check " + std::to_string(i) + " " + std::string(40, 'n');
            rules.checks.push_back({.name = name});
            head.push_back({.name = name, .verdict = failed, .log_tail = std::string(8000, 'l')});
            head.back().tests.emplace(30, TestCase{.id = std::string(500, 't'),
                                                   .outcome = Outcome::failed,
                                                   .message = std::string(2000, 'm')});
        }
        CHECK(feedback(judge({.recipe = rules, .base = {}, .head = head})).size() <= 16 * 1024);
    }
}

TEST_CASE("results and verdicts come back from JSON as they went in") {
    auto full = result(failed, {{"ä \"quoted\"", Outcome::skipped}});
    full.tests->front().message = "line\nbreak";
    full.tests->front().file = "a.py";
    full.tests->front().line = 3;
    full.duration = std::chrono::milliseconds(1234);
    full.log_tail = "tail";
    full.junit_problem = "none";
    const std::vector<CheckResult> results{full, result(Verdict_::out_of_memory), result(Verdict_::not_run)};
    CHECK(results_from_json(to_json(results)).value() == results);

    const auto rules = recipe();
    Verdict verdict{.evidence = judge({.recipe = rules,
                                       .base_commit = "b",
                                       .base = {result(passed)},
                                       .head = {full},
                                       .touched = {.changed = {"t.py"}},
                                       .base_tests_on_head = {result(passed)}}),
                    .title = "t",
                    .summary = "s",
                    .profile = "p",
                    .rounds = 3,
                    .assumptions = {"a"},
                    .proposed_recipe = "version: 1\n",
                    .image = "i",
                    .image_id = "sha256:1",
                    .agent_ms = 5,
                    .input_tokens = 1ULL << 63,
                    .cached_tokens = 2,
                    .output_tokens = 3,
                    .cost_usd = 0.25};
    CHECK(verdict_from_json(to_json(verdict)).value() == verdict);
    verdict.cost_usd.reset();
    CHECK(verdict_from_json(to_json(verdict)).value() == verdict);
}

TEST_CASE("bytes that are not UTF-8 do not keep a result from being stored") {
    auto one = result(failed);
    one.log_tail = "a\xFFz";
    CHECK(results_from_json(to_json({one})).value().front().log_tail == "a\uFFFDz");
}

TEST_CASE("stored JSON is read strictly") {
    CHECK_FALSE(results_from_json("{}"));
    CHECK_FALSE(results_from_json("[{}]"));
    CHECK_FALSE(results_from_json("not json"));
    CHECK_FALSE(verdict_from_json("{}"));
    auto text = to_json({result(passed)});
    const auto swap = [&](std::string_view from, std::string_view to) {
        auto changed = text;
        changed.replace(changed.find(from), from.size(), to);
        return changed;
    };
    REQUIRE(results_from_json(text));
    CHECK(results_from_json(swap("\"passed\"", "\"perfect\"")).error() == "unknown word \"perfect\"");
    CHECK(results_from_json(swap("\"log_tail\"", "\"log_head\"")).error() == "key \"log_tail\" is missing");
    CHECK(results_from_json(swap("\"log_tail\"", "\"more\":1,\"log_tail\"")).error() == "an unknown key");
    CHECK_FALSE(results_from_json(swap("\"exit_code\":0", "\"exit_code\":99999999999")));
    CHECK_FALSE(results_from_json(swap("\"exit_code\":0", "\"exit_code\":\"0\"")));
}
