#pragma once

#include <array>
#include <cstddef>
#include <expected>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "config/secret.hpp"
#include "integrations/event.hpp"
#include "integrations/forge.hpp"

namespace integrations {

// What signed deliveries have in common. Headers and raw bytes only; nothing is parsed before the signature
// was found right.

using Mac = std::array<unsigned char, 32>;

/// 64 hexadecimal digits.
[[nodiscard]] std::optional<Mac> mac_of_hex(std::string_view text);
/// As base64 with its padding.
[[nodiscard]] std::optional<Mac> mac_of_base64(std::string_view text);
/// Bytes of base64 with its padding: https://www.rfc-editor.org/rfc/rfc4648#section-4
[[nodiscard]] std::optional<std::string> bytes_of_base64(const std::string& text);
/// SHA-256 in hex.
[[nodiscard]] std::string digest_of(const std::string& bytes);
/// Whether it is the HMAC-SHA256 of the bytes under one of the keys. All are tried and each is compared in
/// constant time: time must not tell which one it was.
[[nodiscard]] bool signed_by_one(std::span<const config::Secret> keys, const std::string& bytes,
                                 const Mac& claimed);

/// Whether it is one of the secrets; all are tried, in constant time but for their lengths.
[[nodiscard]] bool is_one_of(std::span<const config::Secret> secrets, const std::string& claimed);

[[nodiscard]] std::unexpected<Rejected> reject(int status, std::string reason);

/// The header's one value; nothing when it is missing or comes more than once.
[[nodiscard]] const std::string* single(const Headers& headers, std::string_view name);
/// 1 to 100 letters, digits and dashes.
[[nodiscard]] bool is_delivery_id(std::string_view text);
/// 1 to 60 lower-case letters and underscores.
[[nodiscard]] bool is_event_name(std::string_view text);

/// The JSON of a body: the body itself, or the value of `payload` in a form. By Content-Type.
[[nodiscard]] std::expected<std::string, Rejected> payload_of(Delivery&& delivery);

}  // namespace integrations
