#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "bot/job_state.hpp"
#include "tests/practice_forge/practice_forge.hpp"
#include "tests/practice_model/practice_model.hpp"
#include "tests/scenarios/factory.hpp"

/// The steps of a job at which stop is said, and how each is come to.
namespace scenarios {

struct JobStep {
    bot::JobState from;
    bot::Signal on;
    friend bool operator==(const JobStep&, const JobStep&) = default;
};

/// What people do on the issue or its pull request: to get to where stop is wanted, or at the same moment.
using Deed = std::function<void(practice_forge::PracticeForge&, std::int64_t issue,
                                const practice_forge::PullRequest&)>;

struct Race {
    std::string name;
    std::vector<JobStep> steps;  ///< that stop may meet
    const char* title = "Words are missing";
    const char* begin = "";       ///< the comment that begins the job; empty: the label does
    const char* first = "";       ///< is waited for before `then`; empty: nothing
    Deed then = {};               ///< leads to where stop is wanted
    std::string moment = {};      ///< the state after whose beginning stop is said
    std::vector<int> after = {};  ///< ms after it, one try each
    Deed against = {};            ///< at the same moment: in every second try before stop, else behind it
};

[[nodiscard]] const std::vector<Race>& races();

/// A step of the table of states that stop cannot meet.
struct NoRace {
    JobStep step;
    const char* why;
};
[[nodiscard]] const std::vector<NoRace>& no_races();

/// The factory of those races. The model is never there for the agent that wants one.
[[nodiscard]] Plan plan_of_races(const practice_model::PracticeModel& model);

}  // namespace scenarios
