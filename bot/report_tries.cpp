// What is said of several tries for one issue.
#include <fmt/format.h>

#include <algorithm>

#include "bot/report.hpp"
#include "bot/report_words.hpp"

namespace bot::report {

namespace {

std::string_view result_words(const Rival& rival) {
    if (rival.head_commit.empty())
        return rival.outcome == name(JobState::answered) ? "changed nothing" : "no result";
    return rival.green ? "✅ all pass" : "❌ red";
}

std::string size_words(const Rival& rival) {
    return fmt::format("{}, {} bytes", count(rival.files, "file"), grouped(rival.bytes));
}

std::string tests_words(const Rival& rival) {
    return fmt::format("{} fixed, {} broken", rival.fixed, rival.broken);
}

}  // namespace

std::string rivals_table(const std::vector<Rival>& rivals) {
    if (rivals.empty()) return {};
    const bool priced =
        std::ranges::any_of(rivals, [](const Rival& each) { return each.cost_usd.has_value(); });
    std::string text =
        "Several tries were made side by side; this pull request is the one marked.\n\n"
        "| Try | Profile | Required checks | Checks and tests | Test files touched | Size |";
    text += priced ? " Cost |\n| --- | --- | --- | --- | --- | --- | --- |\n"
                   : "\n| --- | --- | --- | --- | --- | --- |\n";
    for (const auto& each : rivals) {
        const bool has_result = !each.head_commit.empty();
        text += fmt::format("| {}{} | {} | {} | {} | {} | {} |", each.number, each.chosen ? " **here**" : "",
                            each.profile.empty() ? "default" : cell(each.profile, 60), result_words(each),
                            has_result ? tests_words(each) : "",
                            has_result ? std::to_string(each.tests_touched) : "",
                            has_result ? size_words(each) : "");
        if (priced) text += each.cost_usd ? fmt::format(" ${:.2f} |", *each.cost_usd) : " |";
        text += "\n";
    }
    const auto other = std::ranges::find_if(
        rivals, [](const Rival& each) { return !each.chosen && !each.head_commit.empty(); });
    if (other != rivals.end())
        text += fmt::format("\n`/agent pick {}` puts try {} here instead; what is here is kept.\n",
                            other->number, other->number);
    return text;
}

std::string no_try_succeeded(const std::vector<Job>& tries) {
    constexpr std::size_t longest = 1500;
    auto text = fmt::format("None of the {} tries came to a result.\n", tries.size());
    for (const auto& each : tries)
        text += fmt::format("\n**Try {}** ({}):\n\n{}\n", each.try_number, code(name(each.state)),
                            foreign(each.reason, longest));
    return text;
}

std::string try_needs_a_person(WaitsFor what) {
    if (what == WaitsFor::answer)
        return "The agent ended with a question. Of several tries none is asked back: say it in the issue, "
               "or in a single `/agent run` with words for the agent.";
    return "The budget for it was spent before it had a result.";
}

std::string too_many_tries(int wanted, int most) {
    return fmt::format(
        "{} tries are more than may be made side by side here; the limit is {}. Ask for fewer: `/agent run "
        "x{}`.",
        wanted, most, most);
}

std::string tries_need_a_start() {
    return "Several tries side by side are for an issue without an open pull request. Close that one first "
           "and comment `/agent run x3` on the issue; or have one more try made with `/agent retry`.";
}

std::string nothing_to_pick() {
    return "There is no open pull request here that came of several tries. `/agent run x3` on an issue makes "
           "three.";
}

std::string no_such_try(const std::vector<Rival>& rivals) {
    std::string numbers;
    for (const auto& each : rivals)
        if (!each.head_commit.empty() && !each.chosen)
            numbers += fmt::format("{}`/agent pick {}`", numbers.empty() ? "" : ", ", each.number);
    if (numbers.empty()) return "No other try came to a result, so there is none to pick.";
    return "There is no result of that try. You can say: " + numbers + ".";
}

std::string picked_already(int number) {
    return fmt::format("Try {} is the one that this pull request shows already.", number);
}

std::string picked(const Verdict& verdict, bool draft) {
    const auto chosen = std::ranges::find(verdict.rivals, true, &Rival::chosen);
    return fmt::format(
        "This is try {} now, as {}. **{}**; the evidence in the description is that of this commit.{} What "
        "was here before is kept: `git fetch origin {}`.",
        chosen == verdict.rivals.end() ? 0 : chosen->number, commit(verdict.evidence.head_commit),
        evidence_headline(verdict.evidence), draft_words(verdict, draft), one_line(verdict.kept_as, 100));
}

}  // namespace bot::report
