#pragma once

#include <string>
#include <string_view>

namespace bot {

/// SHA-256 in lower-case hex, for keys and names.
[[nodiscard]] std::string digest(std::string_view bytes);

/// Lower-case.
[[nodiscard]] std::string hex(std::string_view bytes);

/// With padding, in one line (RFC 4648, section 4).
[[nodiscard]] std::string base64(std::string_view bytes);

}  // namespace bot
