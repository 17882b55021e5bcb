#pragma once

#include <expected>
#include <string>
#include <vector>

#include "sandbox/door_socket.hpp"

namespace sandbox {

/// Numeric addresses of a good host name by the system's resolver, in its order; else why there are none, in
/// a few words. The name is taken as it stands: no search domain is put after it.
[[nodiscard]] std::expected<std::vector<std::string>, std::string> resolve_host(const std::string& host,
                                                                                const Patience& patience);

}  // namespace sandbox
