#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config/secret.hpp"

namespace sandbox {

/// What must not be seen inside: each key as it is and inside of base64, wherever in a longer text it begins
/// there. Keys under 8 bytes are words rather than secrets and pass: services on this machine often want
/// some key and take any.
class KeyShapes {
 public:
    explicit KeyShapes(const std::vector<config::Secret>& keys);
    [[nodiscard]] const std::vector<config::Secret>& all() const { return shapes_; }
    /// A text that is whole.
    [[nodiscard]] std::string scrubbed(std::string_view text) const;

 private:
    std::vector<config::Secret> shapes_;
};

/// Puts asterisks in the place of keys in bytes that come in pieces. Held back is only an end that a key may
/// begin with.
class Scrub {
 public:
    explicit Scrub(const KeyShapes& shapes) : shapes_(shapes) {}
    /// What may be passed on of what was fed so far.
    [[nodiscard]] std::string feed(std::string_view bytes);
    /// The rest; nothing follows.
    [[nodiscard]] std::string end();

 private:
    const KeyShapes& shapes_;
    std::string held_;
};

}  // namespace sandbox
