#pragma once

#include <chrono>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "integrations/event.hpp"
#include "integrations/forge.hpp"
#include "integrations/http.hpp"

namespace integrations {

// Reading what GitHub answers. Nothing here throws: a value that is missing or of another type is empty.

/// A discarded value (`is_discarded()`) when the text is no JSON.
[[nodiscard]] nlohmann::json parse_json(const std::string& text);
/// Bytes that are no UTF-8 (an agent's log) become U+FFFD.
[[nodiscard]] std::string write_json(const nlohmann::json& value);

/// The member, or null; `value` may be of any type.
[[nodiscard]] const nlohmann::json& at(const nlohmann::json& value, const char* key);
[[nodiscard]] const nlohmann::json& at(const nlohmann::json& value, const char* key, const char* inner);
/// A string, or a number as text: GitHub's ids.
[[nodiscard]] std::string text(const nlohmann::json& value);
[[nodiscard]] std::string text_at(const nlohmann::json& value, const char* key);
[[nodiscard]] std::int64_t number_at(const nlohmann::json& value, const char* key);
[[nodiscard]] bool true_at(const nlohmann::json& value, const char* key);

/// 2016-07-11T22:14:10Z
[[nodiscard]] std::optional<std::chrono::system_clock::time_point> parse_timestamp(const std::string& text);

[[nodiscard]] Person read_person(const nlohmann::json& user);
/// A label of an issue: an object with a name, or the bare name.
[[nodiscard]] std::string read_label(const nlohmann::json& label);
[[nodiscard]] PullRequest read_pull(const nlohmann::json& pull);

/// The headers of every request, but for Authorization.
[[nodiscard]] const std::map<std::string, std::string>& github_headers();

/// Status and GitHub's own words (`message`, `errors[]`) as an error; `what` is the request, without
/// credentials.
[[nodiscard]] ForgeError error_of(std::string_view what, const HttpResponse& response);

}  // namespace integrations
