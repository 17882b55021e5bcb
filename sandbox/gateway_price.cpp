#include "sandbox/gateway_price.hpp"

#include <algorithm>
#include <cmath>

namespace sandbox {

namespace {

constexpr std::uint64_t fine = 1'000'000;  // millionths of a micro dollar: prices become whole numbers
// Numbers that a service or an operator got wrong stay inside 64 bits: 5 * 10^8 * 10^9 does.
constexpr std::uint64_t most_tokens = 100'000'000;
constexpr double most_price = 1'000;

std::uint64_t fine_price(double dollars_per_million) {
    return static_cast<std::uint64_t>(
        std::llround(std::clamp(dollars_per_million, 0.0, most_price) * static_cast<double>(fine)));
}

double write_price(const config::ModelPrice& price) {
    return price.cache_write > 0 ? price.cache_write : price.input;
}

double hour_price(const config::ModelPrice& price) { return std::max(2 * price.input, write_price(price)); }

}  // namespace

std::uint64_t micro_dollars(const config::ModelPrice& price, const TokenCounts& counts) {
    const auto part = [](std::uint64_t tokens, double each) {
        return std::min(tokens, most_tokens) * fine_price(each);
    };
    const auto sum = part(counts.input, price.input) + part(counts.cached, price.cached) +
                     part(counts.written, write_price(price)) + part(counts.written_hour, hour_price(price)) +
                     part(counts.output, price.output);
    return (sum + fine - 1) / fine;
}

ModelUse use_of(const config::ModelPrice& price, const TokenCounts& counts) {
    return {.requests = 1,
            .input_tokens = counts.input,
            .cached_tokens = counts.cached + counts.written + counts.written_hour,
            .output_tokens = counts.output,
            .micro_dollars = micro_dollars(price, counts)};
}

ModelUse dearest_use(const config::ModelPrice& price, std::uint64_t input, bool hour_cache,
                     std::uint64_t output) {
    config::ModelPrice dearest = price;
    dearest.input = std::max({price.input, price.cached, write_price(price)});
    if (hour_cache) dearest.input = std::max(dearest.input, hour_price(price));
    return use_of(dearest, {.input = input, .output = output});
}

ModelUse at_most(ModelUse used, const ModelUse& most) {
    used.requests = std::min(used.requests, most.requests);
    used.micro_dollars = std::min(used.micro_dollars, most.micro_dollars);
    auto left = most.tokens();
    for (auto* part : {&used.output_tokens, &used.input_tokens, &used.cached_tokens}) {
        *part = std::min(*part, left);
        left -= *part;
    }
    return used;
}

ModelUse& ModelUse::operator+=(const ModelUse& other) {
    requests += other.requests;
    input_tokens += other.input_tokens;
    cached_tokens += other.cached_tokens;
    output_tokens += other.output_tokens;
    micro_dollars += other.micro_dollars;
    return *this;
}

}  // namespace sandbox
