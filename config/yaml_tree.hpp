#pragma once

#include <cstddef>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "config/error.hpp"

namespace config {

/// One value of a YAML document, as a plain tree without anchors, aliases or tags.
struct YamlNode {
    enum class Kind { null, scalar, list, map };
    Kind kind = Kind::null;
    int line = 1;                 ///< 1-based
    bool quoted = false;          ///< of a scalar: written in quotes or as a block
    std::string text;             ///< of a scalar
    std::vector<YamlNode> keys;   ///< of a map: scalars, all different, as many as `items`
    std::vector<YamlNode> items;  ///< of a list, or the values of a map
};

struct YamlBounds {
    std::size_t bytes = 64U << 10;
    std::size_t depth = 12;
    std::size_t nodes = 4000;
};

/// One document. Aliases, anchors and tags, a second document, a key written twice and whatever passes the
/// bounds are refused at the first event that shows them, so a bomb costs no more than reading it.
[[nodiscard]] std::expected<YamlNode, Error> parse_yaml(std::string_view text, const std::string& file,
                                                        const YamlBounds& bounds);

}  // namespace config
