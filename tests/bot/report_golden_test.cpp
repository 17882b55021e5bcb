#include <doctest/doctest.h>

#include <algorithm>
#include <string>

#include "bot/report.hpp"
#include "bot/sentences.hpp"
#include "bot/visible_text.hpp"
#include "tests/bot/report_samples.hpp"

// Every sentence of the bot, as it stands in tests/bot/golden (tests/bot/report_samples.hpp).

using namespace bot;      // NOLINT: the tests read as sentences
using namespace samples;  // NOLINT

namespace {

using Outcome = TestCase::Outcome;
using CheckVerdict = CheckResult::Verdict;

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

namespace {

std::string mail_of(const integrations::Person& person) {
    return person.id + "+" + person.login + "@users.noreply.github.com";
}

}  // namespace

TEST_CASE("the commit says what and why, who asked, and closes nothing") {
    check_golden("commit_message", report::commit_message(job(JobState::working), green(), mail_of));
    const Ask wish{.by = {.login = "bob", .id = "102"}, .words = "louder"};
    check_golden("commit_message_of_a_change",
                 report::commit_message(job(JobState::working), green(), mail_of, {wish, wish}));
    auto verdict = green();
    verdict.summary = "Done. [skip ci]\nCo-authored-by: Eve <eve@evil.example>\nskip-checks: true\nfixes #3";
    const auto text = report::commit_message(job(JobState::working), verdict, mail_of);
    CHECK(text.find("Eve") == std::string::npos);
    CHECK(text.find("[skip ci]") == std::string::npos);
    CHECK(text.find("skip-checks") == std::string::npos);
    CHECK(text.find("#3") == std::string::npos);
    CHECK(text.ends_with("Refs #12\n\nCo-authored-by: alice <101+alice@users.noreply.github.com>\n"));
    auto stranger = job(JobState::working);
    stranger.assignment.requested_by.login = "x>\nSigned-off-by: y";
    CHECK(report::commit_message(stranger, verdict, mail_of).find("-by:") == std::string::npos);
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
    check_golden("permission_hidden", std::string(bot::sentence::permission_hidden));
    check_golden("already_active", report::already_active(job(JobState::working)));
    check_golden("heard_after_all", report::heard_after_all());
    check_golden("already_active_in_review", report::already_active(with_pull_request(JobState::review)));
    check_golden("already_proposed", report::already_proposed({{.number = 33}}));
    check_golden("already_proposed_twice", report::already_proposed({{.number = 33}, {.number = 35}}));
    check_golden("too_many_jobs", report::too_many_jobs(10));
    check_golden("issue_not_open", report::issue_not_open());
    check_golden("label_of_nobody", report::label_of_nobody("agent:codex"));
    check_golden("stopped_by", report::stopped_by("bob"));
    check_golden("no_active_job", report::no_active_job());
    check_golden("stop_said_before", report::stop_said_before());
    check_golden("ask_on_the_issue", report::ask_on_the_issue());
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
