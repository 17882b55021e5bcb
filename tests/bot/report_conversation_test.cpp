#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "bot/report.hpp"
#include "tests/bot/report_samples.hpp"

// What is said where people talk with the bot: about an open pull request, and in answer to commands.

using namespace bot;      // NOLINT: the tests read as sentences
using namespace samples;  // NOLINT

namespace {

const std::vector<config::AgentProfile> profiles{{.name = "codex", .good_at = "small fixes"},
                                                 {.name = "claude"}};

report::HelpFor help_for(const Job* job) {
    return {.trigger_label = "agent",
            .profiles = profiles,
            .not_understood = {},
            .may_write = true,
            .may_stop = true,
            .job = job};
}

}  // namespace

TEST_CASE("what came of changing a pull request is said there") {
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
    auto anew = green();
    anew.kept_as = "refs/shopfloor/job-17/try-1";
    check_golden("replaced_by_a_retry", report::replaced(anew, Cycle::retry, false));
    check_golden("replaced_by_a_rebase", report::replaced(anew, Cycle::rebase, true));
    check_golden("people_pushed", report::people_pushed("agent/issue-12-totals"));
    check_golden("conflict_left", report::conflict_left({"till.py", "a`b"}));
    check_golden("conflict_left_to_people", report::conflict_left_to_people("main"));
}

TEST_CASE("what the forge's own CI says is told from chance and from what was red before") {
    const integrations::FailedCheck lint{
        .name = "lint @all",
        .summary = "2 problems",
        .annotations = {{.path = "till.py", .line = 3, .title = "E501", .message = "too long"}},
        .log_tail = "till.py:3: \x1b[31mtoo long\x1b[0m"};
    check_golden("ci_words", report::ci_words(lint));
    check_golden("ci_words_none", report::ci_words({.name = "lint"}));
    check_golden("ci_not_ours", report::ci_not_ours({lint}, {{.name = "deploy"}}));
    check_golden("ci_left_alone", report::ci_left_alone({lint, {.name = "windows"}}, 2));
    check_golden("ci_switched_off", report::ci_left_alone({lint}, 0));
}

TEST_CASE("several tries are told side by side, with the way to another one") {
    const std::vector<Rival> rivals{{.number = 1,
                                     .profile = "codex",
                                     .outcome = "judged",
                                     .head_commit = "a",
                                     .green = true,
                                     .fixed = 2,
                                     .files = 1,
                                     .bytes = 120,
                                     .cost_usd = 0.1,
                                     .chosen = true},
                                    {.number = 2,
                                     .profile = "claude",
                                     .outcome = "judged",
                                     .head_commit = "b",
                                     .broken = 1,
                                     .tests_touched = 1,
                                     .files = 3,
                                     .bytes = 4321,
                                     .cost_usd = 0.2},
                                    {.number = 3, .outcome = "failed", .head_commit = {}, .cost_usd = {}}};
    check_golden("rivals_table", report::rivals_table(rivals));
    auto failed = job(JobState::failed);
    failed.try_number = 1;
    failed.reason = "The agent gave up.";
    auto asking = failed;
    asking.try_number = 2;
    asking.reason = report::try_needs_a_person(WaitsFor::answer);
    check_golden("no_try_succeeded", report::no_try_succeeded({failed, asking}));
    CHECK(report::try_needs_a_person(WaitsFor::run_budget).find("budget") != std::string::npos);
    check_golden("too_many_tries", report::too_many_tries(9, 4));
    check_golden("tries_need_a_start", report::tries_need_a_start());
    check_golden("nothing_to_pick", report::nothing_to_pick());
    check_golden("no_such_try", report::no_such_try(rivals));
    check_golden("picked_already", report::picked_already(1));
    auto other = green();
    other.rivals = rivals;
    other.kept_as = "refs/shopfloor/job-17/try-1";
    check_golden("picked", report::picked(other, false));
    check_golden("status_competing", report::status(job(JobState::competing), {}, 0, at(4), {}, {failed}));
}

