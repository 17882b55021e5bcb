#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bot/job.hpp"
#include "bot/said.hpp"
#include "bot/same_word.hpp"
#include "integrations/event.hpp"
#include "integrations/proposal.hpp"

namespace bot {

/// What must be known to decide, asked live.
struct Facts {
    integrations::Permission permission = integrations::Permission::none;
    bool permission_hidden = false;  ///< the forge refuses to say, and it has been waited for: nobody may
    bool repository_allowed = false;
    std::optional<Job> active_job;  ///< of the issue, or (perhaps ended) whose pull request it is
    std::vector<integrations::PullRequest> closing;    ///< open pull requests that close the issue
    std::optional<integrations::IssueSnapshot> issue;  ///< none: not to be seen
    std::string base_branch, base_commit;
    std::optional<integrations::RepoRef> repository;    ///< as it is now
    std::optional<integrations::PullRequest> proposal;  ///< of the active job, as it is now
    std::vector<std::string> reachable;  ///< ids of repositories that were said to be shut, and are not
    int jobs_today = 0;
    Said said;                          ///< on the issue, before or after
    std::optional<LabelSet> label_off;  ///< when the label was taken off that the request tells of
    bool label_taken_off = false;  ///< the label that asks is gone by our own hand alone, before it was heard
    std::vector<integrations::ReviewComment> beside_lines;  ///< of the review that asks
    std::vector<Ask> asks;                                  ///< all of the active job
    std::vector<integrations::FailedCheck> failed;          ///< on the head commit
    std::vector<integrations::FailedCheck> failed_on_base;
    bool is_base = false;    ///< an open pull request of ours stands on the branch
    std::vector<Run> runs;   ///< of the active job, and of its tries
    std::vector<Job> tries;  ///< that compete for it
    int position = 0;
    std::string held_up;  ///< what keeps every queued job waiting, a sentence of ours
    Time now{};
};

[[nodiscard]] inline bool carries(const integrations::IssueSnapshot& issue, std::string_view label) {
    return std::ranges::any_of(issue.labels, [&](const auto& each) { return same_word(each, label); });
}

}  // namespace bot
