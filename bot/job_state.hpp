#pragma once

#include <array>
#include <optional>
#include <string_view>

namespace bot {

/// Where a job stands. bot/schema.sql knows the same words (CHECK), and tests hold the two together.
enum class JobState {
    queued,   ///< decided and waiting for a turn; `retry_at` may hold it back after an infrastructure fault
    working,  ///< claimed by a worker under a lease: workspace, baseline, agent, checks
    publishing,  ///< the verdict is stored; push, pull request, check run. Never pays the agent again
    competing,   ///< its tries, each a job of its own, are at work; the best of them is published
    waiting,     ///< a person must answer first: a question, or a budget is spent; the workspace stays
    review,      ///< the pull request is open and waits for people
    answered,    ///< ended with a plain answer and no pull request: nothing to change
    failed,      ///< ended without a result; the reason is a sentence on the issue
    stopped,     ///< ended by a person or because its issue ended
    merged,      ///< the pull request was merged
    closed,      ///< the pull request was closed unmerged
    judged,      ///< of one of several tries: its result is stored for the job that they are for
};

/// What happens to a job.
enum class Signal {
    claim,     ///< a worker takes it
    compete,   ///< several tries begin for it
    requeue,   ///< infrastructure fault or lost lease: back to where it can be taken again, attempts counted
    verdict,   ///< evidence is stored, publishing begins
    judged,    ///< evidence of one of several tries is stored
    proposed,  ///< the pull request is open
    ask,       ///< it cannot go on without a person
    resume,    ///< the person has answered
    refine,    ///< people want the open pull request changed
    back,      ///< nothing came of that; the pull request stays as it was
    nothing,   ///< the agent changed nothing
    fail,      ///< no result, told why
    stop,      ///< a person or the end of the issue says stop
    merge,     ///< pull request merged
    close,     ///< pull request closed
};

inline constexpr std::array all_states{JobState::queued,    JobState::working, JobState::publishing,
                                       JobState::competing, JobState::waiting, JobState::review,
                                       JobState::answered,  JobState::failed,  JobState::stopped,
                                       JobState::merged,    JobState::closed,  JobState::judged};
inline constexpr std::array all_signals{Signal::compete, Signal::judged,   Signal::claim,   Signal::requeue,
                                        Signal::verdict, Signal::proposed, Signal::ask,     Signal::resume,
                                        Signal::refine,  Signal::back,     Signal::nothing, Signal::fail,
                                        Signal::stop,    Signal::merge,    Signal::close};

struct Transition {
    JobState from;
    Signal on;
    JobState to;
};

/// The one transition table. What is not in it does not happen; what it must never allow is proved in
/// bot/job_state.cpp when that is compiled.
inline constexpr std::array transitions{
    Transition{JobState::queued, Signal::claim, JobState::working},
    Transition{JobState::queued, Signal::stop, JobState::stopped},
    Transition{JobState::queued, Signal::compete, JobState::competing},
    Transition{JobState::competing, Signal::verdict, JobState::publishing},
    Transition{JobState::competing, Signal::nothing, JobState::answered},
    Transition{JobState::competing, Signal::fail, JobState::failed},
    Transition{JobState::competing, Signal::stop, JobState::stopped},
    Transition{JobState::working, Signal::judged, JobState::judged},
    Transition{JobState::working, Signal::requeue, JobState::queued},
    Transition{JobState::working, Signal::verdict, JobState::publishing},
    Transition{JobState::working, Signal::ask, JobState::waiting},
    Transition{JobState::working, Signal::nothing, JobState::answered},
    Transition{JobState::working, Signal::fail, JobState::failed},
    Transition{JobState::working, Signal::stop, JobState::stopped},
    Transition{JobState::working, Signal::back, JobState::review},
    Transition{JobState::waiting, Signal::resume, JobState::queued},
    Transition{JobState::waiting, Signal::stop, JobState::stopped},
    // A publishing job stays publishing when its worker is lost or the forge is down: the verdict is paid
    // for.
    Transition{JobState::publishing, Signal::claim, JobState::publishing},
    Transition{JobState::publishing, Signal::requeue, JobState::publishing},
    Transition{JobState::publishing, Signal::proposed, JobState::review},
    Transition{JobState::publishing, Signal::fail, JobState::failed},
    Transition{JobState::publishing, Signal::stop, JobState::stopped},
    Transition{JobState::publishing, Signal::back, JobState::review},
    Transition{JobState::review, Signal::refine, JobState::queued},
    // People may merge or close the pull request while it is being changed.
    Transition{JobState::queued, Signal::merge, JobState::merged},
    Transition{JobState::queued, Signal::close, JobState::closed},
    Transition{JobState::working, Signal::merge, JobState::merged},
    Transition{JobState::working, Signal::close, JobState::closed},
    Transition{JobState::publishing, Signal::merge, JobState::merged},
    Transition{JobState::publishing, Signal::close, JobState::closed},
    Transition{JobState::waiting, Signal::merge, JobState::merged},
    Transition{JobState::waiting, Signal::close, JobState::closed},
    Transition{JobState::review, Signal::merge, JobState::merged},
    Transition{JobState::review, Signal::close, JobState::closed},
    Transition{JobState::review, Signal::stop, JobState::stopped},
};

[[nodiscard]] constexpr std::optional<JobState> next(JobState from, Signal on) {
    for (const auto& row : transitions)
        if (row.from == from && row.on == on) return row.to;
    return std::nullopt;
}

/// Nothing leads out of it.
[[nodiscard]] constexpr bool is_final(JobState state) {
    for (const auto& row : transitions)
        if (row.from == state) return false;
    return true;
}

/// Occupies its issue: a second job for the same issue cannot start (partial unique index in the schema).
[[nodiscard]] constexpr bool is_active(JobState state) { return !is_final(state); }

[[nodiscard]] std::string_view name(JobState state);
[[nodiscard]] std::optional<JobState> job_state(std::string_view name);
[[nodiscard]] std::string_view name(Signal signal);

}  // namespace bot
