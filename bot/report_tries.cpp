// What is said of several tries for one issue.
#include <fmt/format.h>

#include <algorithm>

#include "bot/report.hpp"
#include "bot/report_words.hpp"
#include "bot/sentences.hpp"

namespace bot::report {

namespace {

using fmt::literals::operator""_a;

std::string_view result_words(const Rival& rival) {
    if (rival.head_commit.empty())
        return rival.outcome == name(JobState::answered) ? sentence::try_changed_nothing
                                                         : sentence::try_without_result;
    return rival.green ? sentence::try_passes : sentence::try_is_red;
}

std::string size_words(const Rival& rival) {
    return fmt::format(sentence::try_size, "files"_a = Number{rival.files}, "bytes"_a = Number{rival.bytes});
}

std::string tests_words(const Rival& rival) {
    return fmt::format(sentence::try_tests, "fixed"_a = rival.fixed, "broken"_a = rival.broken);
}

std::string row(const Rival& rival) {
    const bool has_result = !rival.head_commit.empty();
    return fmt::format(
        "| {} | {} | {} | {} | {} | {} |",
        rival.chosen ? fmt::format(sentence::try_here, rival.number) : std::to_string(rival.number),
        rival.profile.empty() ? std::string(sentence::default_profile) : cell(rival.profile, 60),
        result_words(rival), has_result ? tests_words(rival) : "",
        has_result ? std::to_string(rival.tests_touched) : "", has_result ? size_words(rival) : "");
}

}  // namespace

std::string rivals_table(const std::vector<Rival>& rivals) {
    if (rivals.empty()) return {};
    const bool priced =
        std::ranges::any_of(rivals, [](const Rival& each) { return each.cost_usd.has_value(); });
    auto text = fmt::format("{}\n\n{}", sentence::tries_side_by_side,
                            priced ? sentence::tries_columns_and_cost : sentence::tries_columns);
    for (const auto& each : rivals) {
        text += row(each);
        if (priced) text += each.cost_usd ? fmt::format(" {} |", dollars(*each.cost_usd)) : " |";
        text += "\n";
    }
    const auto other = std::ranges::find_if(
        rivals, [](const Rival& each) { return !each.chosen && !each.head_commit.empty(); });
    if (other != rivals.end())
        text += "\n" + fmt::format(sentence::pick_another, "number"_a = other->number) + "\n";
    return text;
}

std::string no_try_succeeded(const std::vector<Job>& tries) {
    constexpr std::size_t longest = 1500;
    auto text = fmt::format(sentence::no_try_succeeded, tries.size()) + "\n";
    for (const auto& each : tries)
        text += "\n" +
                fmt::format(sentence::no_try_because, "number"_a = each.try_number,
                            "state"_a = code(name(each.state)), "why"_a = foreign(each.reason, longest)) +
                "\n";
    return text;
}

std::string try_needs_a_person(WaitsFor what) {
    return std::string(what == WaitsFor::answer ? sentence::try_asks : sentence::try_out_of_money);
}

std::string too_many_tries(int wanted, int most) {
    return fmt::format(sentence::too_many_tries, "wanted"_a = wanted, "most"_a = most);
}

std::string tries_need_a_start() { return std::string(sentence::tries_need_a_start); }

std::string nothing_to_pick() { return std::string(sentence::nothing_to_pick); }

std::string no_such_try(const std::vector<Rival>& rivals) {
    std::vector<std::string> commands;
    for (const auto& each : rivals)
        if (!each.head_commit.empty() && !each.chosen)
            commands.push_back(fmt::format(sentence::pick_command, each.number));
    if (commands.empty()) return std::string(sentence::no_other_try);
    return fmt::format(sentence::no_such_try, fmt::join(commands, ", "));
}

std::string picked_already(int number) { return fmt::format(sentence::picked_already, number); }

std::string picked(const Verdict& verdict, bool draft) {
    const auto chosen = std::ranges::find(verdict.rivals, true, &Rival::chosen);
    return fmt::format(sentence::picked, "number"_a = chosen == verdict.rivals.end() ? 0 : chosen->number,
                       "commit"_a = commit(verdict.evidence.head_commit),
                       "headline"_a = evidence_headline(verdict.evidence),
                       "draft"_a = draft_words(verdict, draft), "kept_as"_a = one_line(verdict.kept_as, 100));
}

}  // namespace bot::report
