#include <fmt/format.h>

#include <algorithm>

#include "bot/report.hpp"
#include "bot/report_words.hpp"

// Each answer says what happened and what to do next. They also stand in the status comment as a job's
// reason, where `foreign` reads them: so no headings, links, HTML or mentions of our own here.

namespace bot::report {

namespace {

constexpr std::string_view again = "comment `/agent retry`";

}  // namespace

std::string nothing_to_change(std::string_view agent_summary) {
    const auto words = foreign(agent_summary, 8000);
    if (words.empty())
        return fmt::format(
            "The agent changed no file and left no words about why. Say in the issue what should change, "
            "then {}.",
            again);
    return "The agent changed no file. It says:\n\n" + words;
}

std::string question(std::string_view agent_question) {
    const auto words = foreign(agent_question, 8000);
    if (words.empty())
        return "The agent cannot go on without a person but did not say why. Comment what it should know.";
    return "The agent needs an answer before it can go on:\n\n" + words +
           "\n\nAnswer in a comment here; it goes on from where it is.";
}

std::string budget_spent(std::uint64_t micro_dollars, bool whole_job) {
    const auto spent = fmt::format("${:.2f}", static_cast<double>(micro_dollars) / 1e6);
    if (whole_job)
        return fmt::format(
            "The budget for this job is spent: models have cost {} so far. What the agent did is kept. To "
            "let it go on, say how much more it may cost: `/agent resume +$5`. Or `/agent stop`.",
            spent);
    return fmt::format(
        "The budget for one pass of the agent is spent: models have cost {} so far in this job. What the "
        "agent did is kept. `/agent resume` lets it go on with another pass, `/agent stop` ends the job.",
        spent);
}

std::string reminder(const Job& job) {
    if (job.waits_for == WaitsFor::answer)
        return "The question above still waits for an answer. Answer in a comment; or `/agent stop` ends the "
               "job. There is no further reminder.";
    return "This job still waits because its budget is spent, as told above. `/agent resume +$5` lets it go "
           "on, `/agent stop` ends it. There is no further reminder.";
}

std::string nothing_waits() { return "No job waits for an answer here. `/agent status` tells where it is."; }

std::string not_an_amount(std::string_view words) {
    return fmt::format(
        "{} is not an amount. Write dollars, up to 10,000, like `/agent resume +$5` or `+$2.50`.",
        code(words, 40));
}

std::string answer_wanted() {
    return "The agent waits for an answer to its question. Write it as a comment, or after `/agent resume` "
           "on the same line.";
}

std::string amount_wanted() {
    return "The budget for this job is spent, so going on needs an amount: `/agent resume +$5`.";
}

std::string day_budget_spent() {
    return "What this installation may spend on models in a day is spent. The job goes on by itself after "
           "midnight UTC; the operator can raise `models.budget.day`.";
}

std::string service_parked(std::string_view provider) {
    return fmt::format("The model service {} takes no more requests for now. The job goes on by itself.",
                       code(provider, 60));
}

std::string secret_found(const std::vector<std::string>& where) {
    std::string text =
        "The agent's result holds what looks like a key or password, so nothing was published:\n\n";
    text += path_list(where);
    return text + "\nIf it must be there, make that part of the change by hand; or " + std::string(again) +
           " and tell the agent to do without.";
}

std::string recipe_errors(const std::vector<config::Error>& errors) {
    std::string text = "`.shopfloor.yml` on the default branch cannot be used, so nothing was run:\n\n";
    std::size_t told = 0;
    for (const auto& error : errors) {
        if (++told > 20) break;
        text += "- ";
        if (error.line > 0) text += fmt::format("line {}: ", error.line);
        if (!error.key.empty()) text += code(error.key, 100) + " ";
        text += foreign(one_line(error.message, 300), 500);
        if (!error.mend.empty()) text += "; " + foreign(one_line(error.mend, 300), 500);
        text += "\n";
    }
    if (errors.size() > 20) text += fmt::format("- and {} more\n", errors.size() - 20);
    return text + fmt::format("\nMend it on the default branch, then {}.", again);
}

std::string no_such_profile(std::string_view name, const std::vector<config::AgentProfile>& profiles) {
    return fmt::format("There is no agent profile {}. There {}: {}.", code(name, 60),
                       profiles.size() == 1 ? "is" : "are", profile_names(profiles));
}

std::string no_image(std::string_view image, std::string_view engine_words) {
    auto text = fmt::format("The image {} cannot be had, so nothing was run.", code(image));
    if (!engine_words.empty()) text += " The engine says:\n\n" + fenced(engine_words, 1000) + "\n";
    return text +
           fmt::format("\nCorrect `image` in `.shopfloor.yml`, or have the operator provide it; then {}.",
                       again);
}

std::string setup_failed(std::string_view how, std::string_view log_tail) {
    auto text = fmt::format("The recipe's `setup` {}, so the agent was not started.", one_line(how, 200));
    if (!log_tail.empty()) text += " The end of its output:\n\n" + fenced(log_tail, 4000) + "\n";
    return text + fmt::format(
                      "\nSetup runs without network, in the recipe's image. Mend `setup` in "
                      "`.shopfloor.yml`, then {}.",
                      again);
}

std::string agent_failed(std::string_view how, std::string_view detail) {
    auto text = fmt::format("The agent {}, so there is no change to propose.", one_line(how, 200));
    if (!detail.empty()) text += " The last it had to say:\n\n" + fenced(detail, 4000) + "\n";
    return text +
           fmt::format(
               "\nSay more in the issue or pick another profile with `/agent retry PROFILE`; or just {}.",
               again);
}

std::string change_rejected(std::string_view path, std::string_view why) {
    return fmt::format(
        "The agent's change is not taken over, because of {}: {}\n\nNothing was published. To have another "
        "try, {} and say what to avoid.",
        code(path, 300), foreign(one_line(why, 600), 900), again);  // a reason begins with the path again
}

std::string protected_paths(const std::vector<std::string>& paths) {
    std::string text =
        "The agent changed files that only people may change here, so nothing was published:\n\n";
    text += path_list(paths);
    return text + "\nMake that part of the change by hand, or " + std::string(again) +
           " and tell the agent to leave these files alone.";
}

std::string push_refused(std::string_view forge_words) {
    return "The forge refuses the branch or the pull request. It says:\n\n" + fenced(forge_words, 1500) +
           "\n\nMostly a branch rule or a missing permission of this bot is in the way. Mend that, then " +
           std::string(again) + ".";
}

std::string base_gone(std::string_view branch) {
    if (branch.empty()) return "The repository's default branch cannot be read. It may be empty or archived.";
    return fmt::format(
        "The branch {} is not there any more, so there is nothing to build on. Set the repository's default "
        "branch, then {}.",
        code(branch, 200), again);
}

std::string base_rewritten(std::string_view branch, std::string_view commit_id) {
    return fmt::format(
        "Commit {}, which this job was asked to build on, is not there any more: {} was rewritten since. No "
        "other commit is taken in its place, so nothing was run. To build on the branch as it is now, {}.",
        commit(commit_id), code(branch, 200), again);
}

std::string infrastructure(std::string_view what, int attempts) {
    return fmt::format(
        "Shopfloor itself or the forge could not do its part{}:\n\n{}\n\nThis is not the agent's fault nor "
        "the issue's. The operator finds more in the log; once it is mended, {}.",
        attempts > 1 ? fmt::format(" in {} tries", attempts) : "", fenced(what, 1500), again);
}

std::string not_permitted(std::string_view login) {
    return fmt::format(
        "{} has no write access to this repository, so nothing was started or stopped. Somebody with write "
        "access can set the label or comment `/agent run`.",
        code(login, 60));
}

std::string already_active(const Job& job) {
    if (job.state == JobState::review)
        return fmt::format(
            "Pull request #{} is open for this issue. Comment `/agent refine` and what to change; or, to "
            "have another one made, close it first, then comment `/agent retry [profile] [guidance]` on the "
            "issue.",
            job.pull_request);
    return fmt::format("Job {} is at this issue already. Its status comment is above; `/agent stop` ends it.",
                       job.id.value);
}

std::string already_proposed(const std::vector<integrations::PullRequest>& pull_requests) {
    std::string numbers;
    for (std::size_t i = 0; i < pull_requests.size() && i < 10; ++i)
        numbers += fmt::format("{}#{}", i == 0 ? "" : ", ", pull_requests[i].number);
    const bool one = pull_requests.size() == 1;
    return fmt::format(
        "{} {} open and already {} this issue, so no second one is made. Close {}, then set the label again.",
        numbers, one ? "is" : "are", one ? "closes" : "close", one ? "it" : "them");
}

std::string too_many_jobs(int most) {
    return fmt::format(
        "This issue had {} within a day, and that is the limit here. Try again tomorrow, or have the "
        "operator raise `max_jobs_per_issue_per_day`.",
        count(static_cast<std::uint64_t>(std::max(most, 0)), "job"));
}

std::string issue_not_open() {
    return "The issue is closed, so nothing was started. Reopen it and set the label again.";
}

std::string stopped_by(std::string_view login) { return fmt::format("Stopped by {}.", code(login, 60)); }

std::string no_active_job() {
    return "No job is at work here. Set the label or comment `/agent run` on the issue to start one.";
}

std::string proposal_over(bool merged) {
    return merged ? "The pull request was merged." : "The pull request was closed without merging.";
}

std::string proposal_gone() { return "The pull request is not there any more."; }

std::string stopped_since(std::string_view what) { return fmt::format("Stopped: {}.", what); }

std::string ask_on_the_issue() {
    return "This pull request is not one of Shopfloor's. Comment `/agent run` on an issue, or set the label "
           "there.";
}

}  // namespace bot::report
