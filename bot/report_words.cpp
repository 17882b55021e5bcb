#include "bot/report_words.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>

#include "bot/report.hpp"
#include "bot/sentences.hpp"

namespace bot::report {

namespace {

std::string grouped(std::uint64_t number) {
    auto digits = std::to_string(number);
    for (auto at = static_cast<std::ptrdiff_t>(digits.size()) - 3; at > 0; at -= 3)
        digits.insert(static_cast<std::size_t>(at), ",");
    return digits;
}

}  // namespace

std::string duration(std::chrono::milliseconds time) {
    if (time < std::chrono::seconds(1)) return fmt::format("{} ms", time.count());
    const auto whole = std::chrono::duration_cast<std::chrono::seconds>(time).count();
    if (whole < 60) return fmt::format("{} s", whole);
    if (whole < 3600)
        return whole % 60 == 0 ? fmt::format("{} min", whole / 60)
                               : fmt::format("{} min {} s", whole / 60, whole % 60);
    const auto minutes_left = whole / 60 % 60;
    return minutes_left == 0 ? fmt::format("{} h", whole / 3600)
                             : fmt::format("{} h {} min", whole / 3600, minutes_left);
}

std::string moment(Time time) {
    return fmt::format(sentence::moment, fmt::gmtime(std::chrono::system_clock::to_time_t(time)));
}

std::string dollars(double amount) { return fmt::format(sentence::dollars, amount); }

Number number(std::int64_t value) { return {static_cast<std::uint64_t>(std::max<std::int64_t>(value, 0))}; }

std::string commit(std::string_view id) { return code(id.substr(0, 10)); }

std::string item(std::string_view text) { return fmt::format("- {}\n", text); }

std::string row_of(const std::vector<std::string>& spans, std::size_t most) {
    std::string text;
    for (std::size_t i = 0; i < spans.size() && i < most; ++i) text += (i == 0 ? "" : ", ") + spans[i];
    if (spans.size() > most) text += fmt::format(sentence::and_more, Number{spans.size() - most});
    return text;
}

std::string path_list(const std::vector<std::string>& paths) {
    constexpr std::size_t most = 30;
    std::string text;
    for (std::size_t i = 0; i < paths.size() && i < most; ++i) text += item(code(paths[i], 300));
    if (paths.size() > most) text += item(fmt::format(sentence::lines_and_more, Number{paths.size() - most}));
    return text;
}

std::string profile_names(const std::vector<config::AgentProfile>& profiles) {
    std::vector<std::string> spans;
    for (const auto& each : profiles) spans.push_back(code(each.name, 60));
    return spans.empty() ? std::string(sentence::none) : row_of(spans, spans.size());
}

std::string summary_words(const Verdict& verdict, std::size_t limit) {
    auto summary = foreign(verdict.summary, limit);
    return summary.empty() ? std::string(sentence::no_summary) : summary;
}

std::string_view draft_words(const Verdict& verdict, bool draft) {
    if (!draft || !verdict.evidence.green()) return {};
    return sentence::still_a_draft;
}

std::string cell(std::string_view text, std::size_t limit) {
    std::string escaped;
    for (const char c : code(text, limit)) (c == '|' ? escaped += '\\' : escaped) += c;
    return escaped;
}

}  // namespace bot::report

fmt::format_context::iterator fmt::formatter<bot::report::Number>::format(
    bot::report::Number number, fmt::format_context& context) const {
    auto out = context.out();
    for (const char c : number.value == 1 ? one_ : more_)
        if (c == '#')
            out = fmt::format_to(out, "{}", bot::report::grouped(number.value));
        else
            *out++ = c;
    return out;
}
