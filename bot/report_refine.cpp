// What is said on a pull request that people want changed.
#include <fmt/format.h>

#include <algorithm>

#include "bot/report.hpp"
#include "bot/report_words.hpp"

namespace bot::report {

namespace {

constexpr std::size_t longest_summary = 6000;
constexpr std::string_view once_more =
    "Say `/agent refine` and what to change, or ask for changes in a review";

}  // namespace

std::string refined(const Verdict& verdict, bool draft) {
    const auto summary = foreign(verdict.summary, longest_summary);
    const bool no_draft_any_more = draft && verdict.evidence.green();
    return fmt::format(
        "Changed in {}. **{}**; the evidence in the description is that of this commit.{}\n\n{}",
        commit(verdict.evidence.head_commit), evidence_headline(verdict.evidence),
        no_draft_any_more ? " It is still a draft: mark it ready when you are content." : "",
        summary.empty() ? "The agent left no words about its change." : summary);
}

std::string not_refined(std::string_view reason) {
    return fmt::format(
        "Nothing was changed here; the pull request is as it was.\n\n{}\n\n{}, to have another try.",
        foreign(reason, 12'000), once_more);
}

std::string reply_to(const Ask& ask, const Verdict& verdict) {
    const bool changed = std::ranges::find(verdict.changed_now, ask.path) != verdict.changed_now.end();
    const auto where = commit(verdict.evidence.head_commit);
    if (changed) return fmt::format("{} was changed in {}.", code(ask.path), where);
    return fmt::format(
        "{} is as it was in {}: what the agent did about this, if anything, is elsewhere. Its words "
        "are in the comment on the whole.",
        code(ask.path), where);
}

std::string nothing_to_refine() {
    return "There is no open pull request of Shopfloor's here to change. `/agent status` tells where the job "
           "is.";
}

std::string wish_wanted() {
    return "Say what to change: `/agent refine use the helper in util.py`. Or ask for changes in a review, "
           "with "
           "comments beside the lines.";
}

std::string branch_gone(std::string_view branch) {
    return fmt::format("The branch {} is not there any more, so there is nothing to go on from.",
                       code(branch, 100));
}

std::string branch_moved(std::string_view branch, std::string_view kept_as) {
    return fmt::format(
        "Somebody pushed to {} while the agent was at work. That is theirs, so nothing was pushed over it. "
        "What "
        "the agent made is kept as {}. {}, and it goes on from what is there now.",
        code(branch, 100), code(kept_as, 100), once_more);
}

std::string too_much_to_refine(std::string_view why) {
    return fmt::format(
        "The pull request has become more than an agent's change may be here ({}). The recipe's `max_files` "
        "and "
        "`max_change` say how much it may.",
        code(why, 200));
}

}  // namespace bot::report
