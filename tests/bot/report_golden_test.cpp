#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "bot/report.hpp"
#include "bot/visible_text.hpp"

// Every sentence of the bot, as it stands in tests/bot/golden. To take over a change after reading it, run
// with SHOPFLOOR_ACCEPT=1: the files are written anew and nothing counts as passed.

using namespace bot;  // NOLINT: the tests read as sentences

namespace {

using Outcome = TestCase::Outcome;
using CheckVerdict = CheckResult::Verdict;

const Time noon = std::chrono::system_clock::from_time_t(1'772'366'400);  // 2026-03-01 12:00 UTC
Time at(int minutes) { return noon + std::chrono::minutes(minutes); }

void check_golden(const std::string& name, const std::string& text) {
    const auto file = std::filesystem::path(SHOPFLOOR_SOURCE_DIR) / "tests/bot/golden" / (name + ".md");
    const auto whole = text.ends_with('\n') ? text : text + "\n";
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

CheckResult result(std::string name, CheckVerdict verdict, std::vector<TestCase> tests = {}) {
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

}  // namespace

TEST_CASE("the status comment tells the truth in every state") {
    check_golden("status_queued", report::status(job(JobState::queued), {}, 3, at(1)));
    check_golden("status_short_of_disk",
                 report::status(job(JobState::queued), {}, 3, at(1), report::short_of_disk()));
    CHECK(report::status(job(JobState::working), {}, 0, at(1), report::short_of_disk()) ==
          report::status(job(JobState::working), {}, 0, at(1)));
    auto held = job(JobState::queued);
    held.infra_attempts = 2;
    held.retry_at = at(5);
    held.reason = "fetching main: the forge does not answer";
    check_golden("status_held_back", report::status(held, {}, 1, at(2)));
    held.infra_attempts = 0;  // the forge said when: no try is charged
    CHECK(report::status(held, {}, 1, at(2)).find("went wrong; the next try") != std::string::npos);
    auto working = job(JobState::working);
    working.phase = "agent, round 2";
    working.assignment.hidden_stripped = 2;
    check_golden("status_working",
                 report::status(working, {{.profile = "codex"}, {.profile = "codex"}}, 0, at(4)));
    auto checking = working;
    checking.phase = "checks";
    check_golden("status_checking", report::status(checking, {}, 0, Time{}));
    auto publishing = checking;
    publishing.state = JobState::publishing;
    check_golden("status_publishing", report::status(publishing, {}, 0, at(4)));
    auto waiting = job(JobState::waiting);
    waiting.phase = "agent";
    waiting.waits_for = WaitsFor::answer;
    waiting.question = "Which currency?";
    check_golden("status_waiting_for_an_answer", report::status(waiting, {{.profile = "codex"}}, 0, at(5)));
    waiting.waits_for = WaitsFor::job_budget;
    check_golden("status_waiting_for_money", report::status(waiting, {{.profile = "codex"}}, 0, at(5)));
    check_golden("status_review", report::status(with_verdict(green()), {{.profile = "codex"}}, 0, at(10)));
    check_golden("status_review_of_a_draft",
                 report::status(with_verdict(red()), {{.profile = "codex"}}, 0, at(10)));
    auto answered = job(JobState::answered);
    answered.reason = report::nothing_to_change("It works already: see `till.cpp`. Ask @bob.");
    check_golden("status_answered", report::status(answered, {{.profile = "codex"}}, 0, at(10)));
    auto failed = working;
    failed.state = JobState::failed;
    failed.ended_at = at(9);
    failed.reason = report::agent_failed("ended with exit status 3", "no luck");
    check_golden("status_failed", report::status(failed, {{.profile = "codex"}}, 0, at(10)));
    auto stopped = job(JobState::stopped);
    stopped.reason = report::stopped_by("bob");
    check_golden("status_stopped", report::status(stopped, {}, 0, at(10)));
    auto merged = with_pull_request(JobState::merged);
    merged.reason = "The pull request was merged.";
    check_golden("status_merged", report::status(merged, {{.profile = "codex"}}, 0, at(30)));
    auto closed = with_pull_request(JobState::closed);
    closed.reason = "The pull request was closed without merging.";
    check_golden("status_closed", report::status(closed, {{.profile = "codex"}}, 0, at(30)));
}

TEST_CASE("a reason from outside cannot break the status comment") {
    auto failed = job(JobState::failed);
    failed.reason = "engine: <img src=x> @team\n# fixes #1";
    const auto text = report::status(failed, {}, 0, at(10));
    CHECK(text.find("\\<img") != std::string::npos);
    CHECK(text.find("`@team`") != std::string::npos);
    CHECK(text.find("`#1`") != std::string::npos);
}

TEST_CASE("the pull request says what, why, the evidence and how to answer") {
    check_golden("pull_request_green",
                 report::pull_request_body(with_pull_request(JobState::publishing), green(), "agent"));
    auto one = with_pull_request(JobState::publishing);
    one.assignment.hidden_stripped = 1;
    auto walled = green();
    walled.refused_hosts = {
        {.name = "registry.example.org", .why = "not allowed by the recipe", .step = "setup", .times = 3},
        {.name = "a|b", .why = "not a host name", .step = "agent", .times = 1}};
    check_golden("pull_request_with_refused_hosts", report::pull_request_body(one, walled, "agent"));
    check_golden("pull_request_red", report::pull_request_body(one, red(), "agent"));
    Verdict bare{.profile = "codex"};
    bare.evidence.base_commit = bare.evidence.head_commit = "0123456789abcdef";
    check_golden("pull_request_without_checks", report::pull_request_body(one, bare, "agent"));
}

TEST_CASE("the commit says what and why, who asked, and closes nothing") {
    check_golden("commit_message", report::commit_message(job(JobState::working), green()));
    const Ask wish{.by = {.login = "bob", .id = "102"}, .words = "louder"};
    check_golden("commit_message_of_a_change",
                 report::commit_message(job(JobState::working), green(), {wish, wish}));
    auto verdict = green();
    verdict.summary = "Done. [skip ci]\nCo-authored-by: Eve <eve@evil.example>\nskip-checks: true\nfixes #3";
    const auto text = report::commit_message(job(JobState::working), verdict);
    CHECK(text.find("Eve") == std::string::npos);
    CHECK(text.find("[skip ci]") == std::string::npos);
    CHECK(text.find("skip-checks") == std::string::npos);
    CHECK(text.find("#3") == std::string::npos);
    CHECK(text.ends_with("Refs #12\n\nCo-authored-by: alice <101+alice@users.noreply.github.com>\n"));
    auto stranger = job(JobState::working);
    stranger.assignment.requested_by.login = "x>\nSigned-off-by: y";
    CHECK(report::commit_message(stranger, verdict).find("-by:") == std::string::npos);
}

TEST_CASE("the title of the pull request is the issue's, defused") {
    CHECK(report::pull_request_title(job(JobState::working)) == "Totals are off by one cent");
    auto one = job(JobState::working);
    one.assignment.title = "Fix #4 [Skip CI] for @team\n<!-- x -->";
    CHECK(report::pull_request_title(one) == "Fix # 4 (Skip CI) for @ team <!-- x -->");
    one.assignment.title = "\u202E \n";
    CHECK(report::pull_request_title(one) == "Issue 12");
}

TEST_CASE("the check run has the same evidence, bound to the head commit") {
    using Conclusion = integrations::CheckReport::Conclusion;
    const auto good = report::check_report(with_pull_request(JobState::publishing), green());
    CHECK(good.conclusion == Conclusion::success);
    CHECK(good.title == "Both required checks pass");
    CHECK(good.external_id == "shopfloor-job-17");
    CHECK(good.head_sha == "fedcba9876543210fedcba9876543210fedcba98");
    CHECK(good.annotations.empty());
    const auto bad = report::check_report(with_pull_request(JobState::publishing), red());
    CHECK(bad.conclusion == Conclusion::failure);
    CHECK(bad.title == "1 of 2 required checks is red");
    REQUIRE(bad.annotations.size() == 2);
    CHECK(bad.annotations[0].path == "tests/till.cpp");
    CHECK(bad.annotations[0].line == 7);
    CHECK(bad.annotations[0].level == integrations::Annotation::Level::failure);
    CHECK(bad.annotations[1].level == integrations::Annotation::Level::warning);
    check_golden("check_summary_red", bad.summary);
    CHECK(report::check_report(job(JobState::publishing), Verdict{}).conclusion == Conclusion::neutral);
}

TEST_CASE("annotations are bounded and stay in the repository") {
    auto verdict = red();
    auto& tests = *verdict.evidence.checks[0].head.tests;
    tests.clear();
    tests.push_back({.id = "out", .outcome = Outcome::failed, .file = "/etc/passwd.py", .line = 1});
    tests.push_back({.id = "up", .outcome = Outcome::failed, .file = "../x.py", .line = 1});
    for (int i = 0; i < 80; ++i)
        tests.push_back(
            {.id = "t" + std::to_string(i), .outcome = Outcome::failed, .file = "a.py", .line = 1});
    const auto report = report::check_report(job(JobState::publishing), verdict);
    CHECK(report.annotations.size() == 50);
    CHECK(report.annotations.front().path == "a.py");
}

TEST_CASE("no evidence is so large that the forge would refuse it") {
    config::Recipe recipe;
    std::vector<CheckResult> head;
    for (int i = 0; i < 70; ++i) {
        recipe.checks.push_back({.name = "check " + std::to_string(i) + std::string(50, 'n')});
        head.push_back(result(recipe.checks.back().name, CheckVerdict::failed));
        head.back().log_tail = std::string(8000, '`');
        head.back().junit_problem = std::string(1000, '*');
        head.back().tests.emplace();
        for (int t = 0; t < 20; ++t)
            head.back().tests->push_back({.id = std::string(400, 'i') + std::to_string(t),
                                          .outcome = Outcome::failed,
                                          .message = std::string(2000, '<')});
    }
    Verdict verdict{
        .evidence = judge({.recipe = recipe,
                           .base = head,
                           .head = head,
                           .touched = {.changed = std::vector<std::string>(500, std::string(4000, 'p'))},
                           .base_tests_on_head = head}),
        .summary = std::string(1 << 20, '\\'),
        .profile = "p",
        .assumptions = std::vector<std::string>(500, std::string(1000, '_'))};
    const auto body = report::pull_request_body(with_pull_request(JobState::publishing), verdict, "agent");
    CHECK(code_points(body) < 65'000);
    CHECK(body.starts_with("Fixes #12\n"));
    CHECK(body.find("## How to answer") != std::string::npos);
    CHECK(code_points(report::check_report(job(JobState::publishing), verdict).summary) < 65'000);
    auto failed = job(JobState::failed);
    failed.reason = std::string(1 << 20, '*');
    CHECK(code_points(report::status(failed, {}, 0, at(10))) < 20'000);
}

TEST_CASE("every plain answer says what happened and what to do") {
    const std::vector<config::AgentProfile> profiles{{.name = "codex"}, {.name = "claude"}};
    check_golden("nothing_to_change", report::nothing_to_change("It is right as it is, @bob."));
    check_golden("nothing_to_change_and_no_words", report::nothing_to_change(""));
    check_golden("question", report::question("Which currency, @bob?"));
    check_golden("question_without_words", report::question(""));
    check_golden("budget_of_a_pass_spent", report::budget_spent(4'990'000, false));
    check_golden("budget_of_a_job_spent", report::budget_spent(10'004'000, true));
    check_golden("day_budget_spent", report::day_budget_spent());
    check_golden("service_parked", report::service_parked("anthropic"));
    check_golden("nothing_waits", report::nothing_waits());
    check_golden("refined", report::refined(green(), false));
    check_golden("refined_a_draft", report::refined(green(), true));
    check_golden("not_refined", report::not_refined("The agent gave up."));
    auto changed = green();
    changed.changed_now = {"till.py"};
    check_golden("reply_changed", report::reply_to({.path = "till.py"}, changed));
    check_golden("reply_unchanged", report::reply_to({.path = "README.md"}, changed));
    check_golden("nothing_to_refine", report::nothing_to_refine());
    check_golden("wish_wanted", report::wish_wanted());
    check_golden("branch_gone", report::branch_gone("agent/issue-12-totals"));
    check_golden("branch_moved", report::branch_moved("agent/issue-12-totals", "agent/issue-12-totals-2"));
    check_golden("too_much_to_refine", report::too_much_to_refine("the commits differ in too many files"));
    check_golden("not_an_amount", report::not_an_amount("+$5 million"));
    check_golden("answer_wanted", report::answer_wanted());
    check_golden("amount_wanted", report::amount_wanted());
    check_golden("secret_found", report::secret_found({"config/prod.env", "a file name"}));
    check_golden(
        "recipe_errors",
        report::recipe_errors({{.file = ".shopfloor.yml",
                                .line = 3,
                                .key = "checks[0].jnit",
                                .message = "is not a key",
                                .mend = "write `junit`"},
                               {.file = ".shopfloor.yml", .message = "has a tab @team", .mend = ""}}));
    check_golden("no_such_profile", report::no_such_profile("gpt`x", profiles));
    check_golden("no_image", report::no_image("acme/build:9", "manifest unknown"));
    check_golden("setup_failed", report::setup_failed("ended with exit status 1", "npm ERR! network"));
    check_golden("agent_failed",
                 report::agent_failed("printed nothing for too long and was stopped after 600 s", ""));
    check_golden("change_rejected",
                 report::change_rejected("../../etc/passwd", "the path leaves the repository"));
    const std::string long_path(300, 'x');
    CHECK(report::change_rejected(long_path, "`" + long_path + "` is a path longer than 4,096 bytes.")
              .find("` is a path longer than 4,096 bytes.") != std::string::npos);
    check_golden("protected_paths", report::protected_paths({".github/workflows/ci.yml", "CODEOWNERS"}));
    check_golden("push_refused", report::push_refused("remote: rule `no-bots` declined"));
    check_golden("base_gone", report::base_gone("main"));
    check_golden("base_gone_unknown", report::base_gone(""));
    check_golden("base_rewritten",
                 report::base_rewritten("main", "0123456789abcdef0123456789abcdef01234567"));
    check_golden("infrastructure",
                 report::infrastructure("starting the sandbox: no space left on device", 5));
    check_golden("not_permitted", report::not_permitted("mallory"));
    check_golden("already_active", report::already_active(job(JobState::working)));
    check_golden("already_active_in_review", report::already_active(with_pull_request(JobState::review)));
    check_golden("already_proposed", report::already_proposed({{.number = 33}}));
    check_golden("already_proposed_twice", report::already_proposed({{.number = 33}, {.number = 35}}));
    check_golden("too_many_jobs", report::too_many_jobs(10));
    check_golden("issue_not_open", report::issue_not_open());
    check_golden("stopped_by", report::stopped_by("bob"));
    check_golden("no_active_job", report::no_active_job());
    check_golden("ask_on_the_issue", report::ask_on_the_issue());
    check_golden("help", report::help("agent", profiles, ""));
    check_golden("help_after_a_slip", report::help("agent", profiles, "rerty"));
}

TEST_CASE("the state labels name every state that people must tell apart") {
    const config::LabelSettings labels;
    CHECK(report::state_label(JobState::publishing, labels) == "agent-state: working");
    CHECK(report::state_label(JobState::closed, labels).empty());
    const auto all = report::all_state_labels(labels);
    for (const auto state : all_states)
        if (const auto label = report::state_label(state, labels); !label.empty())
            CHECK(std::find(all.begin(), all.end(), label) != all.end());
}
