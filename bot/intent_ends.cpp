// What is decided when an issue, a pull request or a repository came to an end. It may be told late: what
// people undid since is none.
#include <chrono>
#include <optional>
#include <string>

#include "bot/intent_deciding.hpp"
#include "bot/report.hpp"
#include "bot/sentences.hpp"

namespace bot::deciding {

Intent issue_over(const IssueOver& over, const Facts& facts) {
    const auto& off = facts.label_off;  // by the record; the event tells when the issue was changed last
    const auto when = word(off ? off->at : over.at, over.by, {}, off ? off->event : "", true);
    const bool lasts = over.locked || !over.label.empty();
    const auto nothing_ends = [&](const std::string& reason) -> Intent {
        return when ? Intent(Over{over.issue, *when, lasts, reason}) : Ignore{reason};
    };
    if (!facts.repository_allowed) return Ignore{"the repository is not one of ours"};
    if (!is_busy(facts)) return nothing_ends("no active job");
    // Merging the pull request closes its issue: that is its own event. And a proposal outlives its issue.
    if (facts.active_job->pull_request > 0) return Ignore{over.how + " while the pull request is open"};
    if (over.closed && facts.issue && facts.issue->open) return Ignore{over.how + ", and reopened since"};
    if (over.locked && facts.issue && !facts.issue->locked) return Ignore{over.how + ", and unlocked since"};
    const auto* heard = facts.said.heard(over.label);
    if ((!over.label.empty() && facts.issue && carries(*facts.issue, over.label)) ||
        (heard != nullptr && off && heard->after(*off)))
        return Ignore{over.how + ", and set again since"};
    if (when && facts.said.asked && earlier(*when, *facts.said.asked))
        return nothing_ends(over.how + ", and asked for again since");
    return Stop{.job = facts.active_job->id,
                .reason = report::stopped_since(over.how),
                .comment_id = {},
                .thread = over.issue,
                .said = lasts ? when : std::nullopt,
                .when = when};
}

Intent renamed(const Renamed& renamed, const Facts& facts) {
    if (!facts.repository) return Ignore{renamed.repo.full_name + " is another repository by now"};
    const auto& repo = *facts.repository;
    if (facts.repository_allowed)
        return Rename{.repo = repo, .reason = "the repository is called " + repo.full_name + " now"};
    return Abandon{.forge = repo.forge,
                   .installation = {},
                   .repositories = {repo.id},
                   .spared = {},
                   .reason = report::stopped_since(sentence::since_repository_moved)};
}

Intent access_over(const AccessOver& over, const Facts& facts) {
    using How = integrations::AccessEnded::How;
    const auto& what = over.what;
    auto how = sentence::since_repository_deleted;
    if (what.how == How::archived) how = sentence::since_repository_archived;
    if (what.how == How::removed) how = sentence::since_taken_out;
    if (what.how == How::uninstalled) how = sentence::since_uninstalled;
    return Abandon{.forge = what.forge,
                   .installation = what.installation,
                   .repositories = what.repositories,
                   .spared = facts.reachable,
                   .reason = report::stopped_since(how)};
}

Intent proposal_over(const ProposalOver& over, const Facts& facts) {
    if (!facts.active_job) return Ignore{"not a pull request of an active job"};
    if (!is_active(facts.active_job->state)) return Ignore{"the job is over"};
    if (facts.proposal && facts.proposal->open) return Ignore{"the pull request was opened again since"};
    const bool merged = facts.proposal ? facts.proposal->merged : over.merged;
    return EndReview{.job = facts.active_job->id, .merged = merged, .reason = report::proposal_over(merged)};
}

}  // namespace bot::deciding
