#pragma once

#include <expected>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace sandbox {

/// Keeps the order of keys: models read schemas in the order they are written in, and caches of prompts hit
/// by prefix.
using Json = nlohmann::ordered_json;

/// A stranger's JSON. Of two equal keys the last one counts. Refused before a byte of it is built: nesting
/// past 128, more than 400,000 values, an object of more than 1,000 members (looking one up takes a walk).
/// The error is a few words to follow "is".
[[nodiscard]] std::expected<Json, std::string> read_json(std::string_view text);

/// The member, or nullptr when there is none or it is null, which says the same in these APIs.
[[nodiscard]] const Json* member(const Json& object, std::string_view key);

/// The member as text; empty when it is none.
[[nodiscard]] std::string text_of(const Json& object, std::string_view key);

}  // namespace sandbox
