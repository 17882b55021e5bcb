#pragma once

#include <string>
#include <string_view>

#include "bot/groundwork.hpp"

namespace bot {

/// What the agent is asked: the issue as it was decided on, what people and the forge's CI said of the pull
/// request, how its work is judged, and (from the second round on) what the checks said of the last one.
[[nodiscard]] std::string prompt(const Job& job, const Groundwork& ground, std::string_view feedback);

}  // namespace bot
