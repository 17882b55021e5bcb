#pragma once

#include <string_view>

namespace bot {

/// This process as the part of that name (docs/processes.md): serves the keeper that started it until that
/// one closes the channel. Returns the exit status. Throws std::runtime_error when it was not started by a
/// keeper, or cannot wall itself in.
int run_part(std::string_view name);

}  // namespace bot
