// Answers to the commands that ask for words.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <numeric>

#include "bot/report.hpp"
#include "bot/report_words.hpp"

namespace bot::report {

namespace {

/// Letters to change, add or drop to make one word of the other.
std::size_t distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> row(b.size() + 1);
    std::iota(row.begin(), row.end(), std::size_t{0});
    for (std::size_t i = 1; i <= a.size(); ++i) {
        auto corner = row[0];
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const auto above = row[j];
            row[j] = std::min({above + 1, row[j - 1] + 1, corner + (a[i - 1] == b[j - 1] ? 0 : 1)});
            corner = above;
        }
    }
    return row[b.size()];
}

std::string_view nearest_verb(std::string_view word) {
    static constexpr std::array<std::string_view, 11> verbs{
        "run", "retry", "refine", "pick", "stop", "cancel", "resume", "answer", "status", "why", "help"};
    if (word.size() > 20) return {};
    const auto best = std::ranges::min(verbs, {}, [&](auto verb) { return distance(word, verb); });
    return distance(word, best) <= 2 ? best : std::string_view();
}

constexpr std::string_view prefix_here = "`/agent";

bool several_tries(const Job& job) {
    const auto verdict = verdict_from_json(job.verdict);
    return verdict && !verdict->rivals.empty();
}

/// A command that can be said now by whom it is for.
struct Offer {
    std::string_view command, does;
    bool fits;
};

std::string_view kind_words(Run::Kind kind) {
    switch (kind) {
        case Run::Kind::first:
            return "first try";
        case Run::Kind::repair:
            return "repair after red checks";
        case Run::Kind::retry:
            return "went on";
        case Run::Kind::refine:
            return "change to the pull request";
    }
    return "";
}

std::string ask_words(const Ask& ask) {
    switch (ask.what) {
        case Ask::What::start:
            return fmt::format("{} began it with a comment", code(ask.by.login, 60));
        case Ask::What::wish:
            return fmt::format("{} asked for a change{}", code(ask.by.login, 60),
                               ask.path.empty() ? "" : " to " + code(ask.path));
        case Ask::What::retry:
            return fmt::format("{} asked for another try", code(ask.by.login, 60));
        case Ask::What::pick:
            return fmt::format("{} picked try {}", code(ask.by.login, 60), code(ask.words, 10));
        case Ask::What::checks:
            return fmt::format("CI was red: {}", code(ask.path, 100));
        case Ask::What::conflict:
            return "The branch conflicted with its base";
        case Ask::What::stop:
            return "A person said stop";
    }
    return "";
}

}  // namespace

std::string help(const HelpFor& whom) {
    const auto* job = whom.job;
    const bool active = job != nullptr && is_active(job->state);
    const bool open = active && job->pull_request > 0;
    std::string text;
    if (!whom.not_understood.empty()) {
        text = fmt::format("There is no command {}.", code(whom.not_understood, 40));
        if (const auto verb = nearest_verb(whom.not_understood); !verb.empty())
            text += fmt::format(" Did you mean `/agent {}`?", verb);
        text += "\n\n";
    }
    if (whom.may_write && !active)
        text += fmt::format(
            "Set the label {0} on an issue to have it worked on, or {1} to pick an agent profile.\n\n",
            code(whom.trigger_label, 60), code(std::string(whom.trigger_label) + ":PROFILE", 80));
    text +=
        "A line of a comment that begins like this is a command. What you can say here now:\n\n"
        "| Command | What it does |\n| --- | --- |\n";
    const bool write = whom.may_write;
    for (const auto& offer : {
             Offer{"run [profile …] [xN] [guidance]",
                   "starts a job for the issue; with `x3`, three tries side by side", write && !active},
             Offer{"retry [profile] [guidance]", "another try for the issue", write && !active},
             Offer{"refine WHAT", "changes the open pull request; a review that asks for changes does too",
                   write && open},
             Offer{"retry [profile] [guidance]",
                   "makes the pull request anew from the present base; what is there is kept",
                   write && active && job->state == JobState::review},
             Offer{"pick N", "shows another of the tries in the pull request; what is there is kept",
                   write && open && several_tries(*job)},
             Offer{"resume [+$N] [answer]",
                   "lets the job go on that waits for an answer or a budget; a plain comment answers too",
                   write && active && job->state == JobState::waiting},
             Offer{"stop", "ends the job; `cancel` is the same", whom.may_stop && active},
             Offer{"status", "tells where the job is", true},
             Offer{"why", "tells how it came there", true},
             Offer{"help", "shows this", true},
         })
        if (offer.fits) text += fmt::format("| `/agent {}` | {} |\n", offer.command, offer.does);
    if (!write) {
        text += "\nStarting and steering jobs takes write access to the repository.";
        return text;
    }
    text += "\nAgent profiles here: " + profile_names(whom.profiles) + ".";
    for (const auto& each : whom.profiles)
        if (!each.good_at.empty())
            text += fmt::format("\n- {}: good at {}", code(each.name, 60),
                                foreign(one_line(each.good_at, 200), 300));
    return text;
}

std::string why(const Job& job, const std::vector<Run>& runs, const std::vector<Ask>& asks) {
    constexpr std::size_t most = 20;
    auto text = fmt::format("Job {} is **{}**: {}\n\n", job.id.value, name(job.state),
                            job.reason.empty() ? "no reason is noted." : foreign(job.reason, 8000));
    text += fmt::format("- Asked for by {} on {}; it works from commit {} of {}.\n",
                        code(job.assignment.requested_by.login, 60), moment(job.created_at),
                        commit(job.assignment.base_commit), code(job.assignment.base_branch, 100));
    const auto skipped = asks.size() > most ? asks.size() - most : 0;
    for (std::size_t i = skipped; i < asks.size(); ++i) text += fmt::format("- {}.\n", ask_words(asks[i]));
    for (std::size_t i = runs.size() > most ? runs.size() - most : 0; i < runs.size(); ++i) {
        const auto& run = runs[i];
        text += fmt::format("- Run {} ({}, profile {}) on {}: {}.\n", run.number, kind_words(run.kind),
                            code(run.profile, 60), moment(run.started_at),
                            run.outcome.empty() ? "at work" : code(run.outcome, 40));
    }
    if (job.infra_attempts > 0)
        text += fmt::format("- {} failed for reasons outside of this issue.\n",
                            count(static_cast<std::uint64_t>(job.infra_attempts), "attempt"));
    if (const auto verdict = verdict_from_json(job.verdict))
        text += fmt::format("\nWhat the checks said last: {}.\n\n{}", evidence_headline(verdict->evidence),
                            evidence_table(verdict->evidence));
    return text;
}

std::string with_prefix(std::string text, std::string_view prefix) {
    if (prefix == prefix_here.substr(1)) return text;
    for (auto at = text.find(prefix_here); at != std::string::npos; at = text.find(prefix_here, at)) {
        const auto end = at + prefix_here.size();
        const bool whole = end < text.size() && (text[end] == ' ' || text[end] == '`');
        if (whole) text.replace(at + 1, prefix_here.size() - 1, prefix);
        at += whole ? prefix.size() + 1 : prefix_here.size();
    }
    return text;
}

}  // namespace bot::report
