#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace integrations {

// What texts and names on forges mean. All pure.

[[nodiscard]] std::string lower_case(std::string_view ascii);
[[nodiscard]] bool same_name(std::string_view one,
                             std::string_view other);  ///< logins, labels, repositories: ASCII case aside

/// 1 to `longest` decimal digits.
[[nodiscard]] bool is_digits(std::string_view text, std::size_t longest);
/// 40 hex digits.
[[nodiscard]] bool is_commit_id(std::string_view text);
/// `owner/name` of letters, digits, `-`, `_`, `.`; never `.` or `..`, so it can stand in a path.
[[nodiscard]] bool is_full_name(std::string_view text);
/// The same with groups in groups before the name: `group/subgroup/name`.
[[nodiscard]] bool is_full_path(std::string_view text);
/// http(s), a host, no user and no password, no spaces.
[[nodiscard]] bool is_clone_url(std::string_view url);
/// `owner/name`, `owner/*` (with all groups of the owner's) or `*`.
[[nodiscard]] bool matches(std::string_view pattern, std::string_view full_name);

/// Percent-encodes all but RFC 3986's unreserved characters: one path segment or one query value.
[[nodiscard]] std::string url_encoded(std::string_view text);

/// `git.example` of https://git.example:3000/api/v1, `[::1]` of http://[::1]:3000
[[nodiscard]] std::string host_of(std::string_view url);

/// At most `limit` code points on one line, `…` at the end of what was cut.
[[nodiscard]] std::string one_line(std::string_view text, std::size_t limit);

/// Whether the text says that it closes the issue: a keyword, then `#N`, `GH-N`, `owner/name#N` or the
/// issue's URL. HTML comments (templates) do not count.
/// https://docs.github.com/en/issues/tracking-your-work-with-issues/using-issues/linking-a-pull-request-to-an-issue
[[nodiscard]] bool closes_issue(std::string_view text, std::string_view full_name, std::int64_t number);

/// Of a check run or suite: `failure`, `timed_out`, `startup_failure`. What was cancelled, skipped or waits
/// for somebody (`action_required`) did not fail. https://docs.github.com/en/rest/checks/runs
[[nodiscard]] bool is_bad_conclusion(std::string_view conclusion);
/// Of a commit status: `failure`, `error`. https://docs.github.com/en/rest/commits/statuses
[[nodiscard]] bool is_bad_status(std::string_view state);

/// How labels that we make look: six hex digits by the label's last word.
[[nodiscard]] const char* label_colour(std::string_view label);
inline constexpr std::string_view label_description = "Where Shopfloor is with this issue";

/// Our own branches: `agent/issue-N` and `agent/issue-N-…`.
[[nodiscard]] bool is_branch_for(std::string_view branch, std::int64_t number);

/// The hidden line that tells one comment of ours from another. Empty when `marker` could break out of it.
[[nodiscard]] std::string hidden_marker(std::string_view marker);
/// The marker counts at the very end only: text from elsewhere further up cannot pose as one.
[[nodiscard]] bool ends_with_marker(std::string_view body, std::string_view hidden);

}  // namespace integrations
