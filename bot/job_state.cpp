#include "bot/job_state.hpp"

#include <algorithm>
#include <array>

#include "bot/job.hpp"

namespace bot {

namespace {

constexpr bool at_most_one_row_per_state_and_signal() {
    for (std::size_t i = 0; i < transitions.size(); ++i)
        for (std::size_t j = i + 1; j < transitions.size(); ++j)
            if (transitions[i].from == transitions[j].from && transitions[i].on == transitions[j].on)
                return false;
    return true;
}

constexpr bool every_state_is_reached_from_queued() {
    std::array<bool, all_states.size()> seen{};
    seen[static_cast<std::size_t>(JobState::queued)] = true;
    for (std::size_t pass = 0; pass < all_states.size(); ++pass)
        for (const auto& row : transitions)
            if (seen[static_cast<std::size_t>(row.from)]) seen[static_cast<std::size_t>(row.to)] = true;
    for (bool reached : seen)
        if (!reached) return false;
    return true;
}

constexpr bool every_state_can_end() {
    std::array<bool, all_states.size()> ends{};
    for (auto state : all_states) ends[static_cast<std::size_t>(state)] = is_final(state);
    for (std::size_t pass = 0; pass < all_states.size(); ++pass)
        for (const auto& row : transitions)
            if (ends[static_cast<std::size_t>(row.to)]) ends[static_cast<std::size_t>(row.from)] = true;
    for (bool end : ends)
        if (!end) return false;
    return true;
}

constexpr bool every_active_state_can_be_stopped() {
    for (auto state : all_states)
        if (is_active(state) && next(state, Signal::stop) != JobState::stopped) return false;
    return true;
}

constexpr bool the_agent_is_never_paid_after_the_verdict() {
    for (const auto& row : transitions)
        if (row.from == JobState::publishing && (row.to == JobState::queued || row.to == JobState::working))
            return false;
    return true;
}

static_assert(at_most_one_row_per_state_and_signal());
static_assert(every_state_is_reached_from_queued());
static_assert(every_state_can_end());
static_assert(every_active_state_can_be_stopped());
static_assert(the_agent_is_never_paid_after_the_verdict());

}  // namespace

std::string_view name(JobState state) {
    switch (state) {
        case JobState::queued:
            return "queued";
        case JobState::working:
            return "working";
        case JobState::publishing:
            return "publishing";
        case JobState::competing:
            return "competing";
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
        case JobState::judged:
            return "judged";
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

namespace {

struct CycleName {
    Cycle what;
    std::string_view name;
};
constexpr std::array cycle_names{CycleName{Cycle::refine, "refine"}, CycleName{Cycle::retry, "retry"},
                                 CycleName{Cycle::rebase, "rebase"}, CycleName{Cycle::pick, "pick"}};

}  // namespace

std::string_view name(Cycle what) { return std::ranges::find(cycle_names, what, &CycleName::what)->name; }

std::optional<Cycle> cycle_of(std::string_view text) {
    const auto* found = std::ranges::find(cycle_names, text, &CycleName::name);
    return found == cycle_names.end() ? std::nullopt : std::optional(found->what);
}

std::string_view name(Ask::What what) {
    switch (what) {
        case Ask::What::wish:
            return "wish";
        case Ask::What::checks:
            return "checks";
        case Ask::What::conflict:
            return "conflict";
        case Ask::What::retry:
            return "retry";
        case Ask::What::pick:
            return "pick";
        case Ask::What::start:
            return "start";
        case Ask::What::stop:
            return "stop";
    }
    return "";
}

std::string_view name(Signal signal) {
    switch (signal) {
        case Signal::claim:
            return "claim";
        case Signal::compete:
            return "compete";
        case Signal::judged:
            return "judged";
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
        case Signal::refine:
            return "refine";
        case Signal::back:
            return "back";
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
