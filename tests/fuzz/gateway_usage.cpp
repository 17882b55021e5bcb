#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "sandbox/gateway_usage.hpp"

// An answer of a model service, its first byte the API and the size of its pieces: however it is cut, the
// same use is read, and no number is beyond what can be added up.

namespace {

using sandbox::Endpoint;
using sandbox::UsageReader;

constexpr Endpoint endpoints[] = {Endpoint::messages, Endpoint::chat, Endpoint::responses,
                                  Endpoint::stream_generate};

UsageReader read(Endpoint endpoint, UsageReader::Shape shape, std::string_view answer, std::size_t piece) {
    UsageReader reader(endpoint, shape);
    for (std::size_t at = 0; at < answer.size(); at += piece) reader.feed(answer.substr(at, piece));
    reader.end();
    return reader;
}

void must(bool holds) {
    if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const auto endpoint = endpoints[data[0] & 3U];
    const std::size_t piece = 1 + (data[0] >> 2U);
    const std::string_view answer(reinterpret_cast<const char*>(data) + 1, size - 1);
    for (const auto shape : {UsageReader::Shape::plain, UsageReader::Shape::events}) {
        const auto whole = read(endpoint, shape, answer, std::max<std::size_t>(1, answer.size()));
        const auto cut = read(endpoint, shape, answer, piece);
        must(whole.counts() == cut.counts());
        must(whole.complete() == cut.complete());
        must(whole.failed() == cut.failed());
        must(whole.has_content() == cut.has_content());
        must(!whole.complete() || whole.counts());
        if (!whole.counts()) continue;
        const auto& counts = *whole.counts();
        constexpr std::uint64_t most = 200'000'000;
        must(counts.input <= most && counts.cached <= most && counts.written <= most &&
             counts.written_hour <= most && counts.output <= most);
    }
    return 0;
}
