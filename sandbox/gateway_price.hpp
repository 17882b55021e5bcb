#pragma once

#include <cstdint>

#include "config/models.hpp"
#include "sandbox/gateway.hpp"

namespace sandbox {

/// What a call read and wrote, as finely as it is paid for.
struct TokenCounts {
    std::uint64_t input = 0;         ///< neither read from nor written to a cache
    std::uint64_t cached = 0;        ///< read from a cache
    std::uint64_t written = 0;       ///< into a cache, for minutes
    std::uint64_t written_hour = 0;  ///< into a cache, for an hour: Anthropic asks twice the input price
    std::uint64_t output = 0;

    friend bool operator==(const TokenCounts&, const TokenCounts&) = default;
};

/// Exact but for prices finer than a millionth of a millionth of a dollar a token; rounded up.
[[nodiscard]] std::uint64_t micro_dollars(const config::ModelPrice& price, const TokenCounts& counts);

/// One request of these tokens.
[[nodiscard]] ModelUse use_of(const config::ModelPrice& price, const TokenCounts& counts);

/// The most that a request can come to: every token of its input at the dearest of the input's prices.
[[nodiscard]] ModelUse dearest_use(const config::ModelPrice& price, std::uint64_t input, bool hour_cache,
                                   std::uint64_t output);

/// `used`, or as much of it as was reserved. A purse's books hold at what they granted.
[[nodiscard]] ModelUse at_most(ModelUse used, const ModelUse& most);

}  // namespace sandbox
