#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/recipe.hpp"

namespace bot {

struct TestCase {
    enum class Outcome { passed, failed, skipped };
    std::string id;  ///< classname and name, unique within a check ("#2" is appended to a repeated one)
    Outcome outcome = Outcome::passed;
    std::string message;  ///< of a failure, at most 2,000 bytes
    std::string file;     ///< when the report names one
    int line = 0;
    friend bool operator==(const TestCase&, const TestCase&) = default;
};

/// JUnit XML as the many dialects write it; hostile: at most 32 MiB, 200,000 cases, no entities resolved.
/// The error is a sentence.
[[nodiscard]] std::expected<std::vector<TestCase>, std::string> parse_junit(std::string_view xml);

/// One run of one check on one tree.
struct CheckResult {
    enum class Verdict { passed, failed, timed_out, out_of_memory, not_run };
    std::string name;
    Verdict verdict = Verdict::not_run;
    int exit_code = 0;
    std::chrono::milliseconds duration{0};
    std::string log_tail;                        ///< valid UTF-8, control characters out, at most 8 KiB
    std::optional<std::vector<TestCase>> tests;  ///< when a JUnit file was asked for and could be read
    std::string junit_problem;                   ///< why not
    friend bool operator==(const CheckResult&, const CheckResult&) = default;
};

[[nodiscard]] std::string to_json(const std::vector<CheckResult>& results);
[[nodiscard]] std::expected<std::vector<CheckResult>, std::string> results_from_json(std::string_view json);

enum class Change { still_passing, fixed, newly_broken, still_failing, flaky, only_on_head };

/// One check, base against head.
struct Comparison {
    std::string check;
    config::Gate gate = config::Gate::required;
    std::optional<CheckResult> base;  ///< none: no baseline (the check could not run there)
    CheckResult head;
    Change change = Change::still_passing;
    std::vector<std::string> tests_fixed, tests_broken, tests_still_failing, tests_flaky;
    std::vector<std::string> tests_gone;     ///< ran on base, do not exist on head
    std::vector<std::string> tests_skipped;  ///< ran on base, skipped on head
    friend bool operator==(const Comparison&, const Comparison&) = default;
};

/// How a change treats the tests.
struct TestsTouched {
    std::vector<std::string> changed, added, removed;  ///< paths of test files
    friend bool operator==(const TestsTouched&, const TestsTouched&) = default;
};

/// What the checks said on base and on head, run by the bot, bound to the two commits.
struct Evidence {
    std::string base_commit;
    std::string head_commit;  ///< filled in when the commit is built
    std::vector<Comparison> checks;
    TestsTouched touched;
    /// With test files touched: the base revision's tests on the result. Empty otherwise.
    std::vector<CheckResult> base_tests_on_head;
    [[nodiscard]] bool green() const;  ///< every required check passed on head (flaky ones passed once)
    friend bool operator==(const Evidence&, const Evidence&) = default;
};

struct JudgeInput {
    const config::Recipe& recipe;
    std::string base_commit;
    std::vector<CheckResult> base;  ///< by name
    std::vector<CheckResult> head;
    std::vector<CheckResult> head_again;  ///< second runs on the same head tree, of the checks that differed
    TestsTouched touched;
    std::vector<CheckResult> base_tests_on_head;
};

/// Pure. What the bot will claim, from what it saw itself.
[[nodiscard]] Evidence judge(const JudgeInput& input);

/// Which checks deserve a second run on the same head tree (is it the change, or chance?): those that fail on
/// head, unless they fail in just the same way on base.
[[nodiscard]] std::vector<std::string> doubtful(const config::Recipe& recipe,
                                                const std::vector<CheckResult>& base,
                                                const std::vector<CheckResult>& head);

/// A host that a program wanted to reach and could not.
struct RefusedHost {
    std::string name, why;
    std::string step;  ///< setup, agent or checks
    int times = 0;
    friend bool operator==(const RefusedHost&, const RefusedHost&) = default;
};

/// One of several tries for an issue, beside the others.
struct Rival {
    int number = 0;  ///< from 1
    std::string profile;
    std::string outcome;      ///< the state that it ended in
    std::string head_commit;  ///< empty: it has no result
    bool green = false;
    int fixed = 0, broken = 0;  ///< checks and tests
    int tests_touched = 0;      ///< test files changed or removed
    std::size_t files = 0, bytes = 0;
    std::optional<double> cost_usd;
    bool chosen = false;
    friend bool operator==(const Rival&, const Rival&) = default;
};

/// All that publishing needs, as stored in the ledger on entering it.
struct Verdict {
    Evidence evidence;
    std::string title, summary;  ///< of the pull request; summary is the agent's, cleaned later
    std::string profile;
    int rounds = 1;
    std::vector<std::string> assumptions;  ///< of a proposed recipe
    std::string proposed_recipe;           ///< its YAML, for people to commit (config::canonical); else empty
    std::string image, image_id;
    std::int64_t agent_ms = 0;
    std::uint64_t input_tokens = 0, cached_tokens = 0, output_tokens = 0;
    std::optional<double> cost_usd;
    std::vector<RefusedHost> refused_hosts;
    std::size_t files = 0, bytes = 0;  ///< of the change
    std::vector<Rival> rivals;         ///< when it was one of several tries
    // Of a change to a pull request that is open already:
    std::string onto;                      ///< the branch's commit that the result stands on; else empty
    std::vector<std::string> changed_now;  ///< paths that differ from it
    std::string kept_as;  ///< the result takes that commit's place, which is kept under this ref; else empty
    friend bool operator==(const Verdict&, const Verdict&) = default;
};
[[nodiscard]] std::string to_json(const Verdict& verdict);
[[nodiscard]] std::expected<Verdict, std::string> verdict_from_json(std::string_view json);

/// What goes back to the agent when required checks are red: names, verdicts, output. At most 16 KiB.
[[nodiscard]] std::string feedback(const Evidence& evidence);

}  // namespace bot
