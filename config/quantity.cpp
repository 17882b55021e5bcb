#include "config/quantity.hpp"

#include <array>
#include <charconv>
#include <limits>

namespace config {

namespace {

struct Unit {
    std::string_view name;
    std::uint64_t factor;
};

// Largest first: formatting takes the first that divides.
constexpr std::array size_units{Unit{"TiB", 1ULL << 40}, Unit{"GiB", 1ULL << 30}, Unit{"MiB", 1ULL << 20},
                                Unit{"KiB", 1ULL << 10}, Unit{"B", 1}};
constexpr std::array time_units{Unit{"h", 3600}, Unit{"m", 60}, Unit{"s", 1}};

/// Digits off the front; nothing when there are none or they do not fit.
std::optional<std::uint64_t> take_number(std::string_view& text) {
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{}) return std::nullopt;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    return value;
}

template <typename Units>
std::string format(std::uint64_t value, const Units& units) {
    for (const Unit& unit : units) {
        if (value != 0 && value % unit.factor == 0)
            return std::to_string(value / unit.factor).append(unit.name);
    }
    return "0" + std::string(units.back().name);
}

}  // namespace

std::optional<std::uint64_t> parse_size(std::string_view text) {
    const auto number = take_number(text);
    if (!number) return std::nullopt;
    if (text.starts_with(' ')) text.remove_prefix(1);
    for (const Unit& unit : size_units) {
        if (text != unit.name) continue;
        if (*number > std::numeric_limits<std::uint64_t>::max() / unit.factor) return std::nullopt;
        return *number * unit.factor;
    }
    return std::nullopt;
}

std::optional<std::chrono::seconds> parse_duration(std::string_view text) {
    constexpr std::uint64_t century = 100ULL * 366 * 24 * 3600;
    std::uint64_t total = 0;
    std::size_t next_unit = 0;  // each unit once, the larger first
    if (text.empty()) return std::nullopt;
    while (!text.empty()) {
        const auto number = take_number(text);
        if (!number || *number > century) return std::nullopt;
        while (next_unit < time_units.size() && !text.starts_with(time_units[next_unit].name)) ++next_unit;
        if (next_unit == time_units.size()) return std::nullopt;
        total += *number * time_units[next_unit++].factor;
        text.remove_prefix(1);
    }
    if (total > century) return std::nullopt;
    return std::chrono::seconds(static_cast<std::int64_t>(total));
}

std::string format_size(std::uint64_t bytes) { return format(bytes, size_units); }

std::string format_duration(std::chrono::seconds duration) {
    return format(duration.count() < 0 ? 0 : static_cast<std::uint64_t>(duration.count()), time_units);
}

}  // namespace config
