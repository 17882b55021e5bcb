#pragma once

#include <string_view>

/// Every sentence that the bot can say on a forge, in the order in which people meet them, so that its voice
/// can be judged from top to bottom. Who says them: bot/report*.cpp, and whoever gives a job its reason.
///
/// What stands in braces is filled in, and checked by the compiler. `{tests:# test|# tests}` is one of two
/// forms, for one and for more, with the number in the place of `#` (bot::report::Number). Names of people,
/// files, branches and commits come as code spans; what others said comes made harmless. Commands are written
/// as `/agent …`, what a forge has a word or a sign of its own for as «pull request» and «#»; people read the
/// prefix that their operator chose, and their forge's words (bot::report::spoken).
///
/// Tests hold that each stands in tests/bot/golden, reads well rendered, mentions nobody and loads nothing.
namespace bot::sentence {

// The labels of an issue: each after the operator's prefix, as in `agent-state: working`.

inline constexpr std::string_view label_queued = "queued";
inline constexpr std::string_view label_working = "working";
inline constexpr std::string_view label_waiting = "waiting";
inline constexpr std::string_view label_review = "review";
inline constexpr std::string_view label_blocked = "blocked";
inline constexpr std::string_view label_done = "done";

// Why a label or a command starts nothing.

inline constexpr std::string_view not_permitted =
    "{} has no write access to this repository, so nothing was started or stopped. Somebody with write "
    "access can set the label or comment `/agent run`.";
inline constexpr std::string_view permission_hidden =
    "The forge does not tell Shopfloor who may do what in this repository, so nothing was started or "
    "stopped. Whoever runs it finds in its log what its account lacks; then ask again.";
inline constexpr std::string_view label_of_nobody =
    "The label {} is on this issue, but its history does not tell who set it, so nothing was started. Set "
    "the "
    "label again, or comment `/agent run`.";
inline constexpr std::string_view ask_on_the_issue =
    "This «pull request» is not one of Shopfloor's. Comment `/agent run` on an issue, or set the label "
    "there.";
inline constexpr std::string_view already_in_review =
    "«Pull request» «#»{} is open for this issue. Comment `/agent refine` and what to change; or, to have "
    "another one made, close it first, then comment `/agent retry [profile] [guidance]` on the issue.";
inline constexpr std::string_view already_active =
    "Job {} is at this issue already. Its status comment is above; `/agent stop` ends it.";
inline constexpr std::string_view heard_after_all =
    "A job was in the way when this was heard, so it was refused. As was heard later, the end of that job "
    "had been asked for before this was said: so it is decided on again.";
inline constexpr std::string_view issue_not_open =
    "The issue is closed, so nothing was started. Reopen it and set the label again.";
inline constexpr std::string_view proposal_number = "«#»{}";
inline constexpr std::string_view already_proposed =
    "{numbers} {open:is|are} open and already {open:closes|close} this issue, so no second one is made. "
    "Close {open:it|them}, then set the label again.";
inline constexpr std::string_view too_many_jobs =
    "This issue had {:# job|# jobs} within a day, and that is the limit here. Try again tomorrow, or have "
    "the operator raise `max_jobs_per_issue_per_day`.";
inline constexpr std::string_view no_such_profile =
    "There is no agent profile {name}. There {number:is|are}: {profiles}.";
inline constexpr std::string_view too_many_tries =
    "{wanted} tries are more than may be made side by side here; the limit is {most}. Ask for fewer: `/agent "
    "run x{most}`.";
inline constexpr std::string_view tries_need_a_start =
    "Several tries side by side are for an issue without an open «pull request». Close that one first and "
    "comment `/agent run x3` on the issue; or have one more try made with `/agent retry`.";
inline constexpr std::string_view base_unreadable =
    "The repository's default branch cannot be read. It may be empty or archived.";
inline constexpr std::string_view base_gone =
    "The branch {} is not there any more, so there is nothing to build on. Set the repository's default "
    "branch, then comment `/agent retry`.";

// The head of the status comment.

inline constexpr std::string_view queued = "🕒 Queued";
inline constexpr std::string_view queued_at = "🕒 Queued, number {} in line";
inline constexpr std::string_view working = "🔧 Working since {since}: {phase}";
inline constexpr std::string_view competing = "🔧 Several tries are at work side by side";
inline constexpr std::string_view publishing = "📤 The result is there; opening the «pull request»";
inline constexpr std::string_view waiting_for_an_answer = "❓ Waiting for an answer";
inline constexpr std::string_view waiting_for_money = "💰 Waiting: a budget is spent";
inline constexpr std::string_view in_review = "✅ «Pull request» «#»{} is open";
inline constexpr std::string_view in_review_as_a_draft = "⚠️ Draft «pull request» «#»{} is open";
inline constexpr std::string_view answered = "💬 Answered without a «pull request»";
inline constexpr std::string_view failed = "❌ No «pull request»";
inline constexpr std::string_view failed_after = "❌ No «pull request» after {}";
inline constexpr std::string_view stopped = "⏹️ Stopped";
inline constexpr std::string_view stopped_after = "⏹️ Stopped after {}";
inline constexpr std::string_view merged = "🎉 «Pull request» «#»{} was merged";
inline constexpr std::string_view closed = "🚪 «Pull request» «#»{} was closed without merging";
inline constexpr std::string_view judged = "✔️ Its result is stored";

// What it works on now, in that head.

inline constexpr std::string_view phase_workspace = "making the workspace";
inline constexpr std::string_view phase_setup = "running the recipe's setup";
inline constexpr std::string_view phase_agent = "the agent is at work{}";  // ", round 2", or nothing
inline constexpr std::string_view phase_checks = "running the checks on the result";

// The rest of the status comment.

inline constexpr std::string_view held_back =
    "Something outside of this issue went wrong; the next try is not before {}.";
inline constexpr std::string_view held_back_again =
    "Something outside of this issue went wrong (try {attempt}); the next try is not before {time}.";
inline constexpr std::string_view short_of_disk =
    "The machine that Shopfloor runs on is short of disk space, so no job is begun now. Nothing is lost: it "
    "goes on when its operator, who is told too, has made room.";
inline constexpr std::string_view asked_below = "What it needs to know is asked in a comment below.";
inline constexpr std::string_view step_workspace = "Workspace at commit {commit} of {branch}";
inline constexpr std::string_view step_agent = "Agent";
inline constexpr std::string_view step_checks = "Checks on the base commit and on the result";
inline constexpr std::string_view step_checks_say = "Checks on the base commit and on the result: {}";
inline constexpr std::string_view step_pull_request = "«Pull request»";
inline constexpr std::string_view step_pull_request_open = "«Pull request» «#»{}";
inline constexpr std::string_view one_try = "Try {number}: {state}";
inline constexpr std::string_view one_try_with = "Try {number} with {profile}: {state}";
inline constexpr std::string_view try_has_a_result = "has a result";
inline constexpr std::string_view next_while_at_work = "Comment `/agent stop` to stop it.";
inline constexpr std::string_view next_while_it_waits = "Comment `/agent stop` to end it instead.";
inline constexpr std::string_view next_in_review =
    "Review it and merge it; or ask for changes in a review or with `/agent refine`; or have it made anew "
    "with `/agent retry [profile] [guidance]`; or close it.";
inline constexpr std::string_view next_at_the_end =
    "To have another try, comment `/agent retry [profile] [guidance]` or set the label again.";
inline constexpr std::string_view took = "From label to merge it took {}.";
inline constexpr std::string_view took_passes =
    "From label to merge it took {time}, in {passes:# pass|# passes} of the agent.";
inline constexpr std::string_view took_passes_and_money =
    "From label to merge it took {time}, in {passes:# pass|# passes} of the agent, for {cost}.";
inline constexpr std::string_view fact_asked_for = "Asked for by {who} on {time}";
inline constexpr std::string_view fact_profile = "agent profile {}";
inline constexpr std::string_view fact_runs = "{:# run|# runs}";
inline constexpr std::string_view fact_hidden_text =
    "{:# piece|# pieces} of hidden text not given to the agent";
inline constexpr std::string_view fact_job = "job {}";
inline constexpr std::string_view fact_as_of = "as of {}";

// What a person must say before it goes on.

inline constexpr std::string_view question =
    "The agent needs an answer before it can go on:\n\n"
    "{}\n\n"
    "Answer in a comment here; it goes on from where it is.";
inline constexpr std::string_view question_without_words =
    "The agent cannot go on without a person but did not say why. Comment what it should know.";
inline constexpr std::string_view budget_of_a_pass_spent =
    "The budget for one pass of the agent is spent: models have cost {} so far in this job. What the agent "
    "did is kept. `/agent resume` lets it go on with another pass, `/agent stop` ends the job.";
inline constexpr std::string_view budget_of_a_job_spent =
    "The budget for this job is spent: models have cost {} so far. What the agent did is kept. To let it go "
    "on, say how much more it may cost: `/agent resume +$5`. Or `/agent stop`.";
inline constexpr std::string_view reminder_of_a_question =
    "The question above still waits for an answer. Answer in a comment; or `/agent stop` ends the job. There "
    "is no further reminder.";
inline constexpr std::string_view reminder_of_a_budget =
    "This job still waits because its budget is spent, as told above. `/agent resume +$5` lets it go on, "
    "`/agent stop` ends it. There is no further reminder.";
inline constexpr std::string_view nothing_waits =
    "No job waits for an answer here. `/agent status` tells where it is.";
inline constexpr std::string_view answer_wanted =
    "The agent waits for an answer to its question. Write it as a comment, or after `/agent resume` on the "
    "same line.";
inline constexpr std::string_view amount_wanted =
    "The budget for this job is spent, so going on needs an amount: `/agent resume +$5`.";
inline constexpr std::string_view not_an_amount =
    "{} is not an amount. Write dollars, up to 10,000, like `/agent resume +$5` or `+$2.50`.";

// Why it goes on later by itself.

inline constexpr std::string_view day_budget_spent =
    "What this installation may spend on models in a day is spent. The job goes on by itself after midnight "
    "UTC; the operator can raise `models.budget.day`.";
inline constexpr std::string_view service_parked =
    "The model service {} takes no more requests for now. The job goes on by itself.";

// Why there is no pull request.

inline constexpr std::string_view recipe_errors =
    "`.shopfloor.yml` on the default branch cannot be used, so nothing was run:\n\n"
    "{}\n"
    "Mend it on the default branch, then comment `/agent retry`.";
inline constexpr std::string_view recipe_error_in_line = "line {}: ";
inline constexpr std::string_view base_rewritten =
    "Commit {commit}, which this job was asked to build on, is not there any more: {branch} was rewritten "
    "since. No other commit is taken in its place, so nothing was run. To build on the branch as it is now, "
    "comment `/agent retry`.";
inline constexpr std::string_view no_image =
    "The image {image} cannot be had, so nothing was run.{engine_says}\n"
    "Correct `image` in `.shopfloor.yml`, or have the operator provide it; then comment `/agent retry`.";
inline constexpr std::string_view engine_says = " The engine says:\n\n{}\n";
inline constexpr std::string_view setup_failed =
    "The recipe's `setup` {how_it_ended}, so the agent was not started.{output}\n"
    "Setup runs in the recipe's image, and reaches only the hosts that `egress.setup` may have. Mend `setup` "
    "in `.shopfloor.yml`, then comment `/agent retry`.";
inline constexpr std::string_view end_of_its_output = " The end of its output:\n\n{}\n";
inline constexpr std::string_view agent_failed =
    "The agent {how_it_ended}, so there is no change to propose.{output}\n"
    "Say more in the issue or pick another profile with `/agent retry PROFILE`; or just comment `/agent "
    "retry`.";
inline constexpr std::string_view last_it_had_to_say = " The last it had to say:\n\n{}\n";
inline constexpr std::string_view gave_up = "gave up";
inline constexpr std::string_view exited = "ended with exit status {}";
inline constexpr std::string_view signalled = "was ended by signal {}";
inline constexpr std::string_view out_of_memory = "ran out of memory";
inline constexpr std::string_view out_of_time = "was still running after {} s and was stopped";
inline constexpr std::string_view silent_too_long = "printed nothing for too long and was stopped after {} s";
inline constexpr std::string_view cancelled = "was cancelled";
inline constexpr std::string_view nothing_to_change = "The agent changed no file. It says:\n\n{}";
inline constexpr std::string_view nothing_to_change_and_no_words =
    "The agent changed no file and left no words about why. Say in the issue what should change, then "
    "comment `/agent retry`.";
inline constexpr std::string_view change_rejected =
    "The agent's change is not taken over, because of {path}: {why}\n\n"
    "Nothing was published. To have another try, comment `/agent retry` and say what to avoid.";
inline constexpr std::string_view protected_paths =
    "The agent changed files that only people may change here, so nothing was published:\n\n"
    "{}\n"
    "Make that part of the change by hand, or comment `/agent retry` and tell the agent to leave these files "
    "alone.";
inline constexpr std::string_view secret_found =
    "The agent's result holds what looks like a key or password, so nothing was published:\n\n"
    "{}\n"
    "If it must be there, make that part of the change by hand; or comment `/agent retry` and tell the agent "
    "to do without.";
inline constexpr std::string_view secret_in_a_file_name = "a file name";
inline constexpr std::string_view push_refused =
    "The forge refuses the branch or the «pull request». It says:\n\n"
    "{}\n\n"
    "Mostly a branch rule or a missing permission of this bot is in the way. Mend that, then comment `/agent "
    "retry`.";
inline constexpr std::string_view branch_names_taken = "all branch names for this issue are taken";
inline constexpr std::string_view infrastructure =
    "Shopfloor itself or the forge could not do its part:\n\n"
    "{}\n\n"
    "This is not the agent's fault nor the issue's. The operator finds more in the log; once it is mended, "
    "comment `/agent retry`.";
inline constexpr std::string_view infrastructure_after =
    "Shopfloor itself or the forge could not do its part in {attempts} tries:\n\n"
    "{fault}\n\n"
    "This is not the agent's fault nor the issue's. The operator finds more in the log; once it is mended, "
    "comment `/agent retry`.";
inline constexpr std::string_view no_agent_adapter = "no agent adapter '{}'";
inline constexpr std::string_view forge_not_configured = "the forge is not configured any more";
inline constexpr std::string_view named_forge_not_configured = "forge '{}' is not configured any more";
inline constexpr std::string_view repository_without_number = "the forge named the repository by no number";

// What it was about when something outside went wrong, before the words of what went wrong.

inline constexpr std::string_view while_doing = "{doing}: {fault}";
inline constexpr std::string_view opening_the_mirror = "opening the mirror";
inline constexpr std::string_view fetching = "fetching {}";
inline constexpr std::string_view reading_the_recipe = "reading the recipe";
inline constexpr std::string_view reading_the_repository = "reading the repository";
inline constexpr std::string_view reading_the_base_commit = "reading the base commit";
inline constexpr std::string_view checking_out = "checking out the base commit";
inline constexpr std::string_view reading_the_change = "reading the «pull request»'s change";
inline constexpr std::string_view reading_the_conversation = "reading what was said on the «pull request»";
inline constexpr std::string_view looking_for_the_image = "looking for the image";
inline constexpr std::string_view opening_the_way_out = "opening the way out of the sandbox";
inline constexpr std::string_view running_setup = "running setup";
inline constexpr std::string_view making_the_setup_layer = "making the setup layer";
inline constexpr std::string_view opening_the_workspace = "opening the workspace";
inline constexpr std::string_view laying_out_the_pull_request = "laying out the «pull request»";
inline constexpr std::string_view running_the_agent = "running the agent";
inline constexpr std::string_view model_service_says = "the agent's model service: {}";
inline constexpr std::string_view reading_gitignore = "reading .gitignore";
inline constexpr std::string_view reading_the_result = "reading the result";
inline constexpr std::string_view opening_a_workspace_for_checks = "opening a workspace for the checks";
inline constexpr std::string_view laying_out_the_result = "laying out the result";
inline constexpr std::string_view running_the_check = "running the check {}";
inline constexpr std::string_view comparing_with_the_branch = "comparing with the branch";
inline constexpr std::string_view building_the_commit = "building the commit";
inline constexpr std::string_view keeping_the_earlier_try = "keeping the earlier try";
inline constexpr std::string_view keeping_the_other_tries = "keeping the other tries";
inline constexpr std::string_view fetching_the_try = "fetching the try";
inline constexpr std::string_view the_try_is_gone = "the try is not there";
inline constexpr std::string_view pushing = "pushing {}";
inline constexpr std::string_view writing_the_check_run = "writing the check run";
inline constexpr std::string_view looking_at_the_pull_request = "looking at the «pull request»";
inline constexpr std::string_view opening_the_pull_request = "opening the «pull request»";
inline constexpr std::string_view path_in_the_log = "(path in the log)";  // in the place of one

// The pull request: its title when the issue's is empty, and its sections.

inline constexpr std::string_view title_of_an_issue_without = "Issue {}";
inline constexpr std::string_view fixes = "Fixes #{}";
inline constexpr std::string_view draft_warning =
    "> [!WARNING]\n"
    "> **{}.** This is a draft: the agent had all its rounds and the evidence below still says no.";

inline constexpr std::string_view heading_summary = "What and why";
inline constexpr std::string_view no_summary = "The agent left no words about its change.";

inline constexpr std::string_view heading_evidence = "Evidence";
inline constexpr std::string_view evidence =
    "**{headline}.** Every check below was run by Shopfloor itself in a fresh sandbox without the agent, on "
    "the base commit {base} and on this branch's commit {head}.\n\n"
    "{table}\n"
    "{details}";
inline constexpr std::string_view no_checks = "There are no checks";
inline constexpr std::string_view no_check_required = "No check is required";
inline constexpr std::string_view required_check_passes = "The required check passes";
inline constexpr std::string_view both_required_checks_pass = "Both required checks pass";
inline constexpr std::string_view all_required_checks_pass = "All {} required checks pass";
inline constexpr std::string_view required_checks_red =
    "{red} of {all:# required check|# required checks} {red:is|are} red";
inline constexpr std::string_view nothing_proven =
    "The repository has no checks, so nothing is proven here. Add some to `.shopfloor.yml`: they are run on "
    "the base commit and on every change.";
inline constexpr std::string_view evidence_columns =
    "| Check | Base | This branch | Change | Time |\n"
    "| --- | --- | --- | --- | --- |\n";
inline constexpr std::string_view advisory_check = "{} (advisory)";
inline constexpr std::string_view check_passes = "✅ passes";
inline constexpr std::string_view check_fails = "❌ fails (exit status {})";
inline constexpr std::string_view check_out_of_time = "❌ runs out of time";
inline constexpr std::string_view check_out_of_memory = "❌ runs out of memory";
inline constexpr std::string_view check_not_run = "⚠️ was not run";
inline constexpr std::string_view check_not_known = "not known";
inline constexpr std::string_view of_tests = ", {:# test|# tests}";
inline constexpr std::string_view of_tests_failed = ", {} failed";
inline constexpr std::string_view of_tests_skipped = ", {} skipped";
inline constexpr std::string_view still_passes = "✅ still passes";
inline constexpr std::string_view is_fixed = "✅ **fixed**";
inline constexpr std::string_view newly_broken = "❌ **newly broken**";
inline constexpr std::string_view still_fails = "❌ still fails";
inline constexpr std::string_view is_flaky = "⚠️ **flaky**";
inline constexpr std::string_view no_baseline = "no baseline";
inline constexpr std::string_view further_checks =
    "{:# further check is not shown.|# further checks are not shown.}";
inline constexpr std::string_view differs = "{}: two runs of this very commit ended differently.";
inline constexpr std::string_view differs_and_passed =
    "{}: two runs of this very commit ended differently; one of them passed.";
inline constexpr std::string_view tests_fixed = "{check}: {number:# test|# tests} fixed: {names}";
inline constexpr std::string_view tests_broken = "{check}: {number:# test|# tests} newly failing: {names}";
inline constexpr std::string_view tests_still_failing =
    "{check}: {number:# test|# tests} failing before and after: {names}";
inline constexpr std::string_view tests_flaky =
    "{check}: {number:# test|# tests} flaky (differs between two runs of this commit): {names}";
inline constexpr std::string_view tests_gone =
    "{check}: ⚠️ {number:# test|# tests} ran on base and **{number:does|do} not exist any more**: {names}";
inline constexpr std::string_view tests_skipped =
    "{check}: ⚠️ {number:# test|# tests} ran on base and **{number:is|are} skipped now**: {names}";
inline constexpr std::string_view no_single_tests = "{check}: no single tests are known: {why}";
inline constexpr std::string_view failing_tests = "Failing tests ({})";
inline constexpr std::string_view failing_test = "**{test}** in {check}";
inline constexpr std::string_view failing_test_at = "**{test}** in {check}, {place}";
inline constexpr std::string_view more_failing_tests = "And {} more.";
inline constexpr std::string_view output_of_a_red_check = "End of the output of red check {}";

inline constexpr std::string_view heading_tests = "Tests touched";
inline constexpr std::string_view test_files_added = "{number:# test file|# test files} added: {names}";
inline constexpr std::string_view test_files_changed = "{number:# test file|# test files} changed: {names}";
inline constexpr std::string_view test_files_removed = "{number:# test file|# test files} removed: {names}";
inline constexpr std::string_view old_tests_on_new_code =
    "So that changed tests cannot hide a broken program, the checks were also run on this branch with the "
    "test files as they are on the base commit:\n\n"
    "| Check | With this branch's tests | With the base's tests |\n"
    "| --- | --- | --- |\n";

inline constexpr std::string_view heading_tries = "Other tries";
inline constexpr std::string_view tries_side_by_side =
    "Several tries were made side by side; this «pull request» is the one marked.";
inline constexpr std::string_view tries_columns =
    "| Try | Profile | Required checks | Checks and tests | Test files touched | Size |\n"
    "| --- | --- | --- | --- | --- | --- |\n";
inline constexpr std::string_view tries_columns_and_cost =
    "| Try | Profile | Required checks | Checks and tests | Test files touched | Size | Cost |\n"
    "| --- | --- | --- | --- | --- | --- | --- |\n";
inline constexpr std::string_view try_here = "{} **here**";
inline constexpr std::string_view default_profile = "default";
inline constexpr std::string_view try_passes = "✅ all pass";
inline constexpr std::string_view try_is_red = "❌ red";
inline constexpr std::string_view try_changed_nothing = "changed nothing";
inline constexpr std::string_view try_without_result = "no result";
inline constexpr std::string_view try_tests = "{fixed} fixed, {broken} broken";
inline constexpr std::string_view try_size = "{files:# file|# files}, {bytes:# byte|# bytes}";
inline constexpr std::string_view pick_another =
    "`/agent pick {number}` puts try {number} here instead; what is here is kept.";

inline constexpr std::string_view heading_assumed = "Assumed";
inline constexpr std::string_view assumed =
    "The repository has no `.shopfloor.yml` yet, so this was assumed from its files:\n\n{}";
inline constexpr std::string_view make_it_certain =
    "To make it certain, correct this and commit it as `.shopfloor.yml` on the default branch:\n\n{}";

inline constexpr std::string_view heading_refused = "Hosts refused";
inline constexpr std::string_view hosts_refused =
    "Programs wanted to reach these hosts and could not. What a recipe may ask for under `egress` is the "
    "operator's choice.\n\n"
    "| Host | Wanted by | Times | Why not |\n"
    "| --- | --- | --- | --- |\n";
inline constexpr std::string_view more_hosts = "And {} more.";

inline constexpr std::string_view heading_cost = "Cost and time";
inline constexpr std::string_view cost =
    "Asked for by {who}. Agent profile {profile}: {rounds:# round|# rounds}, {time}.";
inline constexpr std::string_view cost_tokens = " Tokens: {in} in, {cached} in from cache, {out} out.";
inline constexpr std::string_view cost_money = " Cost: {}.";
inline constexpr std::string_view hidden_text =
    "⚠️ {:# piece of text that people do not see was|# pieces of text that people do not see were} taken out "
    "of the issue before the agent read it.";

inline constexpr std::string_view heading_answer = "How to answer";
inline constexpr std::string_view how_to_answer =
    "- Good as it is? Review it like anybody's work and merge it.\n"
    "- Something to change? Ask for changes in a review, with comments beside the lines, or comment `/agent "
    "refine` and what to change.\n"
    "- Not what was meant? Comment `/agent retry [profile] [guidance]`: it is made anew from the present "
    "base, and what is here is kept. The guidance reaches the agent word for word. Or close it; the label "
    "{label} on issue {issue} begins again later.\n"
    "- `/agent status` tells where the job is, `/agent stop` ends it and leaves this «pull request» alone, "
    "`/agent help` lists the commands.";
inline constexpr std::string_view footer = "Shopfloor job {job} · base {base} · commit {head}";
inline constexpr std::string_view footer_image = " · image {}";
inline constexpr std::string_view parts_left_out =
    "Parts of this report are left out: it would be longer than the forge allows.";

// The commit and the check run.

inline constexpr std::string_view commit_of_a_change = "Address review: {}";
inline constexpr std::string_view commit_refers_to = "Refs #{}";
inline constexpr std::string_view annotation_title = "{check}: {test}";
inline constexpr std::string_view annotation_without_words = "failed";

// Why a check's tests are not known one by one.

inline constexpr std::string_view junit_too_large = "The JUnit file is larger than 32 MiB.";
inline constexpr std::string_view junit_empty = "The JUnit file is empty.";
inline constexpr std::string_view junit_not_xml = "The JUnit file is not XML: {fault} at byte {offset}.";
inline constexpr std::string_view junit_other_root =
    "The JUnit file has no `<testsuites>` or `<testsuite>` at its root.";
inline constexpr std::string_view junit_too_many = "The JUnit file has more than 200,000 test cases.";
inline constexpr std::string_view junit_unreadable = "it could not be read.";

// What came of changing a pull request, said there.

inline constexpr std::string_view refined =
    "Changed in {commit}. **{headline}**; the evidence in the description is that of this commit.{draft}\n\n"
    "{summary}";
inline constexpr std::string_view still_a_draft = " It is still a draft: mark it ready when you are content.";
inline constexpr std::string_view changed_here = "{path} was changed in {commit}.";
inline constexpr std::string_view unchanged_here =
    "{path} is as it was in {commit}: what the agent did about this, if anything, is elsewhere. Its words "
    "are in the comment on the whole.";
inline constexpr std::string_view made_anew =
    "Made anew from commit {base}, as {commit}. **{headline}**; the evidence in the description is that of "
    "this commit.{draft} What was here before is kept: `git fetch origin {kept_as}`.\n\n"
    "{summary}";
inline constexpr std::string_view brought_onto =
    "Brought onto commit {base}, as {commit}. **{headline}**; the evidence in the description is that of "
    "this commit.{draft} What was here before is kept: `git fetch origin {kept_as}`.\n\n"
    "{summary}";
inline constexpr std::string_view picked =
    "This is try {number} now, as {commit}. **{headline}**; the evidence in the description is that of this "
    "commit.{draft} What was here before is kept: `git fetch origin {kept_as}`.";
inline constexpr std::string_view not_refined =
    "Nothing was changed here; the «pull request» is as it was.\n\n"
    "{}\n\n"
    "Say `/agent refine` and what to change, or ask for changes in a review, to have another try.";
inline constexpr std::string_view nothing_to_refine =
    "There is no open «pull request» of Shopfloor's here to change. `/agent status` tells where the job is.";
inline constexpr std::string_view wish_wanted =
    "Say what to change: `/agent refine use the helper in util.py`. Or ask for changes in a review, with "
    "comments beside the lines.";
inline constexpr std::string_view branch_gone =
    "The branch {} is not there any more, so there is nothing to go on from.";
inline constexpr std::string_view branch_moved =
    "Somebody pushed to {branch} while the agent was at work. That is theirs, so nothing was pushed over it. "
    "What the agent made is kept as {kept_as}. Say `/agent refine` and what to change, or ask for changes in "
    "a review, and it goes on from what is there now.";
inline constexpr std::string_view too_much_to_refine =
    "The «pull request» has become more than an agent's change may be here ({}). The recipe's "
    "`max_files` and `max_change` say how much it may.";
inline constexpr std::string_view people_pushed =
    "People have pushed to {}, and doing this would drop their commits. `/agent refine WHAT` goes on from "
    "them; or close the «pull request» and comment `/agent retry` on the issue.";
inline constexpr std::string_view conflict_left =
    "The agent left conflict markers, so nothing was pushed:\n\n"
    "{}\n"
    "Merge the base branch by hand, or comment `/agent retry` to have the change made anew.";
inline constexpr std::string_view conflict_left_to_people =
    "This branch conflicts with {base} now. It holds commits of people, which are not rewritten: merge "
    "{base} by hand; or close the «pull request» and comment `/agent retry` on the issue.";

// The forge's own CI.

inline constexpr std::string_view ci_end_of_log = "The end of its log:\n\n{}";
inline constexpr std::string_view ci_without_words = "It says nothing of why.";
inline constexpr std::string_view ci_not_ours =
    "CI is red here, but not because of this change, so it is left alone:\n\n"
    "{}\n"
    "If something is to be done about it, say so with `/agent refine WHAT`.";
inline constexpr std::string_view ci_flaky = "flaky, has failed and passed on this commit: {}";
inline constexpr std::string_view ci_red_on_base = "red on the base commit too: {}";
inline constexpr std::string_view ci_repairs_off =
    "CI is red: {}. Repairs are switched off here (`ci_repairs`). `/agent refine WHAT` has another try at "
    "it.";
inline constexpr std::string_view ci_left_alone =
    "CI is red: {checks}. {repairs:# repair|# repairs} did not turn it green, and that is the limit here "
    "(`ci_repairs`). `/agent refine WHAT` has another try at it.";

// Several tries side by side.

inline constexpr std::string_view no_try_succeeded = "None of the {} tries came to a result.";
inline constexpr std::string_view no_try_because = "**Try {number}** ({state}):\n\n{why}";
inline constexpr std::string_view try_asks =
    "The agent ended with a question. Of several tries none is asked back: say it in the issue, or in a "
    "single `/agent run` with words for the agent.";
inline constexpr std::string_view try_out_of_money = "The budget for it was spent before it had a result.";
inline constexpr std::string_view nothing_to_pick =
    "There is no open «pull request» here that came of several tries. `/agent run x3` on an issue makes "
    "three.";
inline constexpr std::string_view no_other_try = "No other try came to a result, so there is none to pick.";
inline constexpr std::string_view no_such_try = "There is no result of that try. You can say: {}.";
inline constexpr std::string_view pick_command = "`/agent pick {}`";
inline constexpr std::string_view picked_already =
    "Try {} is the one that this «pull request» shows already.";

// Answers to `/agent help` and to what is no command.

inline constexpr std::string_view no_such_command = "There is no command {}.";
inline constexpr std::string_view did_you_mean = " Did you mean `/agent {}`?";
inline constexpr std::string_view help_label =
    "Set the label {label} on an issue to have it worked on, or {label_with_profile} to pick an agent "
    "profile.";
inline constexpr std::string_view help_commands =
    "A line of a comment that begins like this is a command. What you can say here now:\n\n"
    "| Command | What it does |\n"
    "| --- | --- |\n";
inline constexpr std::string_view help_command = "| `/agent {command}` | {does} |\n";
inline constexpr std::string_view help_run = "run [profile …] [xN] [guidance]";
inline constexpr std::string_view help_run_does =
    "starts a job for the issue; with `x3`, three tries side by side";
inline constexpr std::string_view help_retry = "retry [profile] [guidance]";
inline constexpr std::string_view help_retry_does = "another try for the issue";
inline constexpr std::string_view help_refine = "refine WHAT";
inline constexpr std::string_view help_refine_does =
    "changes the open «pull request»; a review that asks for changes does too";
inline constexpr std::string_view help_retry_in_review_does =
    "makes the «pull request» anew from the present base; what is there is kept";
inline constexpr std::string_view help_pick = "pick N";
inline constexpr std::string_view help_pick_does =
    "shows another of the tries in the «pull request»; what is there is kept";
inline constexpr std::string_view help_resume = "resume [+$N] [answer]";
inline constexpr std::string_view help_resume_does =
    "lets the job go on that waits for an answer or a budget; a plain comment answers too";
inline constexpr std::string_view help_stop = "stop";
inline constexpr std::string_view help_stop_does = "ends the job; `cancel` is the same";
inline constexpr std::string_view help_status = "status";
inline constexpr std::string_view help_status_does = "tells where the job is";
inline constexpr std::string_view help_why = "why";
inline constexpr std::string_view help_why_does = "tells how it came there";
inline constexpr std::string_view help_help = "help";
inline constexpr std::string_view help_help_does = "shows this";
inline constexpr std::string_view help_needs_write_access =
    "Starting and steering jobs takes write access to the repository.";
inline constexpr std::string_view help_profiles = "Agent profiles here: {}.";
inline constexpr std::string_view help_good_at = "{profile}: good at {what}";

// Answers to `/agent stop`, `/agent status` and `/agent why`.

inline constexpr std::string_view no_active_job =
    "No job is at work here. Set the label or comment `/agent run` on the issue to start one.";
inline constexpr std::string_view stop_said_before =
    "The job that is at work here was asked for after this, so it goes on. Comment `/agent stop` again to "
    "end it.";
inline constexpr std::string_view why = "Job {job} is **{state}**: {reason}";
inline constexpr std::string_view why_without_reason = "no reason is noted.";
inline constexpr std::string_view why_asked_for =
    "Asked for by {who} on {time}; it works from commit {commit} of {branch}.";
inline constexpr std::string_view why_start = "{} began it with a comment.";
inline constexpr std::string_view why_wish = "{} asked for a change.";
inline constexpr std::string_view why_wish_to = "{who} asked for a change to {path}.";
inline constexpr std::string_view why_retry = "{} asked for another try.";
inline constexpr std::string_view why_pick = "{who} picked try {number}.";
inline constexpr std::string_view why_checks = "CI was red: {}.";
inline constexpr std::string_view why_conflict = "The branch conflicted with its base.";
inline constexpr std::string_view why_stop = "A person said stop.";
inline constexpr std::string_view why_run = "Run {number} ({kind}, profile {profile}) on {time}: {outcome}.";
inline constexpr std::string_view run_first = "first try";
inline constexpr std::string_view run_repair = "repair after red checks";
inline constexpr std::string_view run_retry = "went on";
inline constexpr std::string_view run_refine = "change to the «pull request»";
inline constexpr std::string_view run_at_work = "at work";
inline constexpr std::string_view why_attempts =
    "{:# attempt|# attempts} failed for reasons outside of this issue.";
inline constexpr std::string_view why_evidence = "What the checks said last: {headline}.\n\n{table}";

// Why a job is where it is, for `/agent why` and, at its end, for the status comment.

inline constexpr std::string_view reason_label = "asked by {} with the label";
inline constexpr std::string_view reason_comment = "asked by {} with a comment";
inline constexpr std::string_view reason_taken = "a worker has taken it";
inline constexpr std::string_view reason_worker_lost =
    "the worker was lost and the job waits for another one";
inline constexpr std::string_view reason_restart = "the daemon was stopped; the job goes on when it is back";
inline constexpr std::string_view reason_person_must_answer = "a person must answer first";
inline constexpr std::string_view reason_answered = "{} answered";
inline constexpr std::string_view reason_checked = "the result is checked";
inline constexpr std::string_view reason_publishing = "the result is checked and is being published";
inline constexpr std::string_view reason_best_try = "try {} of {} is the best and is being published";
inline constexpr std::string_view reason_changes = "{} asked for changes";
inline constexpr std::string_view reason_more_changes = "more was asked for meanwhile";
inline constexpr std::string_view reason_another_try = "{} asked for another try";
inline constexpr std::string_view reason_picked = "{} picked try {}";
inline constexpr std::string_view reason_ci = "CI is red";
inline constexpr std::string_view reason_conflict = "it conflicts with its base";
inline constexpr std::string_view reason_given_up = "{} (given up after {} attempts)";
inline constexpr std::string_view reason_merged = "The «pull request» was merged.";
inline constexpr std::string_view reason_closed = "The «pull request» was closed without merging.";
inline constexpr std::string_view reason_proposal_gone = "The «pull request» is not there any more.";
inline constexpr std::string_view reason_ended_already = "the «pull request» had ended already";
inline constexpr std::string_view reason_stopped_by = "Stopped by {}.";
inline constexpr std::string_view reason_stopped_since = "Stopped: {}.";
inline constexpr std::string_view since_label_off = "the label was taken off";
inline constexpr std::string_view since_issue_closed = "the issue was closed";
inline constexpr std::string_view since_issue_deleted = "the issue was deleted";
inline constexpr std::string_view since_issue_moved = "the issue was moved to another repository";
inline constexpr std::string_view since_issue_locked = "the issue's conversation was locked";
inline constexpr std::string_view since_ended_meanwhile =
    "its conversation was locked, or its label was taken off";
inline constexpr std::string_view since_issue_gone = "the issue is not there any more";
inline constexpr std::string_view since_repository_moved =
    "the repository was moved to where this bot does not work";
inline constexpr std::string_view since_repository_deleted = "the repository was deleted";
inline constexpr std::string_view since_repository_gone =
    "the repository, or its default branch, cannot be found any more";
inline constexpr std::string_view since_repository_archived = "the repository was archived";
inline constexpr std::string_view since_taken_out = "this bot was taken out of the repository";
inline constexpr std::string_view since_uninstalled = "this bot was uninstalled";
inline constexpr std::string_view stopped_during_setup = "stopped during setup";
inline constexpr std::string_view stopped_before_baseline = "stopped before the baseline";
inline constexpr std::string_view stopped_at_work = "stopped while the agent worked";
inline constexpr std::string_view stopped_during_checks = "stopped during the checks";
inline constexpr std::string_view stopped_before_publishing = "stopped before publishing";

// Small words in all of these.

inline constexpr std::string_view and_more = " and {} more";
inline constexpr std::string_view lines_and_more = "and {} more";
inline constexpr std::string_view none = "none";
inline constexpr std::string_view no_name = "(no name)";
inline constexpr std::string_view image_of = "image {}";  // in the place of one in others' words
inline constexpr std::string_view moment = "{:%Y-%m-%d %H:%M} UTC";
inline constexpr std::string_view dollars = "${:.2f}";

}  // namespace bot::sentence
