#pragma once

#include <stdexcept>
#include <string>

#include "sandbox/descriptor.hpp"

namespace bot {

/// It cannot listen: a sentence for the operator, with the mend.
class ListenError : public std::runtime_error {
 public:
    using std::runtime_error::runtime_error;
};

/// A socket that takes connections (they wait until somebody accepts them). Port 0: a free one. Throws
/// ListenError.
[[nodiscard]] sandbox::Descriptor listen_on(const std::string& host, int port);

[[nodiscard]] int port_of(const sandbox::Descriptor& listening);

}  // namespace bot
