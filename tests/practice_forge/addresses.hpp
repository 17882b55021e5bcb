#pragma once

#include <string>
#include <string_view>

#include "tests/practice_forge/world.hpp"

/// Where things are, for programs and for people.
namespace practice_forge {

[[nodiscard]] std::string api(const World& world, const Repository& repository);   ///< …/api/v3/repos/o/r
[[nodiscard]] std::string html(const World& world, const Repository& repository);  ///< …/o/r
[[nodiscard]] std::string thread_page(const World& world, const Repository& repository, const Thread& thread);
[[nodiscard]] std::string avatar_url(const World& world, const std::string& login);
/// One segment of an address: labels hold spaces and colons, bots' logins hold brackets.
[[nodiscard]] std::string encode_url(std::string_view text);

}  // namespace practice_forge
