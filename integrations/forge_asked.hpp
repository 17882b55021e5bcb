#pragma once

#include "integrations/forge.hpp"

namespace integrations {

// What a forge said when it was asked goes the way of what it delivers: stored first, then decided on.

[[nodiscard]] VerifiedDelivery as_delivery(const CommentCreated& comment);
/// The event of a delivery, whichever of the two brought it. Never throws, as `ForgeKind::decode`.
[[nodiscard]] Event event_of(const ForgeKind& kind, const VerifiedDelivery& delivery);

}  // namespace integrations
