#include "integrations/agents.hpp"

#include <algorithm>
#include <array>

#include "integrations/agents_command.hpp"
#include "integrations/agents_preset.hpp"

namespace integrations {

namespace {

struct Row {
    std::string_view name;
    const Agent& (*agent)();
};

constexpr std::array rows = {
    Row{.name = "command", .agent = command_agent}, Row{.name = "amp", .agent = amp_agent},
    Row{.name = "claude", .agent = claude_agent},   Row{.name = "codex", .agent = codex_agent},
    Row{.name = "gemini", .agent = gemini_agent},   Row{.name = "opencode", .agent = opencode_agent},
    Row{.name = "pi", .agent = pi_agent},
};

}  // namespace

const Agent* find_agent(std::string_view adapter) {
    const auto* const row = std::ranges::find(rows, adapter, &Row::name);
    return row == rows.end() ? nullptr : &row->agent();
}

std::vector<std::string_view> agent_names() {
    std::vector<std::string_view> names;
    for (const auto& row : rows) names.push_back(row.name);
    return names;
}

}  // namespace integrations
