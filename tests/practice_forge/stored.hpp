#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "tests/practice_forge/practice_forge.hpp"

/// What a practice forge remembers of people, of issues and pull requests, and of what CI says.
namespace practice_forge {

using Time = std::chrono::system_clock::time_point;

struct User {
    std::int64_t id = 0;
    std::string login;
    bool bot = false;
};

struct Label {
    std::int64_t id = 0;
    std::string name, color, description;
};

struct StoredReaction {
    std::int64_t id = 0;
    std::string user, content;
    Time created;
};

struct StoredComment {
    std::int64_t id = 0;
    std::int64_t thread = 0;
    std::string user, body;
    Time created, updated;
    std::vector<StoredReaction> reactions;
    int edits = 0;
    // Where everything is a note (GitLab):
    bool system = false;           ///< the forge itself says what was done
    bool internal = false;         ///< for members only
    std::int64_t in_reply_to = 0;  ///< 0: it is the first of its discussion
    std::string resolved_by;       ///< of a discussion's first; empty: it is not
};

struct StoredReview {
    std::int64_t id = 0;
    std::int64_t thread = 0;
    std::string user, state, body, commit;
    Time submitted;
};

struct StoredReviewComment {
    std::int64_t id = 0;
    std::int64_t review = 0;
    std::int64_t thread = 0;
    int line = 0;
    std::string user, body, path, diff_hunk, commit;
    std::int64_t in_reply_to = 0;
    Time created;
    std::optional<Time> updated;
    std::vector<StoredReaction> reactions;
    std::string resolved_by;  ///< of a discussion's first; empty: it is not
};

/// Who is asked to look at a pull request; `state` in GitLab's words.
struct Reviewer {
    std::string user, state;
    Time created;
};

/// The pull-request half of a thread. The sizes are known for `measured_head`.
struct Pull {
    std::string head_branch, head_sha, base_branch, base_sha;
    bool draft = false;
    bool merged = false;
    std::optional<Time> merged_at;
    std::string merged_by, merge_commit;
    std::optional<bool> mergeable;
    std::string mergeable_for;  ///< "base head" that the verdict is about
    std::vector<Reviewer> reviewers;
    int commits = 0, additions = 0, deletions = 0, changed_files = 0;
};

/// A label set (`labeled`) or taken off (`unlabeled`).
struct LabelEvent {
    std::int64_t id = 0;
    std::string event, label, by;
    Time when;
};

struct Thread {
    std::int64_t id = 0;
    std::int64_t number = 0;
    std::int64_t key = 0;  ///< in `Repository::threads`: its number, unless that is ambiguous
    std::string title, body, author;
    std::vector<std::string> labels;
    bool open = true;
    bool locked = false;
    std::string state_reason;
    Time created, updated;
    std::optional<Time> closed_at;
    std::string closed_by;
    std::vector<StoredReaction> reactions;
    std::vector<LabelEvent> label_events;  ///< oldest first
    std::optional<Pull> pull;
};

/// What one App does for one commit; its runs come to one conclusion.
struct CheckSuite {
    std::int64_t id = 0;
    std::string app, head_sha;
    Time created;
};

struct StoredCheckRun {
    std::int64_t id = 0;
    std::int64_t suite = 0;
    std::string app;  ///< its slug
    std::string name, head_sha, status, conclusion, external_id, details_url;
    std::string title, summary, text;
    std::string log;  ///< of a job of `github-actions`
    bool has_output = false;
    std::vector<Annotation> annotations;
    std::optional<Time> started, completed;
};

struct CommitStatus {
    std::int64_t id = 0;
    /// `target_url` may be a path of the forge itself.
    std::string sha, state, description, target_url, context, creator;
    Time created, updated;
    std::string ref;         ///< the branch that it is said of, where that is told
    std::int64_t suite = 0;  ///< the pipeline that it belongs to, where there are such
};

}  // namespace practice_forge
