#pragma once

#include <string>

namespace egress_stage {

/// A ClientHello as OpenSSL writes it. An empty name sends none; `with_ech` adds an extension of that number.
[[nodiscard]] std::string client_hello(const std::string& name, bool with_ech = false);

}  // namespace egress_stage
