#include <doctest/doctest.h>
#include <fmt/format.h>

#include <string>
#include <string_view>

#include "bot/halt.hpp"
#include "bot/intent.hpp"
#include "bot/log_tail.hpp"
#include "bot/report.hpp"
#include "bot/sentences.hpp"
#include "tests/bot/report_samples.hpp"

// Why a job is where it is, as `/agent why` and the status comment show it.

using namespace bot;      // NOLINT: the tests read as sentences
using namespace samples;  // NOLINT

namespace {

/// A line for each, as it is shown.
class Lines {
 public:
    void add(std::string_view reason) { text_ += "- " + report::foreign(reason, 2000) + "\n"; }
    [[nodiscard]] const std::string& text() const { return text_; }

 private:
    std::string text_;
};

}  // namespace

TEST_CASE("each step of a job has its reason") {
    Lines lines;
    lines.add(fmt::format(sentence::reason_label, "alice"));
    lines.add(fmt::format(sentence::reason_comment, "alice"));
    for (const auto reason :
         {sentence::reason_taken, sentence::reason_worker_lost, sentence::reason_restart,
          sentence::reason_person_must_answer, sentence::reason_checked, sentence::reason_publishing,
          sentence::reason_more_changes, sentence::reason_ci, sentence::reason_conflict,
          sentence::reason_ended_already, sentence::stopped_during_setup, sentence::stopped_before_baseline,
          sentence::stopped_at_work, sentence::stopped_during_checks, sentence::stopped_before_publishing})
        lines.add(reason);
    lines.add(fmt::format(sentence::reason_answered, "alice"));
    lines.add(fmt::format(sentence::reason_best_try, 2, 3));
    lines.add(fmt::format(sentence::reason_changes, "alice"));
    lines.add(fmt::format(sentence::reason_another_try, "alice"));
    lines.add(fmt::format(sentence::reason_picked, "alice", 2));
    lines.add(fmt::format(sentence::reason_given_up, "fetching main: the forge does not answer", 5));
    lines.add(report::proposal_over(true));
    lines.add(report::proposal_over(false));
    lines.add(report::proposal_gone());
    lines.add(report::stopped_by(""));
    check_golden("reasons", lines.text());
}

TEST_CASE("the end of an issue or of a repository is told as the reason why a job was stopped") {
    Lines lines;
    const config::Settings settings;
    Facts facts;
    facts.active_job = job(JobState::working);
    facts.repository_allowed = true;
    const auto tell = [&](const integrations::Event& event) {
        for (const auto& request : recognise(event, settings, "shopfloor"))
            lines.add(reason(decide(request, facts, settings)));
    };
    using Ended = integrations::IssueEnded;
    for (const auto how :
         {Ended::How::closed, Ended::How::deleted, Ended::How::transferred, Ended::How::locked})
        tell(Ended{.issue = facts.active_job->assignment.issue, .how = how, .by = {.login = "bob"}});
    tell(integrations::IssueUnlabelled{.issue = facts.active_job->assignment.issue,
                                       .label = settings.labels.trigger,
                                       .by = {.login = "bob"}});
    using Over = integrations::AccessEnded;
    for (const auto how :
         {Over::How::deleted, Over::How::archived, Over::How::removed, Over::How::uninstalled})
        tell(Over{.how = how, .forge = "github", .installation = "1", .repositories = {"7"}});
    facts.repository_allowed = false;
    facts.repository = integrations::RepoRef{.full_name = "other/till"};
    tell(integrations::RepositoryRenamed{.repo = *facts.repository});
    for (const auto since : {sentence::since_issue_gone, sentence::since_repository_gone})
        lines.add(report::stopped_since(since));
    lines.add(report::stopped_since(sentence::since_ended_meanwhile));
    check_golden("reasons_of_a_stop", lines.text());
}

TEST_CASE("what it was about stands before what went wrong, without paths of this machine") {
    using integrations::GitError;
    Lines lines;
    const auto add = [&](std::string_view doing, std::string_view fault = "it is not there") {
        lines.add(
            halt(GitError{.kind = GitError::Kind::storage, .message = std::string(fault)}, doing).reason);
    };
    for (const auto doing : {sentence::opening_the_mirror,
                             sentence::reading_the_recipe,
                             sentence::reading_the_repository,
                             sentence::reading_the_base_commit,
                             sentence::checking_out,
                             sentence::reading_the_change,
                             sentence::reading_the_conversation,
                             sentence::looking_for_the_image,
                             sentence::opening_the_way_out,
                             sentence::running_setup,
                             sentence::making_the_setup_layer,
                             sentence::opening_the_workspace,
                             sentence::laying_out_the_pull_request,
                             sentence::running_the_agent,
                             sentence::reading_gitignore,
                             sentence::opening_a_workspace_for_checks,
                             sentence::laying_out_the_result,
                             sentence::comparing_with_the_branch,
                             sentence::building_the_commit,
                             sentence::keeping_the_earlier_try,
                             sentence::keeping_the_other_tries,
                             sentence::fetching_the_try,
                             sentence::writing_the_check_run,
                             sentence::looking_at_the_pull_request,
                             sentence::opening_the_pull_request})
        add(doing);
    add(fmt::format(sentence::fetching, "main"));
    add(fmt::format(sentence::running_the_check, "unit tests"));
    add(fmt::format(sentence::pushing, "agent/issue-12-totals"), "cannot open /srv/shopfloor/mirrors/7.git");
    lines.add(halt(sandbox::HarvestError{
                       .kind = sandbox::HarvestError::Kind::io, .path = {}, .message = "the disk is full"})
                  .reason);
    lines.add(fmt::format(sentence::model_service_says, "overloaded"));
    add(sentence::opening_the_mirror, fmt::format(sentence::named_forge_not_configured, "github"));
    add(sentence::opening_the_mirror, sentence::repository_without_number);
    check_golden("faults", lines.text());
    check_golden("infrastructure_at_once", report::infrastructure(sentence::forge_not_configured, 1));
    check_golden("infrastructure_without_agent",
                 report::infrastructure(fmt::format(sentence::no_agent_adapter, "abacus"), 1));
    check_golden("infrastructure_without_try", report::infrastructure(sentence::the_try_is_gone, 1));
    check_golden("push_refused_for_names", report::push_refused(sentence::branch_names_taken));
}

TEST_CASE("how a program ended is told after its name") {
    using End = sandbox::RunOutcome::End;
    Lines lines;
    for (const auto end : {End::exited, End::signalled, End::out_of_memory, End::total_deadline,
                           End::idle_deadline, End::cancelled})
        lines.add("The agent " +
                  how_it_ended({.end = end,
                                .exit_code = end == End::signalled ? 137 : 3,
                                .duration = std::chrono::seconds(600)}) +
                  ".");
    check_golden("how_a_program_ended", lines.text());
    check_golden("agent_gave_up", report::agent_failed(sentence::gave_up, "It is too much."));
}
