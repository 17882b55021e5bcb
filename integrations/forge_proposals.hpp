#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "integrations/forge.hpp"

namespace integrations {

// Which pull request is whose, as far as forges word them alike.

/// Whether an open one closes the issue, by its words or by our branch name.
[[nodiscard]] bool would_close(const nlohmann::json& pull, const ThreadRef& issue);

/// Looks for the pull request of a branch among those that a forge lists, the newest first: the open one,
/// else the newest that brought this very commit, or that we opened for this very proposal and people pushed
/// to. Another one is over: its branch was deleted, and the name is used anew.
class ProposedBefore {
 public:
    /// `self`: our login.
    ProposedBefore(const Proposal& proposal, std::string_view self);
    /// False: it was found, no need to look further.
    bool look_at(const nlohmann::json& pull);
    [[nodiscard]] const std::optional<PullRequest>& found() const { return found_; }

 private:
    const Proposal& proposal_;
    std::string self_, hidden_;
    std::optional<PullRequest> found_;
};

/// The answer to a question for one pull request. `gone`: another repository bears the name now. Fails
/// closed: an answer that is no pull request must not end a review.
[[nodiscard]] ForgeResult<PullRequest> read_asked_pull(const nlohmann::json& answer, const RepoRef& repo,
                                                       std::int64_t number);

}  // namespace integrations
