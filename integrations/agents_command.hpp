#pragma once

#include "integrations/agents.hpp"

namespace integrations {

/// Any program; its manners are told at `find_agent`.
[[nodiscard]] const Agent& command_agent();

}  // namespace integrations
