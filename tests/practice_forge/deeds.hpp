#pragma once

#include <optional>
#include <string>
#include <vector>

#include "tests/practice_forge/herald.hpp"
#include "tests/practice_forge/hooks.hpp"
#include "tests/practice_forge/world.hpp"

namespace practice_forge {

/// The issues that a merge request's or a pull request's description closes.
/// https://docs.github.com/en/issues/tracking-your-work-with-issues/using-issues/linking-a-pull-request-to-an-issue
[[nodiscard]] std::vector<std::int64_t> closed_by_words(const std::string& body);

/// What anybody may do here, bot or person: changes the world and has it told. Takes the world's lock itself.
/// Nobody's permission is asked: that is for the REST handlers. An issue or a pull request is named by its
/// key (`Thread::key`), which is what is returned of one that is made.
class Deeds {
 public:
    Deeds(World& world, Hooks& hooks, Herald& herald) : world_(world), hooks_(hooks), herald_(herald) {}

    Repository& create_repository(const RepositorySeed& seed);
    void rename_repository(std::string_view repository, std::string_view new_full_name);
    void archive_repository(Repository& repository);
    void delete_repository(Repository& repository);
    void uninstall_app();
    void suspend_app(bool suspended);
    void remove_from_installation(Repository& repository);
    std::int64_t create_issue(Repository& repository, const std::string& title, const std::string& body,
                              const std::string& author, const std::vector<std::string>& labels);
    void edit_thread(Repository& repository, std::int64_t number, const std::optional<std::string>& title,
                     const std::optional<std::string>& body, const std::string& by);
    void add_labels(Repository& repository, std::int64_t number, const std::vector<std::string>& labels,
                    const std::string& by);
    void remove_label(Repository& repository, std::int64_t number, const std::string& label,
                      const std::string& by);  ///< throws 404 when it is not set
    /// As one deed: exactly these, and none.
    void replace_labels(Repository& repository, std::int64_t number, const std::vector<std::string>& labels,
                        const std::string& by);
    void change_labels(Repository& repository, std::int64_t number, const std::vector<std::string>& set,
                       const std::vector<std::string>& take, const std::string& by);
    void clear_labels(Repository& repository, std::int64_t number, const std::string& by);
    struct Manner {
        bool internal = false;
        std::int64_t in_reply_to = 0;  ///< the first comment of a discussion
    };
    std::int64_t comment(Repository& repository, std::int64_t number, const std::string& body,
                         const std::string& by, const Manner& manner = {false, 0});
    void edit_comment(Repository& repository, std::int64_t id, const std::string& body,
                      const std::string& by);
    void delete_comment(Repository& repository, std::int64_t id, const std::string& by);
    void set_open(Repository& repository, std::int64_t number, bool open, const std::string& reason,
                  const std::string& by);
    void delete_issue(Repository& repository, std::int64_t number, const std::string& by);
    void set_locked(Repository& repository, std::int64_t number, bool locked, const std::string& by);
    /// Returns its number there.
    std::int64_t transfer_issue(Repository& from, std::int64_t number, Repository& to, const std::string& by);
    struct Proposed {
        std::string head, base, title, body;
        bool draft = false;
        bool may_be_empty = false;  ///< proposes no commit, or none with a history in common
    };
    std::int64_t open_pull(Repository& repository, const Proposed& proposed, const std::string& by);
    std::string merge(Repository& repository, std::int64_t number, const std::string& by);
    struct Reviewed {
        std::string state, body;
        std::vector<InlineComment> comments;
    };
    std::int64_t review(Repository& repository, std::int64_t number, const Reviewed& reviewed,
                        const std::string& by);
    std::int64_t reply(Repository& repository, std::int64_t number, std::int64_t comment,
                       const std::string& body, const std::string& by);
    /// Says something beside a line, in no review.
    std::int64_t stand_beside(Repository& repository, std::int64_t number, const InlineComment& comment,
                              const std::string& by);
    void edit_review_comment(Repository& repository, std::int64_t id, const std::string& body,
                             const std::string& by);
    /// Asks exactly these to look at a pull request.
    void ask_reviewers(Repository& repository, std::int64_t number, const std::vector<std::string>& logins,
                       const std::string& by);
    /// A branch and where it was and is; empty: nowhere.
    struct Moved {
        std::string branch, before, after;
    };
    /// After a push: it is told, and heads of open pull requests follow their branches.
    void pushed(Repository& repository, const Moved& moved, const std::string& by);
    /// A commit on top of a branch, made from the default branch when missing; returns its id.
    std::string commit_files(Repository& repository, const std::string& branch,
                             const std::vector<File>& files, const std::string& message,
                             const std::string& by);
    void delete_branch(Repository& repository, const std::string& branch, const std::string& by);
    /// A check run as its App has it now; with id 0 it is a new one. Its suite is told when all of it is
    /// done.
    StoredCheckRun keep_check(Repository& repository, StoredCheckRun run, const std::string& by);
    /// Likewise with id 0 a new one.
    CommitStatus keep_status(Repository& repository, CommitStatus status);
    /// Computes whether it can be merged, unless that is known.
    void weigh(Repository& repository, std::int64_t number);

 private:
    void note_itself(Repository& repository, const Thread& thread, const std::string& body,
                     const std::string& by);
    std::int64_t leave_issue(Repository& from, std::int64_t number, Repository& to, const std::string& by);
    std::int64_t keep_beside(Repository& repository, const Thread& thread, std::int64_t review,
                             const InlineComment& comment, const std::string& by);
    void keep_verdict(Repository& repository, std::int64_t number, const std::string& state,
                      const std::string& by);
    void tell_push(Repository& repository, const Moved& moved, const std::string& by);
    void follow_branches(Repository& repository, const std::string& by);
    void close_with_branch(Repository& repository, const std::string& branch, const std::string& by);
    [[nodiscard]] bool set_label(Repository& repository, Thread& thread, const std::string& name,
                                 const std::string& by);
    [[nodiscard]] bool take_label(Repository& repository, Thread& thread, const std::string& name,
                                  const std::string& by);
    World& world_;
    Hooks& hooks_;
    Herald& herald_;
};

}  // namespace practice_forge
