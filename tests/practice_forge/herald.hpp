#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tests/practice_forge/hooks.hpp"
#include "tests/practice_forge/world.hpp"

namespace practice_forge {

/// Tells of deeds by webhooks, in the events and payloads of its forge. What a forge does not tell is empty
/// here. All members need the world's lock.
class Herald {
 public:
    virtual ~Herald() = default;

    /// What they were.
    struct Changes {
        std::optional<std::string> title, body;
    };
    enum class Labels { set, taken, cleared };
    /// `before` is empty: the branch is made; `after` is: it is deleted.
    struct Push {
        std::string branch, before, after;
        bool forced = false;
        std::vector<Commit> commits;
        std::optional<Commit> head;
    };

    // Issues and pull requests. A thread begins without its labels, and then has them.
    virtual void begun(Repository&, const Thread&) {}
    virtual void opened(Repository&, const Thread&) {}
    virtual void edited(Repository&, const Thread&, const Changes&, const std::string& /*by*/) {}
    virtual void label_set(Repository&, const Thread&, const Label&, const std::string& /*by*/) {}
    virtual void label_taken(Repository&, const Thread&, const Label&, const std::string& /*by*/) {}
    /// All that one deed did to labels; it may be nothing.
    virtual void labels_changed(Repository&, const Thread&, Labels, const std::string& /*by*/) {}
    virtual void closed(Repository&, const Thread&, const std::string& /*by*/) {}  ///< merged, too
    virtual void reopened(Repository&, const Thread&, const std::string& /*by*/) {}
    virtual void deleted(Repository&, const Thread&, const std::string& /*by*/) {}
    virtual void locked(Repository&, const Thread&, const std::string& /*by*/) {}
    virtual void unlocked(Repository&, const Thread&, const std::string& /*by*/) {}
    /// As it was, and as it is elsewhere.
    virtual void transferred(Repository&, const Thread&, Repository&, const Thread&,
                             const std::string& /*by*/) {}
    /// Other commits are proposed: from, to.
    virtual void head_moved(Repository&, const Thread&, const std::string&, const std::string&,
                            const std::string& /*by*/) {}
    virtual void commented(Repository&, const StoredComment&) {}
    virtual void comment_edited(Repository&, const StoredComment&, const std::string& /*was*/,
                                const std::string& /*by*/) {}
    virtual void comment_deleted(Repository&, const StoredComment&, const std::string& /*by*/) {}
    virtual void reviewed(Repository&, const Thread&, const StoredReview&) {}
    /// Answered beside a line by itself (`create`), or edited there (`update`).
    virtual void beside_line(Repository&, const StoredReviewComment&, const std::string& /*action*/,
                             const std::string& /*by*/) {}
    /// Who is asked to look, and what they came to: as it was.
    virtual void reviewers_changed(Repository&, const Thread&, const std::vector<Reviewer>&,
                                   const std::string& /*by*/) {}

    // Commits.
    virtual void pushed(Repository&, const Push&, const std::string& /*by*/) {}
    /// A check run ended; its suite has come to this conclusion, or goes on while that is empty.
    virtual void check_ended(Repository&, const StoredCheckRun&, const CheckSuite&,
                             const std::string& /*conclusion*/, const std::string& /*by*/) {}
    virtual void suite_ended(Repository&, const CheckSuite&, const std::string& /*conclusion*/, const Commit&,
                             const std::string& /*by*/) {}
    /// On this commit, to which these branches point.
    virtual void status_set(Repository&, const CommitStatus&, const Commit&,
                            const std::vector<std::string>& /*branches*/) {}

    // Repositories and the App.
    virtual void created(Repository&) {}
    virtual void given_away(Repository&, const std::string& /*old_owner*/) {}
    virtual void renamed(Repository&, const std::string& /*old_name*/, const std::string& /*by*/) {}
    virtual void archived(Repository&) {}
    virtual void erased(Repository&) {}
    virtual void uninstalled() {}
    virtual void suspended(bool /*is*/) {}
    virtual void taken_out(Repository&) {}

    /// What comes when an administrator tries the webhook.
    virtual void tried() = 0;
};

[[nodiscard]] std::unique_ptr<Herald> herald_of(Dialect dialect, World& world, Hooks& hooks);
/// The headers of its deliveries.
[[nodiscard]] Seal seal_of(Dialect dialect);

}  // namespace practice_forge
