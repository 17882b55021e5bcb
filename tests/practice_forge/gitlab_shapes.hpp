#pragma once

#include <string>
#include <vector>

#include "tests/practice_forge/addresses.hpp"
#include "tests/practice_forge/world.hpp"

/// GitLab's JSON as its REST API has it. Fields: https://docs.gitlab.com/api/ and
/// https://gitlab.com/gitlab-org/gitlab/-/tree/master/lib/api/entities. All need the world's lock.
namespace practice_forge::gitlab {

[[nodiscard]] std::string moment(Time time);  ///< 2026-01-31T12:00:00.000Z
[[nodiscard]] json moment_or_null(const std::optional<Time>& time);

[[nodiscard]] json user_json(World& world, const std::string& login);
/// As the caller sees it; `login` is empty for nobody.
[[nodiscard]] json project_json(World& world, const Repository& repository, const std::string& login);
[[nodiscard]] json label_json(const Label& label);
[[nodiscard]] json label_event_json(World& world, Repository& repository, const Thread& thread,
                                    const LabelEvent& event);
[[nodiscard]] json issue_json(World& world, const Repository& repository, const Thread& thread);
[[nodiscard]] json request_json(World& world, const Repository& repository, const Thread& thread);
/// A note: a comment, one by the forge itself, or one beside a line.
[[nodiscard]] json note_json(World& world, const Repository& repository, const StoredComment& comment);
[[nodiscard]] json note_json(World& world, const Repository& repository, const StoredReviewComment& comment);
/// The same in REST and in webhooks.
[[nodiscard]] json position_json(const Repository& repository, const StoredReviewComment& comment);
[[nodiscard]] std::string discussion_id(std::int64_t first_note);  ///< 40 hex digits
[[nodiscard]] json award_json(World& world, const StoredReaction& reaction, std::int64_t of,
                              const char* kind);

[[nodiscard]] json commit_json(const World& world, const Repository& repository, const Commit& commit);
[[nodiscard]] json status_json(World& world, const Repository& repository, const CommitStatus& status);
[[nodiscard]] json pipeline_json(const World& world, const Repository& repository,
                                 const CheckSuite& pipeline);
[[nodiscard]] json job_json(World& world, const Repository& repository, const StoredCheckRun& job);
/// A job as one of the commit's statuses.
[[nodiscard]] json status_json(World& world, const Repository& repository, const StoredCheckRun& job);

// What the world has in GitHub's words, in GitLab's.
[[nodiscard]] std::string_view emoji_of(std::string_view reaction);    ///< "+1" is "thumbsup"
[[nodiscard]] std::string_view reaction_of(std::string_view emoji);    ///< empty: none that there is here
[[nodiscard]] std::string_view state_word(std::string_view state);     ///< of a status: "failure" is "failed"
[[nodiscard]] std::string_view state_of_word(std::string_view word);   ///< and back; empty for none
[[nodiscard]] std::string_view state_word(const StoredCheckRun& job);  ///< of a job
[[nodiscard]] std::string_view state_word(const Thread& thread);       ///< opened, closed, merged
/// What the newest of each name in a pipeline come to.
[[nodiscard]] std::string pipeline_state(const Repository& repository, const CheckSuite& pipeline);
/// The branch that a commit is on, as far as its merge request says.
[[nodiscard]] std::string ref_of(const Repository& repository, const std::string& sha);

struct MergeStatus {
    std::string_view plain, detailed;
};
[[nodiscard]] MergeStatus merge_status(const World& world, const Thread& thread);
[[nodiscard]] bool discussions_resolved(const Repository& repository, const Thread& thread);
/// The merge requests that would close an issue, and those that at least name it.
[[nodiscard]] std::vector<const Thread*> requests_naming(const Repository& repository, const Thread& issue,
                                                         bool closing);

}  // namespace practice_forge::gitlab
