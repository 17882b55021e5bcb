#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace bot {

/// `agent/issue-N-slug`: the branch of a job's first proposal; `attempt` > 1 appends `-2` and so on.
[[nodiscard]] std::string branch_name(std::int64_t issue, std::string_view title, int attempt);

}  // namespace bot
