#pragma once

#include "tests/practice_forge/herald.hpp"

namespace practice_forge::gitlab {

[[nodiscard]] std::unique_ptr<Herald> make_herald(World& world, Hooks& hooks);
[[nodiscard]] std::map<std::string, std::string> seal(World& world, const Delivery& delivery,
                                                      const HookSettings& hook, const std::string& secret);

}  // namespace practice_forge::gitlab
