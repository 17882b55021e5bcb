#include <cstdint>
#include <cstdlib>
#include <set>
#include <string>
#include <string_view>

#include "bot/evidence.hpp"

// A report that a hostile program wrote.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto cases = bot::parse_junit({reinterpret_cast<const char*>(data), size});
    if (!cases) return cases.error().empty() ? (std::abort(), 0) : 0;
    std::set<std::string> ids;
    for (const auto& test : *cases)
        if (test.message.size() > 2000 || test.line < 0 || !ids.insert(test.id).second) std::abort();
    const std::vector<bot::CheckResult> results{{.name = "fuzz", .tests = *cases}};
    const auto back = bot::results_from_json(bot::to_json(results));
    if (!back || *back != results) std::abort();
    return 0;
}
