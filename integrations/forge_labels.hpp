#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "integrations/event.hpp"
#include "integrations/proposal.hpp"

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

/// What this person did last to each label: an event's time does not tell which of it is meant. What was told
/// before is known by its event, or was said before what came of it.
[[nodiscard]] std::vector<Event> last_deeds(const LabelRecord& record, const LabelsChanged& changed);

}  // namespace integrations
