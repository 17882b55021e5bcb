// Answers to the commands that ask for words.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <numeric>

#include "bot/report.hpp"
#include "bot/report_words.hpp"
#include "bot/sentences.hpp"

namespace bot::report {

namespace {

using fmt::literals::operator""_a;

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
            return sentence::run_first;
        case Run::Kind::repair:
            return sentence::run_repair;
        case Run::Kind::retry:
            return sentence::run_retry;
        case Run::Kind::refine:
            return sentence::run_refine;
    }
    return {};
}

std::string ask_words(const Ask& ask) {
    const auto who = code(ask.by.login, 60);
    switch (ask.what) {
        case Ask::What::start:
            return fmt::format(sentence::why_start, who);
        case Ask::What::wish:
            if (ask.path.empty()) return fmt::format(sentence::why_wish, who);
            return fmt::format(sentence::why_wish_to, "who"_a = who, "path"_a = code(ask.path));
        case Ask::What::retry:
            return fmt::format(sentence::why_retry, who);
        case Ask::What::pick:
            return fmt::format(sentence::why_pick, "who"_a = who, "number"_a = code(ask.words, 10));
        case Ask::What::checks:
            return fmt::format(sentence::why_checks, code(ask.path, 100));
        case Ask::What::conflict:
            return std::string(sentence::why_conflict);
        case Ask::What::stop:
            return std::string(sentence::why_stop);
    }
    return {};
}

std::string run_words(const Run& run) {
    return fmt::format(
        sentence::why_run, "number"_a = run.number, "kind"_a = kind_words(run.kind),
        "profile"_a = code(run.profile, 60), "time"_a = moment(run.started_at),
        "outcome"_a = run.outcome.empty() ? std::string(sentence::run_at_work) : code(run.outcome, 40));
}

/// The last of them, a line each.
template <typename Each>
std::string last_items(const std::vector<Each>& all, std::string (*words)(const Each&)) {
    constexpr std::size_t most = 20;
    std::string text;
    for (std::size_t i = all.size() > most ? all.size() - most : 0; i < all.size(); ++i)
        text += item(words(all[i]));
    return text;
}

std::string offers_table(const HelpFor& whom) {
    const auto* job = whom.job;
    const bool active = job != nullptr && is_active(job->state);
    const bool open = active && job->pull_request > 0;
    const bool write = whom.may_write;
    auto text = std::string(sentence::help_commands);
    for (const auto& offer :
         {Offer{sentence::help_run, sentence::help_run_does, write && !active},
          Offer{sentence::help_retry, sentence::help_retry_does, write && !active},
          Offer{sentence::help_refine, sentence::help_refine_does, write && open},
          Offer{sentence::help_retry, sentence::help_retry_in_review_does,
                write && active && job->state == JobState::review},
          Offer{sentence::help_pick, sentence::help_pick_does, write && open && several_tries(*job)},
          Offer{sentence::help_resume, sentence::help_resume_does,
                write && active && job->state == JobState::waiting},
          Offer{sentence::help_stop, sentence::help_stop_does, whom.may_stop && active},
          Offer{sentence::help_status, sentence::help_status_does, true},
          Offer{sentence::help_why, sentence::help_why_does, true},
          Offer{sentence::help_help, sentence::help_help_does, true}})
        if (offer.fits)
            text += fmt::format(sentence::help_command, "command"_a = offer.command, "does"_a = offer.does);
    return text;
}

/// In the place of what our sentences have for it.
void put_words(std::string& text, std::string_view ours, std::string_view theirs) {
    for (auto at = text.find(ours); at != std::string::npos; at = text.find(ours, at + theirs.size()))
        text.replace(at, ours.size(), theirs);
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

}  // namespace

std::string help(const HelpFor& whom) {
    const bool active = whom.job != nullptr && is_active(whom.job->state);
    std::string text;
    if (!whom.not_understood.empty()) {
        text = fmt::format(sentence::no_such_command, code(whom.not_understood, 40));
        if (const auto verb = nearest_verb(whom.not_understood); !verb.empty())
            text += fmt::format(sentence::did_you_mean, verb);
        text += "\n\n";
    }
    if (whom.may_write && !active)
        text += fmt::format(sentence::help_label, "label"_a = code(whom.trigger_label, 60),
                            "label_with_profile"_a = code(std::string(whom.trigger_label) + ":PROFILE", 80)) +
                "\n\n";
    text += offers_table(whom) + "\n";
    if (!whom.may_write) return text.append(sentence::help_needs_write_access);
    text += fmt::format(sentence::help_profiles, profile_names(whom.profiles)) + "\n";
    for (const auto& each : whom.profiles)
        if (!each.good_at.empty())
            text += item(fmt::format(sentence::help_good_at, "profile"_a = code(each.name, 60),
                                     "what"_a = foreign(one_line(each.good_at, 200), 300)));
    text.pop_back();
    return text;
}

std::string why(const Job& job, const std::vector<Run>& runs, const std::vector<Ask>& asks) {
    auto text = fmt::format(sentence::why, "job"_a = job.id.value, "state"_a = name(job.state),
                            "reason"_a = job.reason.empty() ? std::string(sentence::why_without_reason)
                                                            : foreign(job.reason, 8000)) +
                "\n\n";
    const auto& assignment = job.assignment;
    text += item(fmt::format(sentence::why_asked_for, "who"_a = code(assignment.requested_by.login, 60),
                             "time"_a = moment(job.created_at), "commit"_a = commit(assignment.base_commit),
                             "branch"_a = code(assignment.base_branch, 100)));
    text += last_items(asks, ask_words) + last_items(runs, run_words);
    if (job.infra_attempts > 0) text += item(fmt::format(sentence::why_attempts, number(job.infra_attempts)));
    if (const auto verdict = verdict_from_json(job.verdict))
        text +=
            "\n" + fmt::format(sentence::why_evidence, "headline"_a = evidence_headline(verdict->evidence),
                               "table"_a = evidence_table(verdict->evidence));
    return text;
}

std::string spoken(std::string text, std::string_view prefix, const integrations::ForgeKind& forge) {
    const std::string name(forge.proposal_name);
    auto at_the_beginning = name;
    at_the_beginning.front() = static_cast<char>(std::toupper(static_cast<unsigned char>(name.front())));
    put_words(text, "«pull request»", name);
    put_words(text, "«Pull request»", at_the_beginning);
    put_words(text, "«#»", std::string(1, forge.proposal_sign));
    return with_prefix(std::move(text), prefix);
}

}  // namespace bot::report
