#pragma once

#include <httplib.h>

#include <chrono>
#include <optional>
#include <string_view>

#include "config/models.hpp"
#include "config/secret.hpp"
#include "sandbox/gateway_scrub.hpp"

namespace sandbox {

/// Headers of the call to the service: those that are known to be harmless, and the real key in the place
/// of whatever credentials came.
[[nodiscard]] httplib::Headers headers_to_service(const httplib::Headers& from_inside, config::ModelApi api,
                                                  const config::Secret& key);

/// Headers of the answer to the program inside, keys scrubbed.
[[nodiscard]] httplib::Headers headers_to_inside(const httplib::Headers& from_service, const KeyShapes& keys);

/// How long the service asks to be left alone: retry-after-ms, retry-after (seconds or a date), or what
/// Google writes into the body. At most 30 days.
[[nodiscard]] std::optional<std::chrono::milliseconds> asked_wait(const httplib::Headers& headers,
                                                                  std::string_view body);

/// The quota of this key is used up, and no time will mend it.
[[nodiscard]] bool quota_used_up(std::string_view body);

/// Of an answer that is a fault: its own sentence, one line, printable; may be empty.
[[nodiscard]] std::string own_words(std::string_view body, const KeyShapes& keys);

}  // namespace sandbox
