#include "integrations/forge_statuses.hpp"

#include <string_view>

#include "integrations/forge_clamp.hpp"

namespace integrations {
namespace {

constexpr std::size_t summary_limit = 8'000;  // code points of foreign text that somebody will read

}  // namespace

void LastStatuses::take(const Status& status) {
    const auto [known, first] = contexts_.try_emplace(status.context);
    auto& context = known->second;
    context.passed |= status.passed;
    if (!first) return;
    context.bad = status.bad;
    context.check = {.name = status.context,
                     .summary = clamp_text(status.description, summary_limit, ellipsis),
                     .annotations = {},
                     .log_tail = {},
                     .web_url = status.web_url};
}

std::vector<FailedCheck> LastStatuses::failed() const {
    std::vector<FailedCheck> failed;
    for (const auto& [name, context] : contexts_) {
        if (!context.bad) continue;
        failed.push_back(context.check);
        failed.back().flaky = context.passed;
    }
    return failed;
}

}  // namespace integrations