TEST_CASE("help lists what this person may say here now") {
    check_golden("help_without_a_job", report::help(help_for(nullptr)));
    const auto waiting = job(JobState::waiting);
    check_golden("help_while_it_waits", report::help(help_for(&waiting)));
    const auto review = with_pull_request(JobState::review);
    check_golden("help_on_a_pull_request", report::help(help_for(&review)));
    auto stranger = help_for(&review);
    stranger.may_write = stranger.may_stop = false;
    check_golden("help_for_a_stranger", report::help(stranger));
    auto slip = help_for(&review);
    slip.not_understood = "rerty";
    check_golden("help_after_a_slip", report::help(slip));
}

TEST_CASE("why tells how the job came to where it is") {
    auto one = with_verdict(green());
    one.reason = "the pull request is open";
    const std::vector<Run> runs{{.number = 1, .profile = "codex", .started_at = at(1), .outcome = "finished"},
                                {.number = 2,
                                 .kind = Run::Kind::refine,
                                 .profile = "codex",
                                 .started_at = at(5),
                                 .outcome = "finished"}};
    const std::vector<Ask> asks{{.by = {.login = "bob"}, .path = "till.py"},
                                {.path = "lint", .what = Ask::What::checks},
                                {.by = {.login = "eve"}, .what = Ask::What::retry}};
    check_golden("why", report::why(one, runs, asks));
    check_golden("why_queued", report::why(job(JobState::queued), {}, {}));
}

TEST_CASE("who waits is reminded of what for") {
    auto one = job(JobState::waiting);
    one.waits_for = WaitsFor::answer;
    check_golden("reminder_of_a_question", report::reminder(one));
    one.waits_for = WaitsFor::job_budget;
    check_golden("reminder_of_a_budget", report::reminder(one));
}

TEST_CASE("commands are told with the prefix that the operator chose, and nothing else is changed") {
    const auto spoken = [](const std::string& text, const std::string& prefix) {
        return report::spoken(text, prefix, *integrations::find_forge_kind("github"));
    };
    CHECK(spoken("Say `/agent retry` or `/agent`.", "!bot") == "Say `!bot retry` or `!bot`.");
    CHECK(spoken("`/agents` and /agent and `/agentic`", "!bot") == "`/agents` and /agent and `/agentic`");
    CHECK(spoken("`/agent stop`", "/agent") == "`/agent stop`");
}

TEST_CASE("what a forge has its own words for is told in them, and nothing else is changed") {
    constexpr auto text =
        "«Pull request» «#»7 closes #5; no second «pull request». \"Pull request #7\", says ann.";
    CHECK(report::spoken(text, "/agent", *integrations::find_forge_kind("github")) ==
          "Pull request #7 closes #5; no second pull request. \"Pull request #7\", says ann.");
    CHECK(report::spoken(text, "/agent", of_merge_requests()) ==
          "Merge request !7 closes #5; no second merge request. \"Pull request #7\", says ann.");
}

TEST_CASE("people read the words of their forge") {
    const auto check = [](const std::string& name, const std::string& text) {
        check_golden("merge_request_" + name, report::spoken(text, "/agent", of_merge_requests()));
    };
    check("status_review", report::status(with_verdict(green()), {{.profile = "codex"}}, 0, at(10)));
    auto merged = with_verdict(green());
    merged.state = JobState::merged;
    merged.reason = report::proposal_over(true);
    check("status_merged", report::status(merged, {{.profile = "codex"}}, 0, at(10)));
    check("body", report::pull_request_body(with_verdict(green()), green(), "agent"));
    check("already_proposed_twice", report::already_proposed({{.number = 33}, {.number = 35}}));
    check("not_refined", report::not_refined("It is right as it is."));
    const auto open = with_verdict(green());
    check("help",
          report::help(
              {.trigger_label = "agent", .profiles = {}, .may_write = true, .may_stop = true, .job = &open}));
}
