#pragma once

#include <cstdint>
#include <expected>
#include <set>
#include <string>
#include <string_view>

#include "config/models.hpp"
#include "sandbox/gateway_routes.hpp"

/// What a request may ask of a model service. A request is read, judged and mended where it names no limit.
/// What the service reads is what was judged: it is written anew, unless nothing was mended and its bytes can
/// be read in one way only.
namespace sandbox {

struct GoodRequest {
    std::string body;
    const config::Model* model = nullptr;
    bool streamed = false;
    std::uint64_t input_most = 0;   ///< tokens; 0 where nothing is paid for
    std::uint64_t output_most = 0;  ///< likewise
    bool hour_cache = false;        ///< asks for a cache that costs more to write
};

/// `models`: those of the provider's that may be called.
[[nodiscard]] std::expected<GoodRequest, Refusal> judge_request(const Route& route, std::string_view body,
                                                                const config::ModelProvider& provider,
                                                                const std::set<std::string>& models);

}  // namespace sandbox
