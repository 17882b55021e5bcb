#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "integrations/forge.hpp"
#include "tests/practice_forge/practice_forge.hpp"

/// Which forge the scenarios run on, and where that one differs from the others.
namespace scenarios {

/// `SHOPFLOOR_TEST_FORGE` (github, gitlab, gitea, forgejo), else GitHub.
[[nodiscard]] practice_forge::Dialect tested_forge();
[[nodiscard]] inline bool on_github() { return tested_forge() == practice_forge::Dialect::github; }
/// As the bot knows it.
[[nodiscard]] const integrations::ForgeKind& tested_kind();

/// What a forge may not do. Each is a row of the table of docs/forges.md.
enum class Ability {
    tell_lines_around_a_remark,
    annotate_its_ci,
    tell_reviews_apart,
    tell_of_locks,
    tell_of_deleted_comments,
    tell_of_deleted_issues,
    tell_of_moved_repositories,
    tell_of_lost_access,
    tell_of_archived_repositories,
    tell_of_deleted_repositories,
    move_issues,
    tell_its_ci_log,
    refuse_unrelated_histories,
    tell_what_failed,
    sign_deliveries,
    install_apps,
};
[[nodiscard]] bool can(Ability ability);
/// A row of that table, and the forges that cannot do what it tells of.
struct Without {
    std::string_view row;
    std::set<practice_forge::Dialect> forges;
};
[[nodiscard]] std::vector<Without> abilities_missing();

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
    pull_request,  ///< and what belongs to it
    permission,
    what_was_said,  ///< since, in the repository
};
/// The fault, at those requests alone.
[[nodiscard]] practice_forge::Fault at(Asked asked, practice_forge::Fault fault);

/// The fault, where this label alone is taken off issues; of this one, where it is given.
practice_forge::Fault at_label_off(practice_forge::PracticeForge& forge, std::string_view repository,
                                   std::string_view label, practice_forge::Fault fault,
                                   std::int64_t issue = 0);

/// Whether the forge was asked what this person may do there.
[[nodiscard]] bool asked_for_permission_of(const practice_forge::PracticeForge& forge,
                                           std::string_view repository, std::string_view person);

/// By its name one sees that it is no person.
[[nodiscard]] std::string login_of_another_bot();

/// A sentence of the bot's (bot/sentences.hpp, with its marks) as the tested forge's people read it.
[[nodiscard]] std::string as_read(std::string_view sentence);
/// `#12`, or as the tested forge writes it.
[[nodiscard]] std::string reference(const practice_forge::PullRequest& proposal);

}  // namespace scenarios
