#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "bot/branch_name.hpp"
#include "bot/commands.hpp"
#include "bot/report.hpp"
#include "bot/visible_text.hpp"

// Text from people and agents: commands, what is visible, and what is said again.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const auto commands = bot::parse_commands(text, "/agent");
    if (commands.size() > 5) std::abort();
    for (const auto& command : commands)
        if ((command.verb + command.argument).find_first_of("\n\x01") != std::string::npos) std::abort();

    const auto visible = bot::visible_text(text);
    if (visible.text.size() > 3 * size + 4) std::abort();
    if (bot::scrub(visible.text, bot::LoneReturn::line_break).text != visible.text) std::abort();

    if (bot::code_points(bot::report::foreign(text, 2000)) > 2000) std::abort();
    if (bot::code_points(bot::report::fenced(text, 500)) > 500) std::abort();
    if (bot::report::one_line(text, 100).find('\n') != std::string::npos) std::abort();
    if (bot::branch_name(1, text, 1).size() > 60) std::abort();
    return 0;
}
