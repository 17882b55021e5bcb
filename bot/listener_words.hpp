#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "bot/listener_keeper.hpp"
#include "integrations/delivery.hpp"

// What the listener's process and the keeper say to each other, a message each. Keeper:
//   {"forges": [{"name", "kind", "secrets": how many}], "log_level"}, the secrets in that order as blobs;
//   {"recorded": number, "as": text}, a letter for each of those deliveries: f fresh, d duplicate, - not
//   stored;
//   {"told": "ready", "reasons": [text]}; {"told": "figures"} with them as a blob, or with "fault": text;
//   {"enough": true}: no more deliveries; what was begun is answered.
// Listener:
//   {"serving": true}: it takes connections;
//   {"deliveries": number}, two blobs for each: who it is, its body; the number comes back in the answer;
//   {"ask": "ready" or "figures"}; the next of its kind when this is told.
namespace bot::listener_words {

/// Messages of deliveries that are not answered.
inline constexpr std::size_t most_under_way = 2;
/// Of one message.
inline constexpr std::size_t most_deliveries = 512;
/// Of the bodies in one message; a larger one goes alone.
inline constexpr std::size_t most_body_bytes = 4U << 20U;

[[nodiscard]] char letter_of(ListenerKeeper::Recorded recorded);
[[nodiscard]] ListenerKeeper::Recorded from_letter(char letter);

/// All of a delivery but its body.
[[nodiscard]] std::string to_blob(const integrations::VerifiedDelivery& delivery);
/// Nothing when it is no delivery as we write them: each of its four words has 1 to 256 bytes.
[[nodiscard]] std::optional<integrations::VerifiedDelivery> from_blobs(std::string_view who,
                                                                       std::string body);

}  // namespace bot::listener_words
