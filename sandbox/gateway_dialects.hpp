#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

#include "config/models.hpp"
#include "sandbox/gateway_json.hpp"

/// The rules of each API for requests (gateway_rules.hpp). Three things must not get through: a tool that the
/// provider runs by itself, an address that the provider fetches by itself, and use that the price table does
/// not know: stored state, several answers, dearer tiers.
namespace sandbox {

/// Bytes do not tell what pictures and documents come to.
struct Asked {
    std::uint64_t output_most = 0;
    std::uint64_t pictures = 0;
    std::uint64_t picture_bytes = 0;  ///< of the request: their content, which is no text
    std::uint64_t documents = 0;
};

/// Why it may not pass, as a sentence; empty when it may. Sets the limits of output where there is none or a
/// larger one.
[[nodiscard]] std::string judge_messages(Draft request, const config::Model& model, Asked& asked);
[[nodiscard]] std::string judge_chat(Draft request, const config::Model& model, Asked& asked);
[[nodiscard]] std::string judge_responses(Draft request, const config::Model& model, Asked& asked);
[[nodiscard]] std::string judge_gemini(Draft request, const config::Model& model, Asked& asked);

// For the rules' own files.

/// Sets `key` to what it asks for, at most `most`. What is not a whole number asks for the most.
std::uint64_t limit_number(Draft object, std::string_view key, std::uint64_t most);
/// A sentence when one of the keys is there.
[[nodiscard]] std::string must_lack(const Json& object, std::initializer_list<std::string_view> keys,
                                    std::string_view why);
/// A sentence when the member is there and none of these texts.
[[nodiscard]] std::string one_of(const Json& object, std::string_view key,
                                 std::initializer_list<std::string_view> texts);
/// A sentence when a key could be taken for another one by a service that reads keys without regard to case,
/// as Go's JSON does.
[[nodiscard]] std::string plain_keys(const Json& object);
[[nodiscard]] std::string refused_tool(std::string_view type);
/// Written as 1; 1.00000000000000000001 is 1 to us and perhaps not to a service.
[[nodiscard]] bool is_one(const Json& value);
[[nodiscard]] bool is_data_url(const Json& value);

inline constexpr std::string_view fetches =
    "the model service would fetch it by itself; send the content in the request";
inline constexpr std::string_view stored = "it refers to state stored at the model service";

}  // namespace sandbox
