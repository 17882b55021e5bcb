#pragma once

#include <array>
#include <cstddef>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "integrations/forge.hpp"

namespace integrations {

// Which pull request is whose, as far as forges word them alike.

/// Whether its branch is the repository's own: anybody may name one in a fork like ours. As GitHub and Gitea
/// word it.
[[nodiscard]] bool is_from_home(const nlohmann::json& pull);
/// Whether an open one closes the issue, by its words or by our branch name.
[[nodiscard]] bool would_close(const nlohmann::json& pull, const ThreadRef& issue);

/// Looks for the pull request of a branch among those that a forge lists, the newest first: the open one,
/// else the newest that brought this very commit, or that we opened for this very proposal and people pushed
/// to. Another one is over: its branch was deleted, and the name is used anew.
class ProposedBefore {
 public:
    /// `self`: our login.
    ProposedBefore(const Proposal& proposal, std::string_view self);
    /// One from a branch of the repository itself. False: it was found, no need to look further.
    bool look_at(PullRequest candidate, std::string_view body);
    [[nodiscard]] const std::optional<PullRequest>& found() const { return found_; }

 private:
    const Proposal& proposal_;
    std::string self_, hidden_;
    std::optional<PullRequest> found_;
};

/// Pull requests, as a forge has them.
struct ProposalVerbs {
    std::function<ForgeResult<Person>()> self;
    std::function<ForgeResult<PullRequest>(std::int64_t number)> ask;
    /// Shows those that there are, the newest first.
    std::function<ForgeResult<void>(ProposedBefore& before)> show;
    std::function<ForgeResult<PullRequest>()> open;
    /// Whether the forge refuses to open a second one of a branch.
    std::function<bool(const ForgeError& error)> is_second;
    std::function<ForgeResult<PullRequest>(const PullRequest& found)> update;
};
/// What `Forge::propose` promises, whatever the forge.
[[nodiscard]] ForgeResult<PullRequest> propose_once(const ProposalVerbs& verbs, const Proposal& proposal);

/// Where a title makes a draft: what such a title begins with, in lower case, and what we write there.
struct DraftMarks {
    std::string_view written;
    std::array<std::string_view, 3> known;
};
[[nodiscard]] bool says_draft(std::string_view title, const DraftMarks& marks);
/// With the mark, or without any. At most `limit` code points.
[[nodiscard]] std::string draft_title(const Proposal& proposal, const DraftMarks& marks, std::size_t limit);

/// The answer to a question for one pull request. `gone`: another repository bears the name now. Fails
/// closed: an answer that is no pull request must not end a review.
[[nodiscard]] ForgeResult<PullRequest> read_asked_pull(const nlohmann::json& answer, const RepoRef& repo,
                                                       std::int64_t number);

}  // namespace integrations
