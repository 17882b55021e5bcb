#pragma once

#include <string>
#include <string_view>

namespace bot {

/// SHA-256 in lower-case hex, for keys and names.
[[nodiscard]] std::string digest(std::string_view bytes);

}  // namespace bot
