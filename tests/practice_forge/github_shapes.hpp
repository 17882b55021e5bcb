#pragma once

#include "tests/practice_forge/addresses.hpp"
#include "tests/practice_forge/world.hpp"

/// GitHub's JSON. All need the world's lock. Webhooks allow no field beyond the required ones, so what only
/// REST has is added by its handlers.
namespace practice_forge::github {

[[nodiscard]] json user_json(World& world, const std::string& login);
[[nodiscard]] json repository_json(World& world, const Repository& repository);
[[nodiscard]] json full_repository_json(World& world, const Repository& repository);
[[nodiscard]] json label_json(const World& world, const Repository& repository, const Label& label);
[[nodiscard]] json reaction_json(World& world, const StoredReaction& reaction);
[[nodiscard]] json issue_json(World& world, Repository& repository, const Thread& thread);
[[nodiscard]] json full_issue_json(World& world, Repository& repository, const Thread& thread);
[[nodiscard]] json comment_json(World& world, Repository& repository, const StoredComment& comment);
[[nodiscard]] json simple_pull_json(World& world, Repository& repository, const Thread& thread);
[[nodiscard]] json pull_json(World& world, Repository& repository, const Thread& thread);
[[nodiscard]] json app_json(World& world);
[[nodiscard]] json app_json(World& world, const std::string& slug);  ///< ours or another's
[[nodiscard]] json installation_json(World& world);
[[nodiscard]] json commit_json(World& world, const Repository& repository, const Commit& commit);
[[nodiscard]] json pushed_commit_json(const World& world, const Repository& repository, const Commit& commit);
[[nodiscard]] json simple_commit_json(const Repository& repository, const Commit& commit);
[[nodiscard]] json check_run_json(World& world, Repository& repository, const StoredCheckRun& run);
[[nodiscard]] json annotation_json(const World& world, const Repository& repository,
                                   const StoredCheckRun& run, const Annotation& annotation);
/// As webhooks have them. A suite without a conclusion goes on.
[[nodiscard]] json told_run_json(World& world, Repository& repository, const StoredCheckRun& run);
[[nodiscard]] json told_suite_json(World& world, const Repository& repository, const CheckSuite& suite,
                                   const std::string& conclusion);
[[nodiscard]] json status_json(World& world, Repository& repository, const CommitStatus& status,
                               bool with_creator);

[[nodiscard]] json review_json(World& world, const Repository& repository, const StoredReview& review);
[[nodiscard]] json review_comment_json(World& world, const Repository& repository,
                                       const StoredReviewComment& comment);

/// What every webhook carries.
[[nodiscard]] json event_json(World& world, const Repository& repository, const std::string& action,
                              const std::string& sender);

}  // namespace practice_forge::github
