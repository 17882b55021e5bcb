#include "bot/job_state.hpp"

#include "bot/job.hpp"

namespace bot {

std::string_view name(JobState state) {
    switch (state) {
        case JobState::queued:
            return "queued";
        case JobState::working:
            return "working";
        case JobState::publishing:
            return "publishing";
        case JobState::waiting:
            return "waiting";
        case JobState::review:
            return "review";
        case JobState::answered:
            return "answered";
        case JobState::failed:
            return "failed";
        case JobState::stopped:
            return "stopped";
        case JobState::merged:
            return "merged";
        case JobState::closed:
            return "closed";
    }
    return "";
}

std::optional<JobState> job_state(std::string_view text) {
    for (const auto state : all_states)
        if (name(state) == text) return state;
    return std::nullopt;
}

std::string_view name(WaitsFor what) {
    switch (what) {
        case WaitsFor::nothing:
            return "";
        case WaitsFor::answer:
            return "answer";
        case WaitsFor::run_budget:
            return "run_budget";
        case WaitsFor::job_budget:
            return "job_budget";
    }
    return "";
}

std::string_view name(Signal signal) {
    switch (signal) {
        case Signal::claim:
            return "claim";
        case Signal::requeue:
            return "requeue";
        case Signal::verdict:
            return "verdict";
        case Signal::proposed:
            return "proposed";
        case Signal::ask:
            return "ask";
        case Signal::resume:
            return "resume";
        case Signal::nothing:
            return "nothing";
        case Signal::fail:
            return "fail";
        case Signal::stop:
            return "stop";
        case Signal::merge:
            return "merge";
        case Signal::close:
            return "close";
    }
    return "";
}

}  // namespace bot
