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

std::string check_names(const std::vector<integrations::FailedCheck>& checks) {
    constexpr std::size_t most = 10;
    std::string text;
    for (std::size_t i = 0; i < checks.size() && i < most; ++i)
        text += (i == 0 ? "" : ", ") + code(checks[i].name, 100);
    if (checks.size() > most) text += fmt::format(" and {} more", checks.size() - most);
    return text;
}

}  // namespace

std::string refined(const Verdict& verdict, bool draft) {
    const auto summary = foreign(verdict.summary, longest_summary);
    return fmt::format(
        "Changed in {}. **{}**; the evidence in the description is that of this commit.{}\n\n{}",
        commit(verdict.evidence.head_commit), evidence_headline(verdict.evidence),
        draft_words(verdict, draft), summary.empty() ? "The agent left no words about its change." : summary);
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
        "{} is as it was in {}: what the agent did about this, if anything, is elsewhere. Its words are in "
        "the comment on the whole.",
        code(ask.path), where);
}

std::string replaced(const Verdict& verdict, Cycle what, bool draft) {
    const auto summary = foreign(verdict.summary, longest_summary);
    return fmt::format(
        "{} commit {}, as {}. **{}**; the evidence in the description is that of this commit.{} What was "
        "here before is kept: `git fetch origin {}`.\n\n{}",
        what == Cycle::rebase ? "Brought onto" : "Made anew from", commit(verdict.evidence.base_commit),
        commit(verdict.evidence.head_commit), evidence_headline(verdict.evidence),
        draft_words(verdict, draft), one_line(verdict.kept_as, 100),
        summary.empty() ? "The agent left no words about its change." : summary);
}

std::string people_pushed(std::string_view branch) {
    return fmt::format(
        "People have pushed to {}, and doing this would drop their commits. `/agent refine WHAT` goes on "
        "from them; or close the pull request and comment `/agent retry` on the issue.",
        code(branch, 100));
}

std::string conflict_left(const std::vector<std::string>& paths) {
    std::string text = "The agent left conflict markers, so nothing was pushed:\n\n";
    text += path_list(paths);
    return text + "\nMerge the base branch by hand, or comment `/agent retry` to have the change made anew.";
}

std::string conflict_left_to_people(std::string_view base_branch) {
    return fmt::format(
        "This branch conflicts with {} now. It holds commits of people, which are not rewritten: merge {} by "
        "hand; or close the pull request and comment `/agent retry` on the issue.",
        code(base_branch, 100), code(base_branch, 100));
}

std::string ci_words(const integrations::FailedCheck& failed) {
    constexpr std::size_t most_annotations = 20;
    std::string text = failed.summary.empty() ? "" : failed.summary + "\n";
    for (std::size_t i = 0; i < failed.annotations.size() && i < most_annotations; ++i) {
        const auto& each = failed.annotations[i];
        text += fmt::format("{}:{}: {} {}\n", each.path, each.line, each.title, each.message);
    }
    if (!failed.log_tail.empty()) text += "\nThe end of its log:\n\n" + failed.log_tail + "\n";
    if (text.empty()) return "It says nothing of why.";
    return plain_output(text);
}

std::string ci_not_ours(const std::vector<integrations::FailedCheck>& flaky,
                        const std::vector<integrations::FailedCheck>& on_base) {
    std::string text = "CI is red here, but not because of this change, so it is left alone:\n\n";
    if (!flaky.empty())
        text += fmt::format("- flaky, has failed and passed on this commit: {}\n", check_names(flaky));
    if (!on_base.empty()) text += fmt::format("- red on the base commit too: {}\n", check_names(on_base));
    return text + "\nIf something is to be done about it, say so with `/agent refine WHAT`.";
}

std::string ci_left_alone(const std::vector<integrations::FailedCheck>& failed, int repairs) {
    const auto tries = repairs == 0 ? std::string("Repairs are switched off here (`ci_repairs`)")
                                    : count(static_cast<std::uint64_t>(repairs), "repair") +
                                          " did not turn it green, and that is the limit here (`ci_repairs`)";
    return fmt::format("CI is red: {}. {}. `/agent refine WHAT` has another try at it.", check_names(failed),
                       tries);
}

std::string nothing_to_refine() {
    return "There is no open pull request of Shopfloor's here to change. `/agent status` tells where the job "
           "is.";
}

std::string wish_wanted() {
    return "Say what to change: `/agent refine use the helper in util.py`. Or ask for changes in a review, "
           "with comments beside the lines.";
}

std::string branch_gone(std::string_view branch) {
    return fmt::format("The branch {} is not there any more, so there is nothing to go on from.",
                       code(branch, 100));
}

std::string branch_moved(std::string_view branch, std::string_view kept_as) {
    return fmt::format(
        "Somebody pushed to {} while the agent was at work. That is theirs, so nothing was pushed over it. "
        "What the agent made is kept as {}. {}, and it goes on from what is there now.",
        code(branch, 100), code(kept_as, 100), once_more);
}

std::string too_much_to_refine(std::string_view why) {
    return fmt::format(
        "The pull request has become more than an agent's change may be here ({}). The recipe's `max_files` "
        "and `max_change` say how much it may.",
        code(why, 200));
}

}  // namespace bot::report
