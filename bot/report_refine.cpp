// What is said on a pull request that people want changed.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "bot/report.hpp"
#include "bot/report_words.hpp"
#include "bot/sentences.hpp"

namespace bot::report {

namespace {

using fmt::literals::operator""_a;

constexpr std::size_t longest_refine_summary = 6000;

std::string check_names(const std::vector<integrations::FailedCheck>& checks) {
    std::vector<std::string> spans;
    for (const auto& each : checks) spans.push_back(code(each.name, 100));
    return row_of(spans, 10);
}

}  // namespace

std::string refined(const Verdict& verdict, bool draft) {
    return fmt::format(sentence::refined, "commit"_a = commit(verdict.evidence.head_commit),
                       "headline"_a = evidence_headline(verdict.evidence),
                       "draft"_a = draft_words(verdict, draft),
                       "summary"_a = summary_words(verdict, longest_refine_summary));
}

std::string not_refined(std::string_view reason) {
    return fmt::format(sentence::not_refined, foreign(reason, 12'000));
}

std::string reply_to(const Ask& ask, const Verdict& verdict) {
    const bool changed = std::ranges::find(verdict.changed_now, ask.path) != verdict.changed_now.end();
    const auto path = code(ask.path);
    const auto where = commit(verdict.evidence.head_commit);
    return changed ? fmt::format(sentence::changed_here, "path"_a = path, "commit"_a = where)
                   : fmt::format(sentence::unchanged_here, "path"_a = path, "commit"_a = where);
}

std::string replaced(const Verdict& verdict, Cycle what, bool draft) {
    const auto say = [&](auto sentence) {
        return sentence("base"_a = commit(verdict.evidence.base_commit),
                        "commit"_a = commit(verdict.evidence.head_commit),
                        "headline"_a = evidence_headline(verdict.evidence),
                        "draft"_a = draft_words(verdict, draft), "kept_as"_a = one_line(verdict.kept_as, 100),
                        "summary"_a = summary_words(verdict, longest_refine_summary));
    };
    return what == Cycle::rebase
               ? say([](auto... words) { return fmt::format(sentence::brought_onto, std::move(words)...); })
               : say([](auto... words) { return fmt::format(sentence::made_anew, std::move(words)...); });
}

std::string people_pushed(std::string_view branch) {
    return fmt::format(sentence::people_pushed, code(branch, 100));
}

std::string conflict_left(const std::vector<std::string>& paths) {
    return fmt::format(sentence::conflict_left, path_list(paths));
}

std::string conflict_left_to_people(std::string_view base_branch) {
    return fmt::format(sentence::conflict_left_to_people, "base"_a = code(base_branch, 100));
}

std::string ci_words(const integrations::FailedCheck& failed) {
    constexpr std::size_t most_annotations = 20;
    std::string text = failed.summary.empty() ? "" : failed.summary + "\n";
    for (std::size_t i = 0; i < failed.annotations.size() && i < most_annotations; ++i) {
        const auto& each = failed.annotations[i];
        text += fmt::format("{}:{}: {} {}\n", each.path, each.line, each.title, each.message);
    }
    if (!failed.log_tail.empty()) text += "\n" + fmt::format(sentence::ci_end_of_log, failed.log_tail) + "\n";
    return text.empty() ? std::string(sentence::ci_without_words) : plain_output(text);
}

std::string ci_not_ours(const std::vector<integrations::FailedCheck>& flaky,
                        const std::vector<integrations::FailedCheck>& on_base) {
    std::string list;
    if (!flaky.empty()) list += item(fmt::format(sentence::ci_flaky, check_names(flaky)));
    if (!on_base.empty()) list += item(fmt::format(sentence::ci_red_on_base, check_names(on_base)));
    return fmt::format(sentence::ci_not_ours, list);
}

std::string ci_left_alone(const std::vector<integrations::FailedCheck>& failed, int repairs) {
    if (repairs == 0) return fmt::format(sentence::ci_repairs_off, check_names(failed));
    return fmt::format(sentence::ci_left_alone, "checks"_a = check_names(failed),
                       "repairs"_a = number(repairs));
}

std::string nothing_to_refine() { return std::string(sentence::nothing_to_refine); }

std::string wish_wanted() { return std::string(sentence::wish_wanted); }

std::string branch_gone(std::string_view branch) {
    return fmt::format(sentence::branch_gone, code(branch, 100));
}

std::string branch_moved(std::string_view branch, std::string_view kept_as) {
    return fmt::format(sentence::branch_moved, "branch"_a = code(branch, 100),
                       "kept_as"_a = code(kept_as, 100));
}

std::string too_much_to_refine(std::string_view why) {
    return fmt::format(sentence::too_much_to_refine, code(why, 200));
}

}  // namespace bot::report
