#include "tests/bot/report_samples.hpp"

#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

namespace samples {

using namespace bot;  // NOLINT: the tests read as sentences

namespace {

using Outcome = TestCase::Outcome;
using CheckVerdict = CheckResult::Verdict;

const Time noon = std::chrono::system_clock::from_time_t(1'772'366'400);  // 2026-03-01 12:00 UTC

}  // namespace

integrations::ForgeKind of_merge_requests() {
    auto kind = *integrations::find_forge_kind("github");
    kind.proposal_name = "merge request";
    kind.proposal_sign = '!';
    return kind;
}

Time at(int minutes) { return noon + std::chrono::minutes(minutes); }

void check_golden(const std::string& name, const std::string& text) {
    const auto file = std::filesystem::path(SHOPFLOOR_SOURCE_DIR) / "tests/bot/golden" / (name + ".md");
    const auto said = report::spoken(text, "/agent", *integrations::find_forge_kind("github"));
    const auto whole = said.ends_with('\n') ? said : said + "\n";
    if (std::getenv("SHOPFLOOR_ACCEPT") != nullptr) {
        std::ofstream(file, std::ios::binary) << whole;
        FAIL_CHECK("not judged: wrote " << name << ".md; read it, then run again without SHOPFLOOR_ACCEPT");
        return;
    }
    std::ifstream in(file, std::ios::binary);
    REQUIRE_MESSAGE(in, name << ".md is not there; run with SHOPFLOOR_ACCEPT=1 and read what it writes");
    const std::string golden(std::istreambuf_iterator<char>(in), {});
    CHECK_MESSAGE(golden == whole, name << ".md says otherwise:\n" << whole);
}

Job job(JobState state) {
    Job one{.id = {17},
            .assignment = {.issue = {.repo = {.full_name = "acme/till"}, .number = 12},
                           .requested_by = {.login = "alice", .id = "101"},
                           .title = "Totals are off by one cent",
                           .body = "Adding 0.1 and 0.2 gives 0.31.",
                           .base_branch = "main",
                           .base_commit = "0123456789abcdef0123456789abcdef01234567"},
            .state = state,
            .created_at = at(0),
            .state_since = at(1)};
    if (state != JobState::queued) one.started_at = at(1);
    if (is_final(state)) one.ended_at = at(9);
    return one;
}

Job with_pull_request(JobState state) {
    auto one = job(state);
    one.phase = "checks";
    one.pull_request = 34;
    one.pull_request_url = "https://forge.example/acme/till/pull/34";
    one.head_commit = "fedcba9876543210fedcba9876543210fedcba98";
    return one;
}

CheckResult result(std::string name, CheckVerdict verdict, std::vector<TestCase> tests) {
    CheckResult one{.name = std::move(name),
                    .verdict = verdict,
                    .exit_code = verdict == CheckVerdict::passed ? 0 : 2,
                    .duration = std::chrono::milliseconds(12'400)};
    if (!tests.empty()) one.tests = std::move(tests);
    return one;
}

Verdict green() {
    const config::Recipe recipe{.checks = {{.name = "build"},
                                           {.name = "unit tests"},
                                           {.name = "lint", .gate = config::Gate::advisory}}};
    Verdict verdict{
        .evidence = judge(
            {.recipe = recipe,
             .base_commit = job(JobState::review).assignment.base_commit,
             .base = {result("build", CheckVerdict::passed),
                      result("unit tests", CheckVerdict::failed,
                             {{.id = "till::adds", .outcome = Outcome::failed}, {.id = "till::rounds"}}),
                      result("lint", CheckVerdict::passed)},
             .head = {result("build", CheckVerdict::passed),
                      result("unit tests", CheckVerdict::passed,
                             {{.id = "till::adds"}, {.id = "till::rounds"}, {.id = "till::adds many"}}),
                      result("lint", CheckVerdict::failed)}}),
        .title = "Totals are off by one cent",
        .summary =
            "# What\n\nMoney is counted in whole cents now, so sums no longer drift.\n\n- `till.cpp`: "
            "integers instead of doubles\n"
            "- thanks to @bob, this closes #99\n",
        .profile = "codex",
        .rounds = 1,
        .image = "debian:bookworm-slim",
        .image_id = "sha256:00112233445566778899aabbccddeeff",
        .agent_ms = 184'000,
        .input_tokens = 12'345,
        .cached_tokens = 100'000,
        .output_tokens = 678,
        .cost_usd = 0.42};
    verdict.evidence.head_commit = "fedcba9876543210fedcba9876543210fedcba98";
    verdict.evidence.checks[2].head.log_tail = "till.cpp:3: line too long";
    return verdict;
}

Verdict red() {
    const config::Recipe recipe{.checks = {{.name = "unit | tests"}, {.name = "slow"}}};
    auto head = result("unit | tests", CheckVerdict::failed,
                       {{.id = "till::adds",
                         .outcome = Outcome::failed,
                         .message = "expected 30\ngot 31 @team ```",
                         .file = "tests/till.cpp",
                         .line = 7},
                        {.id = "till::old",
                         .outcome = Outcome::failed,
                         .message = "always red",
                         .file = "tests/till.cpp",
                         .line = 9},
                        {.id = "till::skipped", .outcome = Outcome::skipped}});
    head.log_tail = "make: *** [test] Error 2";
    Verdict verdict{
        .evidence = judge({.recipe = recipe,
                           .base_commit = job(JobState::review).assignment.base_commit,
                           .base = {result("unit | tests", CheckVerdict::failed,
                                           {{.id = "till::adds"},
                                            {.id = "till::old", .outcome = Outcome::failed},
                                            {.id = "till::skipped"},
                                            {.id = "till::gone"}})},
                           .head = {head, result("slow", CheckVerdict::timed_out)},
                           .head_again = {result("slow", CheckVerdict::passed)},
                           .touched = {.changed = {"tests/till.cpp"},
                                       .added = {"tests/new.cpp"},
                                       .removed = {"tests/gone.cpp"}},
                           .base_tests_on_head = {result("unit | tests", CheckVerdict::failed),
                                                  result("slow", CheckVerdict::passed)}}),
        .title = "t",
        .summary = "",
        .profile = "codex",
        .rounds = 3,
        .assumptions = {"`CMakeLists.txt` is there, so the project is built with CMake."},
        .proposed_recipe = "version: 1\nchecks:\n  - name: \"build\"\n    run: \"cmake -B build\"\n",
        .image = "debian:bookworm-slim",
        .image_id = "debian:bookworm-slim",
        .agent_ms = 4'000'000};
    verdict.evidence.head_commit = "fedcba9876543210fedcba9876543210fedcba98";
    return verdict;
}

Job with_verdict(const Verdict& verdict) {
    auto one = with_pull_request(JobState::review);
    one.verdict = to_json(verdict);
    return one;
}

}  // namespace samples
