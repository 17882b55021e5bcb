#include "bot/report_words.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include "bot/report.hpp"

namespace bot::report {

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
    return fmt::format("{:%Y-%m-%d %H:%M} UTC", fmt::gmtime(std::chrono::system_clock::to_time_t(time)));
}

std::string count(std::uint64_t number, std::string_view thing) {
    return fmt::format("{} {}{}", grouped(number), thing, number == 1 ? "" : "s");
}

std::string grouped(std::uint64_t number) {
    auto digits = std::to_string(number);
    for (auto at = static_cast<std::ptrdiff_t>(digits.size()) - 3; at > 0; at -= 3)
        digits.insert(static_cast<std::size_t>(at), ",");
    return digits;
}

std::string commit(std::string_view id) { return code(id.substr(0, 10)); }

std::string path_list(const std::vector<std::string>& paths) {
    constexpr std::size_t most = 30;
    std::string text;
    for (std::size_t i = 0; i < paths.size() && i < most; ++i) text += "- " + code(paths[i], 300) + "\n";
    if (paths.size() > most) text += fmt::format("- and {} more\n", paths.size() - most);
    return text;
}

std::string profile_names(const std::vector<config::AgentProfile>& profiles) {
    std::string text;
    for (const auto& each : profiles) text += (text.empty() ? "" : ", ") + code(each.name, 60);
    return text.empty() ? "none" : text;
}

std::string draft_words(const Verdict& verdict, bool draft) {
    if (!draft || !verdict.evidence.green()) return {};
    return " It is still a draft: mark it ready when you are content.";
}

std::string cell(std::string_view text, std::size_t limit) {
    std::string escaped;
    for (const char c : code(text, limit)) (c == '|' ? escaped += '\\' : escaped) += c;
    return escaped;
}

}  // namespace bot::report
