#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace integrations {

/// For what is cut within a line.
inline constexpr std::string_view ellipsis = "…";

/// At most `limit` code points, cut on a code-point boundary; open code fences are closed and `note` is
/// added.
[[nodiscard]] std::string clamp_text(std::string_view text, std::size_t limit, std::string_view note);

}  // namespace integrations
