#include <fmt/format.h>

#include <cstdlib>
#include <sstream>

#include "tests/practice_forge/inside.hpp"

/// A diff as people look at it.
namespace practice_forge {
namespace {

/// "@@ -10,4 +12,5 @@" -> the two first line numbers.
std::pair<int, int> hunk_start(const std::string& line) {
    const auto minus = line.find('-');
    const auto plus = line.find('+', minus);
    if (plus == std::string::npos) return {0, 0};
    return {std::atoi(line.c_str() + minus + 1), std::atoi(line.c_str() + plus + 1)};
}

}  // namespace

std::string diff_html(const std::string& diff) {
    std::string html;
    std::istringstream lines(diff);
    bool in_hunk = false;
    int before = 0;
    int after = 0;
    for (std::string line; std::getline(lines, line);) {
        if (line.starts_with("diff --git ")) {
            if (!html.empty()) html += "</table></div>";
            const auto name = line.rfind(" b/");
            html += fmt::format(
                R"(<div class="box"><div class="title"><b><code>{}</code></b></div><table class="diff">)",
                escape_html(name == std::string::npos ? line : line.substr(name + 3)));
            in_hunk = false;
        } else if (line.starts_with("@@")) {
            std::tie(before, after) = hunk_start(line);
            in_hunk = true;
            html += fmt::format(R"(<tr class="hunk"><td class="n"></td><td class="n"></td><td>{}</td></tr>)",
                                escape_html(line));
        } else if (in_hunk && !line.empty()) {
            const char kind = line[0];
            const std::string old_number = kind == ' ' || kind == '-' ? std::to_string(before++) : "";
            const std::string new_number = kind == ' ' || kind == '+' ? std::to_string(after++) : "";
            html +=
                fmt::format(R"(<tr class="{}"><td class="n">{}</td><td class="n">{}</td><td>{}</td></tr>)",
                            kind == '+'   ? "add"
                            : kind == '-' ? "del"
                                          : "",
                            old_number, new_number, escape_html(line));
        } else if (line.starts_with("Binary files") || line.starts_with("new file") ||
                   line.starts_with("deleted file") || line.starts_with("rename ")) {
            html += fmt::format(R"(<tr class="hunk"><td class="n"></td><td class="n"></td><td>{}</td></tr>)",
                                escape_html(line));
        }
    }
    return html.empty() ? R"(<div class="empty">No changes.</div>)" : html + "</table></div>";
}

}  // namespace practice_forge
