#pragma once

#include <chrono>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "integrations/forge.hpp"
#include "integrations/http.hpp"

namespace integrations {

// Reading what forges answer. Nothing here throws: a value that is missing or of another type is empty.

/// A discarded value (`is_discarded()`) when the text is no JSON.
[[nodiscard]] nlohmann::json parse_json(const std::string& text);
/// Bytes that are no UTF-8 (an agent's log) become U+FFFD.
[[nodiscard]] std::string write_json(const nlohmann::json& value);

/// The member, or null; `value` may be of any type.
[[nodiscard]] const nlohmann::json& at(const nlohmann::json& value, const char* key);
[[nodiscard]] const nlohmann::json& at(const nlohmann::json& value, const char* key, const char* inner);
/// A string, or a number as text: ids.
[[nodiscard]] std::string text(const nlohmann::json& value);
[[nodiscard]] std::string text_at(const nlohmann::json& value, const char* key);
[[nodiscard]] std::int64_t number_at(const nlohmann::json& value, const char* key);
[[nodiscard]] bool true_at(const nlohmann::json& value, const char* key);

/// RFC 3339: 2016-07-11T22:14:10Z, 2016-07-11T22:14:10.123+02:00; fractions of a second are dropped. And as
/// Ruby writes it in GitLab's deliveries: 2016-07-11 22:14:10 UTC.
[[nodiscard]] std::optional<std::chrono::system_clock::time_point> parse_timestamp(const std::string& text);

/// An object of texts, as forges show what they sent.
[[nodiscard]] Headers headers_in(const nlohmann::json& object);

/// As asked for in a query: 2016-07-11T22:14:10Z
[[nodiscard]] std::string timestamp(std::chrono::system_clock::time_point at);

/// What a request came to, when its answer tells nothing more.
[[nodiscard]] ForgeResult<void> done(const ForgeResult<nlohmann::json>& answer);
/// The `id` of what was made.
[[nodiscard]] ForgeResult<std::string> made_id(const ForgeResult<nlohmann::json>& answer);

// As GitHub words them, and Gitea after it.
[[nodiscard]] Person read_person(const nlohmann::json& user);
[[nodiscard]] PullRequest read_pull(const nlohmann::json& pull);
[[nodiscard]] IssueSnapshot read_issue(const nlohmann::json& issue);
/// Whether it was changed after it was made, as far as a forge's clock of seconds tells.
[[nodiscard]] bool was_edited(const nlohmann::json& said);
/// A comment of a list that is the repository's; nothing: it was edited, or does not say on which thread it
/// is.
[[nodiscard]] std::optional<CommentCreated> read_comment(const RepoRef& repo, const nlohmann::json& comment);
/// `forge`: ForgeSettings::name. Without an id, a name or an address to clone from it is an error.
[[nodiscard]] ForgeResult<RepoRef> read_repository(const nlohmann::json& repository, const std::string& forge,
                                                   std::string installation);
[[nodiscard]] const char* reaction_name(Reaction reaction);
/// A label of an issue: an object with a name, or the bare name.
[[nodiscard]] std::string read_label(const nlohmann::json& label);

/// A line of a file; 0: it is not known.
[[nodiscard]] int line_at(const nlohmann::json& value, const char* key);

/// Status and the forge's own words (`message`, `errors[]`) as an error; `what` is the request, without
/// credentials.
[[nodiscard]] ForgeError error_of(std::string_view what, const HttpResponse& response);

/// The answer's JSON, null for an empty one; statuses of 300 and more are errors. `what` as above.
[[nodiscard]] ForgeResult<nlohmann::json> json_of(std::string_view what,
                                                  const std::expected<HttpResponse, ForgeError>& answer);

}  // namespace integrations
