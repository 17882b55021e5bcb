#pragma once

#include <expected>
#include <string>
#include <string_view>

#include "tests/practice_forge/world.hpp"

namespace practice_forge {

[[nodiscard]] std::string hmac_sha256(std::string_view secret, std::string_view body);  ///< hex
[[nodiscard]] std::string hmac_sha1(std::string_view secret, std::string_view body);    ///< hex
/// As Standard Webhooks sign: base64 of the HMAC by the key of a token `whsec_` and base64.
/// https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
[[nodiscard]] std::string standard_signature(std::string_view token, std::string_view text);
[[nodiscard]] std::string sha256(std::string_view text);  ///< hex
[[nodiscard]] std::string random_hex(std::size_t bytes);
[[nodiscard]] std::string random_guid();
[[nodiscard]] std::string decode_base64(std::string_view text);  ///< empty when it is none

/// An `Authorization` header: its scheme in lower case, and what follows.
struct Credential {
    std::string scheme, token;
};
[[nodiscard]] Credential credential_of(const std::string& authorization);

/// Checks an app's JSON web token with GitHub's rules; throws 401 with GitHub's words.
/// https://docs.github.com/en/apps/creating-github-apps/authenticating-with-a-github-app/generating-a-json-web-token-jwt-for-a-github-app
void check_app_token(std::string_view token, const AppSettings& app, Time now);

/// A token as GitHub mints them since 2026: `ghs_` and dots, about 520 characters.
[[nodiscard]] std::string new_installation_token();

/// Where a job's log can be read: the query is the permission.
[[nodiscard]] std::string log_address(const World& world, std::int64_t job);

}  // namespace practice_forge
