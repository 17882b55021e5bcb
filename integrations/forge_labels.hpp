#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "integrations/forge.hpp"

namespace integrations {

// What an issue's own record says of its labels, whatever the forge.

/// A label event and which label it is about.
struct NamedLabelEvent {
    std::string label;
    LabelEvent event;
};
using LabelRecord = std::vector<NamedLabelEvent>;

/// What became of one label.
[[nodiscard]] std::vector<LabelEvent> events_of(const LabelRecord& record, std::string_view label);

/// What LabelsChanged stands for: what this person did last to each label, as an event's time does not tell
/// which of it is meant. What was told before is known by its event, or was said before what came of it. Of
/// what we did ourselves nothing.
[[nodiscard]] ForgeResult<std::vector<Event>> completed_labels(
    Forge& forge, const LabelsChanged& changed,
    const std::function<ForgeResult<LabelRecord>(const ThreadRef& issue)>& record);

}  // namespace integrations
