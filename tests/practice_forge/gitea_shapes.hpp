#pragma once

#include "tests/practice_forge/addresses.hpp"
#include "tests/practice_forge/world.hpp"

/// Gitea's JSON, the same in REST and in webhooks. Fields and their order of magnitude:
/// https://github.com/go-gitea/gitea/tree/main/modules/structs. All need the world's lock.
namespace practice_forge::gitea {

[[nodiscard]] std::string moment(const World& world, Time time);  ///< in the server's zone
[[nodiscard]] json moment_or_null(const World& world, const std::optional<Time>& time);

[[nodiscard]] json user_json(World& world, const std::string& login);
/// As somebody sees it who has this permission there.
[[nodiscard]] json repository_json(World& world, const Repository& repository, Permission permission);
[[nodiscard]] json label_json(const World& world, const Repository& repository, const Label& label);
[[nodiscard]] json labels_json(const World& world, Repository& repository, const Thread& thread);
[[nodiscard]] json reaction_json(World& world, const StoredReaction& reaction);
[[nodiscard]] json issue_json(World& world, Repository& repository, const Thread& thread);
[[nodiscard]] json comment_json(World& world, Repository& repository, const StoredComment& comment);
[[nodiscard]] json pull_json(World& world, Repository& repository, const Thread& thread);
[[nodiscard]] json review_json(World& world, Repository& repository, const StoredReview& review);
[[nodiscard]] json review_comment_json(World& world, Repository& repository,
                                       const StoredReviewComment& comment);
/// Of pushes, branches and statuses.
[[nodiscard]] json commit_json(const World& world, const Repository& repository, const Commit& commit);
[[nodiscard]] json status_json(World& world, const Repository& repository, const CommitStatus& status);

}  // namespace practice_forge::gitea
