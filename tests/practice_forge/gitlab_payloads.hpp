#pragma once

#include <string>
#include <vector>

#include "tests/practice_forge/herald.hpp"
#include "tests/practice_forge/world.hpp"

/// GitLab's JSON as its webhooks have it: other names and other times than in REST.
/// https://docs.gitlab.com/user/project/integrations/webhook_events/ and
/// https://gitlab.com/gitlab-org/gitlab/-/tree/master/lib/gitlab/hook_data. All need the world's lock.
namespace practice_forge::gitlab {

[[nodiscard]] std::string hook_moment(Time time);  ///< 2026-01-31 12:00:00 UTC

[[nodiscard]] json hook_user(World& world, const std::string& login);
[[nodiscard]] json hook_project(const World& world, const Repository& repository);
[[nodiscard]] json hook_repository(const World& world, const Repository& repository);
/// Those of the names that there are.
[[nodiscard]] json hook_labels(Repository& repository, const std::vector<std::string>& names);
[[nodiscard]] json hook_issue(World& world, Repository& repository, const Thread& thread);
[[nodiscard]] json hook_request(World& world, Repository& repository, const Thread& thread);
[[nodiscard]] json hook_note(World& world, Repository& repository, const StoredComment& comment);
[[nodiscard]] json hook_note(World& world, Repository& repository, const StoredReviewComment& comment);
[[nodiscard]] json hook_reviewers(World& world, const std::vector<Reviewer>& reviewers);
[[nodiscard]] json hook_commit(const World& world, const Repository& repository, const Commit& commit);
/// The whole of a Pipeline Hook.
[[nodiscard]] json hook_pipeline(World& world, Repository& repository, const CheckSuite& pipeline,
                                 const Commit& commit, const std::string& by);
/// The whole of a Push Hook.
[[nodiscard]] json hook_push(World& world, const Repository& repository, const Herald::Push& push,
                             const std::string& by);

}  // namespace practice_forge::gitlab
