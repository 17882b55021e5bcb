#pragma once

#include <chrono>
#include <mutex>
#include <optional>
#include <string>

#include "integrations/delivery.hpp"

namespace integrations {

/// When a forge wants to be left alone. Learns from every answer, knows nothing of sockets; its clocks are
/// parameters (waits are measured on the steady one, so a jump of the wall clock neither opens nor closes
/// it). Thread-safe.
/// https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api#exceeding-the-rate-limit
class Governor {
 public:
    using Steady = std::chrono::steady_clock::time_point;
    using Wall = std::chrono::system_clock::time_point;
    using Wait = std::chrono::milliseconds;

    /// How long nothing may be sent; zero: go.
    [[nodiscard]] Wait closed_for(Steady now) const;

    /// True when this answer is a refusal because of the rate: the request had no effect.
    /// `retry-after` is obeyed; else, with nothing remaining, `x-ratelimit-reset`; else a minute, doubled
    /// each time.
    bool learn(int status, const Headers& headers, const std::string& body, Steady now, Wall wall);

 private:
    void close(Steady now, Wait time);

    mutable std::mutex mutex_;
    Steady closed_until_{};
    int refusals_ = 0;  ///< in a row, without a header that says how long
};

/// `Date`, `Retry-After`: https://www.rfc-editor.org/rfc/rfc9110#section-5.6.7 (the preferred format only).
[[nodiscard]] std::optional<std::chrono::system_clock::time_point> parse_http_date(const std::string& text);

/// The header's first value, or an empty string.
[[nodiscard]] std::string header(const Headers& headers, const std::string& lower_case_name);

}  // namespace integrations
