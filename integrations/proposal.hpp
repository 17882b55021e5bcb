#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "integrations/event.hpp"

/// What is at a forge when it is asked, and what we ask it to show.
namespace integrations {

struct ReviewComment {  ///< beside a line
    std::string id;
    std::string path;
    int line = 0;  ///< 1-based, of the file after the change; 0: not known any more
    std::string diff_hunk;
    std::string body;
    Person by;
};

/// One thing that somebody said on a pull request.
struct Remark {
    enum class Where { comment, review, line };
    Where where = Where::comment;
    std::string id;  ///< one of its own among those of the same `where`
    std::string body;
    Person by;
    Moment at = {};
    std::string verdict;  ///< of a review: `approved`, `changes_requested`, `commented`, `dismissed`
    // Of what stands beside a line:
    std::string path;
    int line = 0;  ///< 1-based; 0: not known any more
    enum class Side { after, before };
    Side side = Side::after;  ///< the change: which state of the file has the line
    std::string diff_hunk;    ///< its last line is the one
    std::string answers;      ///< id of what it is a reply to; empty: it is the first there
};

struct Conversation {
    std::vector<Remark> remarks;  ///< oldest first
    bool whole = true;            ///< false: older ones were left out
};

/// What an issue says, fixed at decision time.
struct IssueSnapshot {
    std::string title;
    std::string body;
    std::vector<std::string> labels;
    Person author;
    bool open = true;
    std::string web_url;
    bool locked = false;  ///< its conversation
};

/// A label was set or taken off, by the issue's own record.
struct LabelEvent {
    std::string id;  ///< they count up
    bool set = true;
    Person by;
    Moment at;
};

/// The last time that it was set; null: never, as far as this record goes.
[[nodiscard]] inline const LabelEvent* last_set(const std::vector<LabelEvent>& record) {
    const auto last = std::ranges::find(record.rbegin(), record.rend(), true, &LabelEvent::set);
    return last == record.rend() ? nullptr : &*last;
}

enum class Permission { none, read, write, admin };

/// A pull request as it is now.
struct PullRequest {
    std::int64_t number = 0;
    std::string web_url;
    std::string head_branch;
    std::string head_sha;
    bool draft = false;
    bool open = true;
    bool merged = false;
    std::optional<bool> conflicts;  ///< with its base branch; none: the forge does not know yet
    Person author;
};

/// What we ask the forge to open.
struct Proposal {
    RepoRef repo;
    std::int64_t number = 0;  ///< of the one that is to be changed; 0: there is none yet
    std::string head_branch;
    std::string head_sha;
    std::string base_branch;
    std::string title;
    std::string body;
    bool draft = false;
    std::string marker;  ///< hidden in the body by us; of this one proposal, and nobody can know it before
};

struct Annotation {
    std::string path;
    int line = 1;  ///< 1-based
    enum class Level { notice, warning, failure } level = Level::failure;
    std::string title;
    std::string message;
};

/// A check of somebody else (a CI job, a commit status) that ended badly.
struct FailedCheck {
    std::string name;
    std::string summary;                  ///< its own words, foreign; at most some 8000 code points
    std::vector<Annotation> annotations;  ///< at most 50
    std::string log_tail;  ///< the end of its log, at most 16 KiB; empty when there is none to be had
    std::string web_url;
    bool flaky = false;  ///< it has passed on the same commit too
};

/// A check run (GitHub) or commit status (other forges) bound to one commit.
struct CheckReport {
    std::string name;
    std::string head_sha;
    std::string external_id;  ///< derived from the job: doing it twice finds itself
    enum class Conclusion { success, failure, neutral } conclusion = Conclusion::neutral;
    std::string title;
    std::string summary;  ///< Markdown
    std::vector<Annotation> annotations;
    std::string details_url;
};

enum class Reaction { eyes, rocket, thumbs_down, confused };

}  // namespace integrations
