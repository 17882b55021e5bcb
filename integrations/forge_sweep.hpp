#pragma once

#include <cstddef>
#include <functional>
#include <mutex>
#include <string_view>
#include <vector>

#include "integrations/forge.hpp"

namespace integrations {

// What `Forge::labelled` is made of, whatever the forge.

/// Whose turn it is among many repositories: a call stays within minutes and within the forge's patience.
/// Thread-safe.
class SweepTurns {
 public:
    [[nodiscard]] std::vector<RepoRef> next_of(std::vector<RepoRef> repos);

 private:
    std::mutex mutex_;
    std::size_t next_ = 0;
};

using Labelled = std::vector<IssueLabelled>;
/// Looks at each, one after the other. One that fails does not hide the others; an error: none could be
/// looked at.
[[nodiscard]] ForgeResult<Labelled> look_at_each(
    const std::vector<RepoRef>& repos,
    const std::function<ForgeResult<void>(const RepoRef& repo, Labelled& found)>& look);

/// The label itself, or one of its profiles: `agent`, `agent:codex`. None with a comma, which would ask for
/// two.
[[nodiscard]] bool is_trigger(std::string_view label, std::string_view trigger_label);

/// Adds who set the labels, by the record of each issue, and moves them to `found`.
[[nodiscard]] ForgeResult<void> add_who(Forge& forge, Labelled&& issues, Labelled& found);

/// One repository that is gone or closed to us must not hide the others.
[[nodiscard]] bool can_be_skipped(const ForgeError& error);
/// The next repository would be answered the same.
[[nodiscard]] bool is_of_the_forge(const ForgeError& error);

}  // namespace integrations
