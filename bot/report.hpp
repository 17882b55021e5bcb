#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "bot/evidence.hpp"
#include "bot/job.hpp"
#include "config/error.hpp"
#include "config/settings.hpp"
#include "integrations/forge.hpp"

/// Every sentence the bot says on a forge. Pure, golden-tested. Words that come from agents, repositories or
/// issues are neutralised: nobody is mentioned, no issue is closed or linked by accident, nothing remote is
/// loaded, no HTML.
namespace bot::report {

/// Foreign text made safe to stand in our Markdown as it is (agent's summary): mentions, closing words,
/// images, HTML, control and bidi characters are defused; headings go down to bold. At most `limit` code
/// points.
[[nodiscard]] std::string foreign(std::string_view markdown, std::size_t limit);
/// Foreign text inside a code fence that it cannot leave.
[[nodiscard]] std::string fenced(std::string_view text, std::size_t limit);
/// Foreign text as one line of plain words for where no Markdown is read: titles, commit messages.
[[nodiscard]] std::string one_line(std::string_view text, std::size_t limit);
/// Foreign words as a code span of one line: names, paths, addresses in our own sentences and tables.
[[nodiscard]] std::string code(std::string_view text, std::size_t limit = 200);
/// A program's output as a terminal would leave it: valid UTF-8, no colours, no control or bidi characters.
[[nodiscard]] std::string plain_output(std::string_view bytes);

/// The issue's one status comment, true at every moment of the job. `position` 1-based, 0 when not queued;
/// `now` for elapsed times, the epoch when it is not known. `held_up`: a sentence of ours on what keeps every
/// queued job waiting, or empty. `tries`: that compete for it.
[[nodiscard]] std::string status(const Job& job, const std::vector<Run>& runs, int position, Time now,
                                 std::string_view held_up = {}, const std::vector<Job>& tries = {});
/// Such a sentence.
[[nodiscard]] std::string short_of_disk();
// `job.reason` is shown through `foreign`: what this file's answers say comes through it unchanged.

/// The label that shows the state, e.g. `agent-state: working`; empty for none. All of them, to take the
/// others off.
[[nodiscard]] std::string state_label(JobState state, const config::LabelSettings& labels);
[[nodiscard]] std::vector<std::string> all_state_labels(const config::LabelSettings& labels);

[[nodiscard]] std::string pull_request_title(const Job& job);
[[nodiscard]] std::string pull_request_body(const Job& job, const Verdict& verdict,
                                            std::string_view trigger_label);
using MailOf = std::function<std::string(const integrations::Person& person)>;  ///< empty: there is none
/// `asks`: what reviewers wanted, of a change to an open pull request; else none.
[[nodiscard]] std::string commit_message(const Job& job, const Verdict& verdict, const MailOf& mail_of,
                                         const std::vector<Ask>& asks = {});
[[nodiscard]] integrations::CheckReport check_report(const Job& job, const Verdict& verdict);

// Plain answers: why there is no pull request, and what to do.
[[nodiscard]] std::string nothing_to_change(std::string_view agent_summary);
// What came of changing a pull request (`draft`: it is one), said there.
[[nodiscard]] std::string refined(const Verdict& verdict, bool draft);
[[nodiscard]] std::string not_refined(std::string_view reason);
/// Below what stands beside a line.
[[nodiscard]] std::string reply_to(const Ask& ask, const Verdict& verdict);
[[nodiscard]] std::string nothing_to_refine();
[[nodiscard]] std::string wish_wanted();
[[nodiscard]] std::string branch_gone(std::string_view branch);
[[nodiscard]] std::string branch_moved(std::string_view branch, std::string_view kept_as);
[[nodiscard]] std::string too_much_to_refine(std::string_view why);
/// Of a pull request made anew; `kept_as`: the ref of what was there before.
[[nodiscard]] std::string replaced(const Verdict& verdict, Cycle what, bool draft);
/// Of a pull request that another of the tries took over.
[[nodiscard]] std::string picked(const Verdict& verdict, bool draft);
[[nodiscard]] std::string people_pushed(std::string_view branch);
[[nodiscard]] std::string conflict_left(const std::vector<std::string>& paths);
/// Said once when the branch conflicts with its base and nothing is done about it.
[[nodiscard]] std::string conflict_left_to_people(std::string_view base_branch);
// What the forge's own CI says.
[[nodiscard]] std::string ci_words(const integrations::FailedCheck& failed);  ///< for the agent
[[nodiscard]] std::string ci_not_ours(const std::vector<integrations::FailedCheck>& flaky,
                                      const std::vector<integrations::FailedCheck>& on_base);
[[nodiscard]] std::string ci_left_alone(const std::vector<integrations::FailedCheck>& failed, int repairs);
// Several tries side by side.
[[nodiscard]] std::string rivals_table(const std::vector<Rival>& rivals);
[[nodiscard]] std::string no_try_succeeded(const std::vector<Job>& tries);
[[nodiscard]] std::string try_needs_a_person(WaitsFor what);
[[nodiscard]] std::string too_many_tries(int wanted, int most);
[[nodiscard]] std::string tries_need_a_start();
[[nodiscard]] std::string nothing_to_pick();
[[nodiscard]] std::string no_such_try(const std::vector<Rival>& rivals);
[[nodiscard]] std::string picked_already(int number);
// What a person must answer before a job goes on.
[[nodiscard]] std::string question(std::string_view agent_question);
/// `spent` of the job in millionths of a dollar; `whole_job`: its budget is spent, else one pass's.
[[nodiscard]] std::string budget_spent(std::uint64_t micro_dollars, bool whole_job);
[[nodiscard]] std::string reminder(const Job& job);
[[nodiscard]] std::string nothing_waits();
[[nodiscard]] std::string not_an_amount(std::string_view words);
[[nodiscard]] std::string answer_wanted();
[[nodiscard]] std::string amount_wanted();
// Why it goes on later by itself.
[[nodiscard]] std::string day_budget_spent();
[[nodiscard]] std::string service_parked(std::string_view provider);
[[nodiscard]] std::string recipe_errors(const std::vector<config::Error>& errors);
[[nodiscard]] std::string no_such_profile(std::string_view name,
                                          const std::vector<config::AgentProfile>& profiles);
[[nodiscard]] std::string no_image(std::string_view image, std::string_view engine_words);
[[nodiscard]] std::string setup_failed(std::string_view how, std::string_view log_tail);
[[nodiscard]] std::string agent_failed(std::string_view how, std::string_view detail);
[[nodiscard]] std::string change_rejected(std::string_view path, std::string_view why);
/// `where`: paths of the change, or what else holds it.
[[nodiscard]] std::string secret_found(const std::vector<std::string>& where);
[[nodiscard]] std::string protected_paths(const std::vector<std::string>& paths);
[[nodiscard]] std::string push_refused(std::string_view forge_words);
[[nodiscard]] std::string base_gone(std::string_view branch);
[[nodiscard]] std::string base_rewritten(std::string_view branch, std::string_view commit_id);
[[nodiscard]] std::string infrastructure(std::string_view what, int attempts);
[[nodiscard]] std::string not_permitted(std::string_view login);
[[nodiscard]] std::string already_active(const Job& job);
[[nodiscard]] std::string already_proposed(const std::vector<integrations::PullRequest>& pull_requests);
[[nodiscard]] std::string too_many_jobs(int most);
[[nodiscard]] std::string issue_not_open();
[[nodiscard]] std::string label_of_nobody(std::string_view label);
[[nodiscard]] std::string stopped_by(std::string_view login);
[[nodiscard]] std::string no_active_job();
[[nodiscard]] std::string heard_after_all();   ///< instead of `already_active`
[[nodiscard]] std::string stop_said_before();  ///< the job was asked for
// Why a job is over that nobody stopped.
[[nodiscard]] std::string proposal_over(bool merged);
[[nodiscard]] std::string proposal_gone();
[[nodiscard]] std::string stopped_since(std::string_view what);  ///< "the issue was closed"
[[nodiscard]] std::string ask_on_the_issue();

// Answers to commands.
struct HelpFor {
    std::string_view trigger_label;
    const std::vector<config::AgentProfile>& profiles;
    std::string_view not_understood;  ///< a word that is no command; empty: asked for help
    bool may_write = false;
    bool may_stop = false;     ///< also who asked for the job
    const Job* job = nullptr;  ///< of the thread; may be over
};
/// What this person may say here now.
[[nodiscard]] std::string help(const HelpFor& whom);
/// How the job came to where it is.
[[nodiscard]] std::string why(const Job& job, const std::vector<Run>& runs, const std::vector<Ask>& asks);

/// Our sentences say `/agent …`, «pull request» and «#»: the same as the operator and the forge say it.
[[nodiscard]] std::string spoken(std::string text, std::string_view prefix,
                                 const integrations::ForgeKind& forge);

}  // namespace bot::report
