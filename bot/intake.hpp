#pragma once

#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "bot/intent.hpp"
#include "bot/shop.hpp"

namespace bot {

/// What cannot be seen is none, and `decide` fails closed on it; only "not now" is an error.
template <typename T>
[[nodiscard]] integrations::ForgeResult<std::optional<T>> if_seen(integrations::ForgeResult<T> result) {
    using Kind = integrations::ForgeError::Kind;
    if (result) return std::optional<T>(std::move(*result));
    const auto kind = result.error().kind;
    if (kind == Kind::gone || kind == Kind::forbidden || kind == Kind::invalid) return std::optional<T>();
    return std::unexpected(result.error());
}

/// Pure: the label as the record of its issue has it, unless that is older than the event that asks.
void as_recorded(AskStart& ask, const std::vector<integrations::LabelEvent>& record);
/// Pure: since that event it was taken off, and by nobody but `self`, our login.
[[nodiscard]] bool taken_off_by(std::string_view self, const std::string& label_event,
                                const std::vector<integrations::LabelEvent>& record);
/// A label asks as it was set last, by whom, as the forge's record has it: an event may be old, and tells
/// when the issue was changed last. Error: the forge does not answer now.
[[nodiscard]] integrations::ForgeResult<void> look_at_label(Shop& shop, Request& request);
/// Asks the forge, live, what must be known to decide on a request. `heard_at`: when it came. Error: the
/// forge does not answer now, or should be asked again.
[[nodiscard]] integrations::ForgeResult<Facts> gather_facts(Shop& shop, const Request& request,
                                                            Time heard_at);

/// Whether the operator listed the repository (`owner/name`, `owner/*` or `*`).
[[nodiscard]] bool repository_allowed(const config::ForgeSettings& forge, std::string_view full_name);

}  // namespace bot
