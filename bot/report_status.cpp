#include <fmt/format.h>

#include "bot/report.hpp"
#include "bot/report_words.hpp"

namespace bot::report {

namespace {

std::string phase_words(const Job& job) {
    if (job.phase == "workspace" || job.phase.empty()) return "making the workspace";
    if (job.phase == "setup") return "running the recipe's setup";
    if (job.phase == "checks") return "running the checks on the result";
    if (job.phase.starts_with("agent")) return "the agent is at work" + one_line(job.phase.substr(5), 40);
    return one_line(job.phase, 60);
}

std::string since(const Job& job) { return moment(job.started_at.value_or(job.state_since)); }

std::string took(const Job& job) {
    if (!job.ended_at || *job.ended_at < job.created_at) return {};
    return " after " +
           duration(std::chrono::duration_cast<std::chrono::milliseconds>(*job.ended_at - job.created_at));
}

std::string pull_request(const Job& job) { return fmt::format("#{}", job.pull_request); }

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

std::string review_headline(const Job& job) {
    return (evidence_told(job).green ? "✅ Pull request " : "⚠️ Draft pull request ") + pull_request(job) +
           " is open";
}

std::string headline(const Job& job, int position) {
    switch (job.state) {
        case JobState::queued:
            return position > 0 ? fmt::format("🕒 Queued, number {} in line", position) : "🕒 Queued";
        case JobState::working:
            return fmt::format("🔧 Working since {}: {}", since(job), phase_words(job));
        case JobState::publishing:
            return "📤 The result is there; opening the pull request";
        case JobState::competing:
            return "🔧 Several tries are at work side by side";
        case JobState::waiting:
            return job.waits_for == WaitsFor::answer ? "❓ Waiting for an answer"
                                                     : "💰 Waiting: a budget is spent";
        case JobState::review:
            return review_headline(job);
        case JobState::answered:
            return "💬 Answered without a pull request";
        case JobState::failed:
            return "❌ No pull request" + took(job);
        case JobState::stopped:
            return "⏹️ Stopped" + took(job);
        case JobState::merged:
            return "🎉 Pull request " + pull_request(job) + " was merged";
        case JobState::closed:
            return "🚪 Pull request " + pull_request(job) + " was closed without merging";
        case JobState::judged:
            return "✔️ Its result is stored";
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
    const auto line = [&](int step, std::string_view words) {
        return fmt::format("- [{}] {}\n", done >= step ? 'x' : ' ', words);
    };
    std::string text = line(1, fmt::format("Workspace at commit {} of {}", commit(job.assignment.base_commit),
                                           code(job.assignment.base_branch, 100)));
    text += line(2, "Agent");
    const auto told = evidence_told(job).words;
    text += line(3, "Checks on the base commit and on the result" + (told.empty() ? "" : ": " + told));
    text += line(4, job.pull_request > 0 ? "Pull request " + pull_request(job) : "Pull request");
    return text;
}

/// Reasons that say more than the headline. Ended jobs always tell theirs.
std::string reason_of(const Job& job, Time now) {
    const bool held_back =
        job.state == JobState::queued && job.retry_at && (now == Time{} || *job.retry_at > now);
    std::string text;
    if (job.state == JobState::waiting) return "What it needs to know is asked in a comment below.\n\n";
    if (held_back)
        text = fmt::format("Something outside of this issue went wrong{}; the next try is not before {}.\n\n",
                           job.infra_attempts > 0 ? fmt::format(" (try {})", job.infra_attempts) : "",
                           moment(*job.retry_at));
    const bool told_by_headline = job.state == JobState::merged || job.state == JobState::closed;
    if (((is_final(job.state) && !told_by_headline) || held_back) && !job.reason.empty())
        text += foreign(job.reason, 12'000) + "\n\n";
    return text;
}

std::string next_steps(const Job& job) {
    if (is_final(job.state) && job.reason.find("/agent retry") != std::string::npos)
        return {};  // the reason says it
    switch (job.state) {
        case JobState::queued:
        case JobState::working:
        case JobState::publishing:
        case JobState::competing:
            return "Comment `/agent stop` to stop it.";
        case JobState::waiting:
            return "Comment `/agent stop` to end it instead.";
        case JobState::review:
            return "Review it and merge it; or ask for changes in a review or with `/agent refine`; or have "
                   "it "
                   "made anew with `/agent retry [profile] [guidance]`; or close it.";
        case JobState::answered:
        case JobState::failed:
        case JobState::stopped:
        case JobState::closed:
            return "To have another try, comment `/agent retry [profile] [guidance]` or set the label again.";
        case JobState::merged:
        case JobState::judged:
            return {};
    }
    return {};
}

/// The record of a job that reached its goal.
std::string record(const Job& job, const std::vector<Run>& runs) {
    if (job.state != JobState::merged || !job.ended_at) return {};
    auto text = fmt::format(
        "From label to merge it took {}",
        duration(std::chrono::duration_cast<std::chrono::milliseconds>(*job.ended_at - job.created_at)));
    if (!runs.empty()) text += fmt::format(", in {} of the agent", count(runs.size(), "pass"));
    double cost = 0;
    bool priced = false;
    for (const auto& run : runs) {
        priced = priced || run.usage.cost_usd;
        cost += run.usage.cost_usd.value_or(0);
    }
    if (priced) text += fmt::format(", for ${:.2f}", cost);
    return text + ".\n\n";
}

std::string tries_words(const std::vector<Job>& tries) {
    std::string text;
    for (const auto& each : tries)
        text +=
            fmt::format("- [{}] Try {}{}: {}\n", is_final(each.state) ? 'x' : ' ', each.try_number,
                        each.assignment.profile.empty() ? "" : " with " + code(each.assignment.profile, 60),
                        each.state == JobState::judged ? "has a result" : name(each.state));
    return text;
}

std::string facts(const Job& job, const std::vector<Run>& runs, Time now) {
    auto text =
        fmt::format("Asked for by {} on {}", code(job.assignment.requested_by.login), moment(job.created_at));
    if (!runs.empty()) {
        text += fmt::format(" · agent profile {}", code(runs.back().profile));
        if (runs.size() > 1) text += fmt::format(" · {}", count(runs.size(), "run"));
    }
    if (job.assignment.hidden_stripped > 0)
        text += fmt::format(" · {} of hidden text not given to the agent",
                            count(static_cast<std::uint64_t>(job.assignment.hidden_stripped), "piece"));
    text += fmt::format(" · job {}", job.id.value);
    if (now != Time{} && is_active(job.state)) text += " · as of " + moment(now);
    return "<sub>" + text + "</sub>\n";
}

}  // namespace

std::string short_of_disk() {
    return "The machine that Shopfloor runs on is short of disk space, so no job is begun now. Nothing is "
           "lost: "
           "it goes on when its operator, who is told too, has made room.";
}

std::string status(const Job& job, const std::vector<Run>& runs, int position, Time now,
                   std::string_view held_up, const std::vector<Job>& tries) {
    auto text = "### " + headline(job, position) + "\n\n" + reason_of(job, now) + record(job, runs);
    if (job.state == JobState::queued && !held_up.empty()) text += fmt::format("{}\n\n", held_up);
    if (job.state == JobState::competing)
        text += tries_words(tries) + "\n";
    else if (job.state != JobState::answered)
        text += checklist(job) + "\n";
    if (const auto next = next_steps(job); !next.empty()) text += next + "\n\n";
    return text + facts(job, runs, now);
}

std::string state_label(JobState state, const config::LabelSettings& labels) {
    switch (state) {
        case JobState::queued:
            return labels.state_prefix + "queued";
        case JobState::working:
        case JobState::publishing:
        case JobState::competing:
            return labels.state_prefix + "working";
        case JobState::waiting:
            return labels.state_prefix + "waiting";
        case JobState::review:
            return labels.state_prefix + "review";
        case JobState::failed:
            return labels.state_prefix + "blocked";
        case JobState::answered:
        case JobState::merged:
            return labels.state_prefix + "done";
        case JobState::stopped:
        case JobState::closed:
        case JobState::judged:
            return {};
    }
    return {};
}

std::vector<std::string> all_state_labels(const config::LabelSettings& labels) {
    std::vector<std::string> all;
    for (const auto* word : {"queued", "working", "waiting", "review", "blocked", "done"})
        all.push_back(labels.state_prefix + word);
    return all;
}

}  // namespace bot::report
