#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "tests/practice_forge/practice_forge.hpp"

/// Which forge the scenarios run on, and where that one differs from the others.
namespace scenarios {

/// `SHOPFLOOR_TEST_FORGE` (github, gitlab, gitea, forgejo), else GitHub.
[[nodiscard]] practice_forge::Dialect tested_forge();
[[nodiscard]] inline bool on_github() { return tested_forge() == practice_forge::Dialect::github; }

/// What the bot asks of its forge, by what it is for.
enum class Asked {
    anything,
    push,
    open_pull_request,
    change_pull_request,
    labels,  ///< GitLab: whatever is changed of an issue, as labels are
    comment,
    change,    ///< by PATCH, or PUT
    evidence,  ///< the check run or commit status
    reviews,
    permission,
    what_was_said,  ///< since, in the repository
};
/// The fault, at those requests alone.
[[nodiscard]] practice_forge::Fault at(Asked asked, practice_forge::Fault fault);

/// The fault, where this label alone is taken off issues; of this one, where it is given.
practice_forge::Fault at_label_off(practice_forge::PracticeForge& forge, std::string_view repository,
                                   std::string_view label, practice_forge::Fault fault,
                                   std::int64_t issue = 0);

/// `#12`, or as the tested forge writes it.
[[nodiscard]] std::string reference(const practice_forge::PullRequest& proposal);

}  // namespace scenarios
