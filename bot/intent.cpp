#include "bot/intent.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "bot/intent_deciding.hpp"
#include "bot/report.hpp"
#include "bot/same_word.hpp"
#include "bot/sentences.hpp"
#include "bot/visible_text.hpp"

namespace bot {

namespace deciding {

std::string marker(std::string_view what, const integrations::ThreadRef& thread, std::string_view rest) {
    std::string text = fmt::format("{} issue={} {}", what, thread.number, rest);
    // It stands in an HTML comment: a foreign login or id must not end it.
    std::ranges::replace_if(
        text,
        [](unsigned char c) {
            return std::isalnum(c) == 0 && !std::string_view(" =_").contains(static_cast<char>(c));
        },
        '_');
    return text;
}

bool may_write(const Facts& facts) { return facts.permission >= integrations::Permission::write; }

std::string not_permitted(const Facts& facts, const integrations::Person& person) {
    if (facts.permission_hidden) return std::string(sentence::permission_hidden);
    return report::not_permitted(person.login);
}

std::string stranger_marker(const integrations::ThreadRef& thread, const integrations::Person& person) {
    return marker("refusal", thread, "person=" + (person.id.empty() ? person.login : person.id));
}

std::optional<Word> word(integrations::Moment at, const integrations::Person& by,
                         const std::optional<std::string>& comment, const std::string& event, bool ends) {
    if (!at) return std::nullopt;
    return Word{*at, by.login, comment.value_or(""), event, ends};
}

bool is_busy(const Facts& facts) { return facts.active_job && is_active(facts.active_job->state); }

}  // namespace deciding

namespace {

using deciding::is_busy;
using deciding::is_pull_request;
using deciding::marker;
using deciding::may_write;
using deciding::not_permitted;
using deciding::stranger_marker;
using deciding::word;
using integrations::Person;

bool same_person(const Person& a, const Person& b) {
    if (!a.id.empty() && !b.id.empty()) return a.id == b.id;
    return !a.login.empty() && same_word(a.login, b.login);
}

/// One answer a comment; by label, one a reason: setting the label again finds the same answer.
std::string refusal_marker(const AskStart& ask, std::string_view why) {
    return ask.comment_id ? marker("refusal", ask.issue, "comment=" + *ask.comment_id)
                          : marker("refusal", ask.issue, fmt::format("label why={}", why));
}

std::optional<LabelSet> label_set(const AskStart& ask) {
    if (ask.comment_id || !ask.at) return std::nullopt;
    return LabelSet{.at = *ask.at, .event = ask.label_event};
}

Refuse refuse(const AskStart& ask, std::string_view why, std::string answer, std::string reason) {
    return {.thread = ask.issue,
            .answer = std::move(answer),
            .reason = std::move(reason),
            .marker = refusal_marker(ask, why),
            .comment_id = ask.comment_id,
            .take_label_off = !ask.comment_id,
            .label = ask.label,
            .label_set = label_set(ask),
            .issue = ask.issue};
}

/// The record of the issue may be behind, but not for long.
Intent set_by_nobody(const AskStart& ask, const Facts& facts) {
    constexpr auto settled = std::chrono::minutes(5);
    if (!ask.at || facts.now - *ask.at < settled) return Ignore{"it is not known yet who set the label"};
    return refuse(ask, "nobody", report::label_of_nobody(ask.label), "it is not known who set the label");
}

/// What ends is waited for. Else the request is kept: what goes on may turn out to have been ended before.
Intent not_beside(const AskStart& ask, const Job& job) {
    if (job.ending) return Wait{job.id, fmt::format("job {} is ending", job.id.value)};
    auto no = refuse(ask, fmt::format("active job={}", job.id.value), report::already_active(job),
                     fmt::format("job {} is active", job.id.value));
    no.asked = word(ask.at, ask.by, ask.comment_id, ask.label_event);
    no.issue = job.assignment.issue;
    return no;
}

/// Profiles in turn; none when one try is asked for.
std::vector<std::string> tries_of(const AskStart& ask) {
    std::vector<std::string> tries;
    for (int i = 0; ask.tries > 1 && i < ask.tries; ++i)
        tries.push_back(ask.profiles.empty()
                            ? ask.profile
                            : ask.profiles[static_cast<std::size_t>(i) % ask.profiles.size()]);
    return tries;
}

Assignment assignment_of(const AskStart& ask, const Facts& facts, const config::Settings& settings) {
    const auto title = visible_text(facts.issue->title);
    const auto body = visible_text(facts.issue->body);
    Assignment assignment{.issue = ask.issue,
                          .requested_by = ask.by,
                          .title = title.text,
                          .body = body.text,
                          .hidden_stripped = title.stripped + body.stripped,
                          .base_branch = facts.base_branch,
                          .base_commit = facts.base_commit,
                          .profile = ask.profile,
                          .guidance = visible_text(ask.guidance).text};
    if (facts.repository) assignment.issue.repo = *facts.repository;
    assignment.priority = carries(*facts.issue, settings.labels.priority);
    return assignment;
}

Intent decide_start(const AskStart& ask, const Facts& facts, const config::Settings& settings) {
    if (!facts.repository_allowed) return Ignore{"the repository is not one of ours"};
    const bool foreign = ask.comment_id && is_pull_request(ask.issue) && !facts.active_job;
    if (!facts.issue && !foreign) return Ignore{"the issue cannot be seen"};
    // A label asks once: we take it off when we take the job, and what is told later (a second hook's copy, a
    // redelivery, a sweep that began before) must not start the finished job again. Set again in the moment
    // in which we took it off for what it had asked before, it asks all the same.
    const bool taken_off = facts.label_taken_off && ask.at && facts.now - *ask.at < std::chrono::minutes(10);
    if (!ask.comment_id && !ask.revived && !taken_off && !carries(*facts.issue, ask.label))
        return Ignore{"the label is not there any more"};
    if (!ask.comment_id && ask.by.login.empty()) return set_by_nobody(ask, facts);
    if (const auto* heard = facts.said.heard(ask.label); heard != nullptr && !ask.revived)
        if (const auto set = label_set(ask); set && !set->after(*heard))
            return Ignore{"the label has been heard already"};
    if (!may_write(facts)) {
        auto no = refuse(ask, "permission", not_permitted(facts, ask.by),
                         fmt::format("{} has no write access", ask.by.login));
        no.marker = stranger_marker(ask.issue, ask.by);
        return no;
    }
    if (foreign) return refuse(ask, "pull_request", report::ask_on_the_issue(), "asked on a pull request");
    const bool anew = ask.again && is_busy(facts) && facts.active_job->state == JobState::review;
    if (is_busy(facts) && !anew) return not_beside(ask, *facts.active_job);
    if (!facts.issue->open) return refuse(ask, "closed", report::issue_not_open(), "the issue is not open");
    if (!facts.closing.empty() && !anew)
        return refuse(ask, "proposed", report::already_proposed(facts.closing),
                      fmt::format("pull request {} closes the issue already", facts.closing.front().number));
    if (facts.jobs_today >= settings.max_jobs_per_issue_per_day)
        return refuse(ask, "many", report::too_many_jobs(settings.max_jobs_per_issue_per_day),
                      fmt::format("{} jobs within a day", facts.jobs_today));
    if (!ask.profile.empty() && config::find_profile(settings, ask.profile) == nullptr)
        return refuse(ask, "profile", report::no_such_profile(ask.profile, settings.profiles),
                      fmt::format("no profile \"{}\"", ask.profile));
    if (ask.tries > settings.max_tries)
        return refuse(ask, "tries", report::too_many_tries(ask.tries, settings.max_tries),
                      fmt::format("{} tries at once", ask.tries));
    if (anew && ask.tries > 1)
        return refuse(ask, "tries", report::tries_need_a_start(),
                      "several tries while a pull request is open");
    if (anew) return deciding::again(ask, facts);
    if (facts.base_branch.empty() || facts.base_commit.empty())
        return refuse(ask, "base", report::base_gone(facts.base_branch), "the base commit is not known");
    auto of_issue = ask;
    if (is_pull_request(ask.issue)) of_issue.issue = facts.active_job->assignment.issue;
    return Start{.assignment = assignment_of(of_issue, facts, settings),
                 .tries = tries_of(ask),
                 .reason = ask.comment_id ? fmt::format(sentence::reason_comment, ask.by.login)
                                          : fmt::format(sentence::reason_label, ask.by.login),
                 .comment_id = ask.comment_id,
                 .label = ask.label.empty() ? settings.labels.trigger : ask.label,
                 .asked_on = ask.issue,
                 .asked = word(ask.at, ask.by, ask.comment_id, ask.label_event),
                 .label_set = label_set(ask)};
}

Intent decide_stop(const AskStop& ask, const Facts& facts) {
    if (!facts.repository_allowed) return Ignore{"the repository is not one of ours"};
    const bool own = facts.active_job && same_person(facts.active_job->assignment.requested_by, ask.by);
    if (!may_write(facts) && !own)
        return Refuse{
            .thread = ask.thread,
            .answer = not_permitted(facts, ask.by),
            .reason = fmt::format("{} has no write access and did not ask for the job", ask.by.login),
            .marker = stranger_marker(ask.thread, ask.by),
            .comment_id = ask.comment_id};
    Answer nothing{.thread = ask.thread,
                   .answer = report::no_active_job(),
                   .marker = marker("answer", ask.thread, "comment=" + ask.comment_id.value_or("none")),
                   .comment_id = ask.comment_id,
                   .reason = "nothing to stop",
                   .stop = may_write(facts) ? word(ask.at, ask.by, ask.comment_id) : std::nullopt,
                   .issue = facts.active_job ? facts.active_job->assignment.issue : ask.thread};
    if (is_pull_request(nothing.issue)) nothing.stop.reset();  // not one of ours: it is about no issue
    if (!is_busy(facts)) return nothing;
    const auto said = word(ask.at, ask.by, ask.comment_id);
    if (const auto& asked = facts.said.asked; said && asked && earlier(*said, *asked)) {
        nothing.answer = report::stop_said_before();
        nothing.reason = "the job was asked for after it";
        return nothing;
    }
    return Stop{.job = facts.active_job->id,
                .reason = report::stopped_by(ask.by.login),
                .comment_id = ask.comment_id,
                .thread = ask.thread,
                .said = nothing.stop,
                .when = said,
                .too_late = std::move(nothing)};
}

Refuse refuse_resume(const AskResume& ask, std::string answer, std::string reason) {
    return {.thread = ask.thread,
            .answer = std::move(answer),
            .reason = std::move(reason),
            .marker = marker("refusal", ask.thread, "comment=" + ask.comment_id),
            .comment_id = ask.comment_id};
}

/// What the agent reads of it.
std::string answer_of(const AskResume& ask, const Job& job) {
    const auto words = visible_text(ask.words).text;
    if (words.find_first_not_of(" \t\r\n") == std::string::npos) return {};
    if (job.waits_for != WaitsFor::answer) return fmt::format("{} said:\n\n{}", ask.by.login, words);
    return fmt::format("{}\n\n{} answered:\n\n{}", job.question, ask.by.login, words);
}

Intent decide_resume(const AskResume& ask, const Facts& facts, const config::Settings& settings) {
    if (!facts.repository_allowed) return Ignore{"the repository is not one of ours"};
    const auto* job =
        facts.active_job && facts.active_job->state == JobState::waiting ? &*facts.active_job : nullptr;
    if (!ask.by_command) {
        // Talk on the issue. What a stranger says is no answer, and nobody is told off for talking.
        if (job == nullptr || job->waits_for != WaitsFor::answer)
            return Ignore{"a comment without a command"};
        if (!may_write(facts))
            return Ignore{fmt::format("{} may not answer for the repository", ask.by.login)};
    }
    if (!may_write(facts)) {
        auto no = refuse_resume(ask, not_permitted(facts, ask.by),
                                fmt::format("{} has no write access", ask.by.login));
        no.marker = stranger_marker(ask.thread, ask.by);
        return no;
    }
    if (job == nullptr) return refuse_resume(ask, report::nothing_waits(), "no job waits");
    if (!ask.fault.empty())
        return refuse_resume(ask, report::not_an_amount(ask.fault), "an amount that is none");
    const auto answer = answer_of(ask, *job);
    if (job->waits_for == WaitsFor::answer && answer.empty())
        return refuse_resume(ask, report::answer_wanted(), "no answer given");
    if (job->waits_for == WaitsFor::job_budget && settings.models.job.dollars && ask.micro_dollars == 0)
        return refuse_resume(ask, report::amount_wanted(), "no amount given");
    return Resume{.job = job->id,
                  .answer = answer,
                  .micro_dollars = ask.micro_dollars,
                  .reason = fmt::format(sentence::reason_answered, ask.by.login),
                  .comment_id = ask.comment_id,
                  .thread = ask.thread};
}

/// Status and help: for whoever may read; in one comment a person for those who may only read.
template <typename Ask>
// NOLINTNEXTLINE(performance-unnecessary-value-param): both are moved on
Intent decide_answer(const Ask& ask, const Facts& facts, std::string answer, std::string reason) {
    if (!facts.repository_allowed) return Ignore{"the repository is not one of ours"};
    if (facts.permission == integrations::Permission::none)
        return Ignore{"whether they may read is not known"};
    return Answer{.thread = ask.thread,
                  .answer = std::move(answer),
                  .marker = may_write(facts) ? marker("answer", ask.thread, "comment=" + ask.comment_id)
                                             : stranger_marker(ask.thread, ask.by),
                  .comment_id = ask.comment_id,
                  .reason = std::move(reason)};
}

/// What this person may say here now; a word that is no command gets a suggestion.
Intent decide_help(const AskHelp& ask, const Facts& facts, const config::Settings& settings) {
    const auto* job = facts.active_job ? &*facts.active_job : nullptr;
    const bool own = job != nullptr && same_person(job->assignment.requested_by, ask.by);
    const auto text = report::help({.trigger_label = settings.labels.trigger,
                                    .profiles = settings.profiles,
                                    .not_understood = ask.about,
                                    .may_write = may_write(facts),
                                    .may_stop = may_write(facts) || own,
                                    .job = job});
    auto answer = decide_answer(ask, facts, text,
                                ask.about.empty() ? "asked for help" : "a command that does not exist");
    auto* words = std::get_if<Answer>(&answer);
    if (words == nullptr || ask.about.empty()) return answer;
    return Refuse{.thread = words->thread,
                  .answer = std::move(words->answer),
                  .reason = std::move(words->reason),
                  .marker = std::move(words->marker),
                  .comment_id = ask.comment_id};
}

}  // namespace

Intent decide(const Request& request, const Facts& facts, const config::Settings& settings) {
    return std::visit(
        Match{
            [&](const AskStart& ask) { return decide_start(ask, facts, settings); },
            [&](const AskStop& ask) { return decide_stop(ask, facts); },
            [&](const AskRefine& ask) { return deciding::refine(ask, facts); },
            [&](const AskPick& ask) { return deciding::pick(ask, facts); },
            [&](const AskResume& ask) { return decide_resume(ask, facts, settings); },
            [&](const AskStatus& ask) {
                return decide_answer(ask, facts,
                                     facts.active_job
                                         ? report::status(*facts.active_job, facts.runs, facts.position,
                                                          facts.now, facts.held_up, facts.tries)
                                         : report::no_active_job(),
                                     "asked for the status");
            },
            [&](const AskWhy& ask) {
                return decide_answer(ask, facts,
                                     facts.active_job ? report::why(*facts.active_job, facts.runs, facts.asks)
                                                      : report::no_active_job(),
                                     "asked why");
            },
            [&](const AskHelp& ask) { return decide_help(ask, facts, settings); },
            [&](const IssueOver& over) { return deciding::issue_over(over, facts); },
            [&](const ProposalOver& over) { return deciding::proposal_over(over, facts); },
            [&](const ChecksRed& red) { return deciding::checks_red(red, facts, settings); },
            [&](const BaseMoved& moved) -> Intent {
                if (!facts.repository_allowed || !facts.is_base)
                    return Ignore{"no open pull request stands on it"};
                return LookAgain{moved.repo, moved.branch, "a base branch was pushed to"};
            },
            [&](const Renamed& renamed) { return deciding::renamed(renamed, facts); },
            [&](const AccessOver& over) { return deciding::access_over(over, facts); },
            [](const Nothing& nothing) -> Intent { return Ignore{nothing.why}; },
        },
        request);
}

std::string reason(const Intent& intent) {
    return std::visit([](const auto& each) { return each.reason; }, intent);
}

}  // namespace bot
