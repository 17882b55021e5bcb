#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace config {

/// `4GiB`, `512 MiB`, `64KiB`, `100B`; a unit is needed. Nothing when it is not a size or does not fit 64
/// bits.
[[nodiscard]] std::optional<std::uint64_t> parse_size(std::string_view text);

/// `45m`, `90s`, `2h`, `1h30m`; a unit is needed. Nothing when it is not a duration or is past 100 years.
[[nodiscard]] std::optional<std::chrono::seconds> parse_duration(std::string_view text);

/// The same in the largest unit that says it exactly; the parsers above read it back.
[[nodiscard]] std::string format_size(std::uint64_t bytes);
[[nodiscard]] std::string format_duration(std::chrono::seconds duration);

}  // namespace config
