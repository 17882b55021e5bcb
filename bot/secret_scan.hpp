#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "config/settings.hpp"

namespace bot {

/// Looks for secrets in what is about to leave: those this process holds, in any usual spelling (plain,
/// base64, hex), and what has the shape of a known service's key. A program inside has none of them; that
/// nothing gets out is looked at once more all the same.
class SecretScan {
 public:
    explicit SecretScan(const config::Settings& settings);

    /// One of ours, however it is spelt.
    [[nodiscard]] bool holds_ours(std::string_view text) const;
    /// One of ours, or something with a known shape.
    [[nodiscard]] bool suspicious(std::string_view text) const;
    /// With `***` in the place of ours: for words on their way to a forge.
    [[nodiscard]] std::string redacted(std::string text) const;

 private:
    std::vector<config::Secret> needles_;
};

}  // namespace bot
