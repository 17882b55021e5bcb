#pragma once

#include <string>

namespace bot {

/// Whether a daemon answers /healthz there: for `shopfloor healthy`, which a container's health check calls.
[[nodiscard]] bool answers_healthz(const std::string& host, int port);

}  // namespace bot
