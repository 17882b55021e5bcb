#pragma once

#include <chrono>
#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "tests/scenarios/factory.hpp"
#include "tests/scenarios/random_watch.hpp"

/// Things that people, the network and the machine do to a factory, in an order drawn by chance.
namespace scenarios {

struct Step {
    std::size_t deed = 0;                ///< which of all that may happen
    std::size_t issue = 0;               ///< to which of the sequence's issues
    std::size_t detail = 0;              ///< how; each deed has its own way to read it
    std::chrono::milliseconds pause{0};  ///< before it
};

/// The same for the same seed. Who labels and what crashes comes first, so that no sequence is about nothing.
[[nodiscard]] std::vector<Step> drawn_steps(std::uint64_t seed, std::size_t length, std::size_t issues);

/// Of agents that a step may call by `agent:PROFILE`; the default one edits a file.
[[nodiscard]] Plan plan_of_random_steps();

/// Carries steps out. What cannot be done at the moment (to merge what is not there) is left out.
class Play {
 public:
    Play(Factory& factory, Watch& watch, std::size_t issues);
    void act(const Step& step);
    /// No faults any more, all deliveries there, those that were lost delivered again as the forge's page
    /// offers it, the daemon up.
    void mend();
    /// Stops the jobs whose question nobody has answered.
    void end_what_waits();
    /// What happened so far, a line each.
    [[nodiscard]] const std::string& told() const { return told_; }
    [[nodiscard]] const std::vector<std::int64_t>& issues() const { return issues_; }
    /// Issues that were labelled, and whose label no person took off.
    [[nodiscard]] std::vector<std::int64_t> labelled() const;

    struct Deeds;  ///< for the file of steps

 private:
    Factory& factory_;
    Watch& watch_;
    std::vector<std::int64_t> issues_;
    std::set<std::int64_t> labelled_, unlabelled_;
    std::string told_;
    int steps_down_ = 0;  ///< so many steps happen before the daemon is started again
    bool down_ = false;
    int commits_ = 0;
};

}  // namespace scenarios
