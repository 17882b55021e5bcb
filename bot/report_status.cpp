#include <fmt/format.h>

#include <optional>

#include "bot/report.hpp"
#include "bot/report_words.hpp"
#include "bot/sentences.hpp"

namespace bot::report {

namespace {

using fmt::literals::operator""_a;

/// A line of a list of tasks.
std::string task(bool done, std::string_view words) {
    return fmt::format("- [{}] {}\n", done ? 'x' : ' ', words);
}

std::string phase_words(const Job& job) {
    if (job.phase == "workspace" || job.phase.empty()) return std::string(sentence::phase_workspace);
    if (job.phase == "setup") return std::string(sentence::phase_setup);
    if (job.phase == "checks") return std::string(sentence::phase_checks);
    if (job.phase.starts_with("agent"))
        return fmt::format(sentence::phase_agent, one_line(job.phase.substr(5), 40));
    return one_line(job.phase, 60);
}

std::string since(const Job& job) { return moment(job.started_at.value_or(job.state_since)); }

/// From its beginning to its end, when that is known.
std::optional<std::string> took(const Job& job) {
    if (!job.ended_at || *job.ended_at < job.created_at) return std::nullopt;
    return duration(std::chrono::duration_cast<std::chrono::milliseconds>(*job.ended_at - job.created_at));
}

/// What the checks said, once it is stored.
struct Told {
    std::string words;
    bool green = true;
};
Told evidence_told(const Job& job) {
    if (job.verdict.empty()) return {};
    const auto verdict = verdict_from_json(job.verdict);
    if (!verdict) return {};
    return {.words = evidence_headline(verdict->evidence), .green = verdict->evidence.green()};
}

std::string headline(const Job& job, int position) {
    const auto after = took(job);
    switch (job.state) {
        case JobState::queued:
            return position > 0 ? fmt::format(sentence::queued_at, position) : std::string(sentence::queued);
        case JobState::working:
            return fmt::format(sentence::working, "since"_a = since(job), "phase"_a = phase_words(job));
        case JobState::publishing:
            return std::string(sentence::publishing);
        case JobState::competing:
            return std::string(sentence::competing);
        case JobState::waiting:
            return std::string(job.waits_for == WaitsFor::answer ? sentence::waiting_for_an_answer
                                                                 : sentence::waiting_for_money);
        case JobState::review:
            return evidence_told(job).green ? fmt::format(sentence::in_review, job.pull_request)
                                            : fmt::format(sentence::in_review_as_a_draft, job.pull_request);
        case JobState::answered:
            return std::string(sentence::answered);
        case JobState::failed:
            return after ? fmt::format(sentence::failed_after, *after) : std::string(sentence::failed);
        case JobState::stopped:
            return after ? fmt::format(sentence::stopped_after, *after) : std::string(sentence::stopped);
        case JobState::merged:
            return fmt::format(sentence::merged, job.pull_request);
        case JobState::closed:
            return fmt::format(sentence::closed, job.pull_request);
        case JobState::judged:
            return std::string(sentence::judged);
    }
    return {};
}

/// How far it came: 0 decided, 1 workspace, 2 agent, 3 checks, 4 pull request.
int steps_done(const Job& job) {
    if (job.pull_request > 0) return 4;
    if (job.state == JobState::publishing || !job.verdict.empty()) return 3;
    if (job.state == JobState::waiting) return 1;
    if (job.phase == "checks") return 2;
    if (job.phase.starts_with("agent")) return 1;
    return 0;
}

std::string checklist(const Job& job) {
    const auto done = steps_done(job);
    const auto line = [&](int step, std::string_view words) { return task(done >= step, words); };
    const auto told = evidence_told(job).words;
    return line(1, fmt::format(sentence::step_workspace, "commit"_a = commit(job.assignment.base_commit),
                               "branch"_a = code(job.assignment.base_branch, 100))) +
           line(2, sentence::step_agent) +
           line(3, told.empty() ? std::string(sentence::step_checks)
                                : fmt::format(sentence::step_checks_say, told)) +
           line(4, job.pull_request > 0 ? fmt::format(sentence::step_pull_request_open, job.pull_request)
                                        : std::string(sentence::step_pull_request));
}

/// Reasons that say more than the headline. Ended jobs always tell theirs.
std::string reason_of(const Job& job, Time now) {
    if (job.state == JobState::waiting) return std::string(sentence::asked_below) + "\n\n";
    const bool held_back =
        job.state == JobState::queued && job.retry_at && (now == Time{} || *job.retry_at > now);
    std::string text;
    if (held_back && job.infra_attempts == 0)
        text = fmt::format(sentence::held_back, moment(*job.retry_at)) + "\n\n";
    else if (held_back)
        text = fmt::format(sentence::held_back_again, "attempt"_a = job.infra_attempts,
                           "time"_a = moment(*job.retry_at)) +
               "\n\n";
    const bool told_by_headline = job.state == JobState::merged || job.state == JobState::closed;
    if (((is_final(job.state) && !told_by_headline) || held_back) && !job.reason.empty())
        text += foreign(job.reason, 12'000) + "\n\n";
    return text;
}

std::string_view next_steps(const Job& job) {
    if (is_final(job.state) && job.reason.find("/agent retry") != std::string::npos)
        return {};  // the reason says it
    switch (job.state) {
        case JobState::queued:
        case JobState::working:
        case JobState::publishing:
        case JobState::competing:
            return sentence::next_while_at_work;
        case JobState::waiting:
            return sentence::next_while_it_waits;
        case JobState::review:
            return sentence::next_in_review;
        case JobState::answered:
        case JobState::failed:
        case JobState::stopped:
        case JobState::closed:
            return sentence::next_at_the_end;
        case JobState::merged:
        case JobState::judged:
            return {};
    }
    return {};
}

/// The record of a job that reached its goal.
std::string record(const Job& job, const std::vector<Run>& runs) {
    if (job.state != JobState::merged || !job.ended_at) return {};
    const auto time =
        duration(std::chrono::duration_cast<std::chrono::milliseconds>(*job.ended_at - job.created_at));
    if (runs.empty()) return fmt::format(sentence::took, time) + "\n\n";
    const Number passes{runs.size()};
    double cost = 0;
    bool priced = false;
    for (const auto& run : runs) {
        priced = priced || run.usage.cost_usd;
        cost += run.usage.cost_usd.value_or(0);
    }
    if (!priced) return fmt::format(sentence::took_passes, "time"_a = time, "passes"_a = passes) + "\n\n";
    return fmt::format(sentence::took_passes_and_money, "time"_a = time, "passes"_a = passes,
                       "cost"_a = dollars(cost)) +
           "\n\n";
}

std::string tries_words(const std::vector<Job>& tries) {
    std::string text;
    for (const auto& each : tries) {
        const auto state = each.state == JobState::judged ? sentence::try_has_a_result : name(each.state);
        const auto& profile = each.assignment.profile;
        text += task(is_final(each.state),
                     profile.empty()
                         ? fmt::format(sentence::one_try, "number"_a = each.try_number, "state"_a = state)
                         : fmt::format(sentence::one_try_with, "number"_a = each.try_number,
                                       "profile"_a = code(profile, 60), "state"_a = state));
    }
    return text;
}

std::string facts(const Job& job, const std::vector<Run>& runs, Time now) {
    std::vector<std::string> all{fmt::format(sentence::fact_asked_for,
                                             "who"_a = code(job.assignment.requested_by.login),
                                             "time"_a = moment(job.created_at))};
    if (!runs.empty()) all.push_back(fmt::format(sentence::fact_profile, code(runs.back().profile)));
    if (runs.size() > 1) all.push_back(fmt::format(sentence::fact_runs, Number{runs.size()}));
    if (job.assignment.hidden_stripped > 0)
        all.push_back(fmt::format(sentence::fact_hidden_text, number(job.assignment.hidden_stripped)));
    all.push_back(fmt::format(sentence::fact_job, job.id.value));
    if (now != Time{} && is_active(job.state)) all.push_back(fmt::format(sentence::fact_as_of, moment(now)));
    return fmt::format("<sub>{}</sub>\n", fmt::join(all, " · "));
}

}  // namespace

std::string short_of_disk() { return std::string(sentence::short_of_disk); }

std::string status(const Job& job, const std::vector<Run>& runs, int position, Time now,
                   std::string_view held_up, const std::vector<Job>& tries) {
    auto text = "### " + headline(job, position) + "\n\n" + reason_of(job, now) + record(job, runs);
    if (job.state == JobState::queued && !held_up.empty()) text += fmt::format("{}\n\n", held_up);
    if (job.state == JobState::competing)
        text += tries_words(tries) + "\n";
    else if (job.state != JobState::answered)
        text += checklist(job) + "\n";
    if (const auto next = next_steps(job); !next.empty()) text.append(next).append("\n\n");
    return text + facts(job, runs, now);
}

std::string state_label(JobState state, const config::LabelSettings& labels) {
    const auto label = [&](std::string_view word) { return labels.state_prefix + std::string(word); };
    switch (state) {
        case JobState::queued:
            return label(sentence::label_queued);
        case JobState::working:
        case JobState::publishing:
        case JobState::competing:
            return label(sentence::label_working);
        case JobState::waiting:
            return label(sentence::label_waiting);
        case JobState::review:
            return label(sentence::label_review);
        case JobState::failed:
            return label(sentence::label_blocked);
        case JobState::answered:
        case JobState::merged:
            return label(sentence::label_done);
        case JobState::stopped:
        case JobState::closed:
        case JobState::judged:
            return {};
    }
    return {};
}

std::vector<std::string> all_state_labels(const config::LabelSettings& labels) {
    std::vector<std::string> all;
    for (const auto word : {sentence::label_queued, sentence::label_working, sentence::label_waiting,
                            sentence::label_review, sentence::label_blocked, sentence::label_done})
        all.push_back(labels.state_prefix + std::string(word));
    return all;
}

}  // namespace bot::report
