#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tests/practice_forge/tongue.hpp"

/// https://docs.gitlab.com/api/rest/ and https://gitlab.com/gitlab-org/gitlab/-/tree/master/lib/api
namespace practice_forge::gitlab {

[[nodiscard]] const Tongue& tongue();

[[nodiscard]] const std::vector<Route>& project_routes();
[[nodiscard]] const std::vector<Route>& issue_routes();
[[nodiscard]] const std::vector<Route>& note_routes();
[[nodiscard]] const std::vector<Route>& discussion_routes();
[[nodiscard]] const std::vector<Route>& award_routes();
[[nodiscard]] const std::vector<Route>& request_routes();
[[nodiscard]] const std::vector<Route>& status_routes();
[[nodiscard]] const std::vector<Route>& hook_routes();

// What a route needs, in `Route::permission`: a role in the project.
inline constexpr const char* kGuest = "";
inline constexpr const char* kReporter = "reporter";
inline constexpr const char* kDeveloper = "developer";
inline constexpr const char* kMaintainer = "maintainer";

/// What is refused with a body of its own.
[[nodiscard]] Problem refusal(int status, json body);
/// 400, as of a field that is not what it must be: {"message":{"title":["can't be blank"]}}
[[nodiscard]] Problem invalid_field(const std::string& field, const std::string& what);
/// 404: "404 Branch Not Found"
[[nodiscard]] Problem none_of(std::string_view what);

/// GitLab takes parameters from the body and from the query alike. Throws 400 for what is no text.
[[nodiscard]] std::optional<std::string> field(const Call& call, const std::string& name);
/// Throws 400: "title is missing"
[[nodiscard]] std::string required(const Call& call, const std::string& name);
[[nodiscard]] std::optional<bool> flag(const Call& call, const std::string& name);
/// An array, or words with commas between; nothing when there is no such field.
[[nodiscard]] std::optional<std::vector<std::string>> words(const Call& call, const std::string& name);
/// One of these, or 400: "state does not have a valid value"
[[nodiscard]] std::optional<std::string> choice(const Call& call, const std::string& name,
                                                const std::vector<std::string_view>& allowed);
[[nodiscard]] std::optional<Time> time_field(const Call& call, const std::string& name);

/// A part of a list, with its headers; by pages, or for `pagination=keyset` by the last id.
/// https://docs.gitlab.com/api/rest/#pagination
[[nodiscard]] Answer page_of(const World& world, const Call& call, const std::vector<json>& all);

/// 10 guest, 20 reporter, 30 developer, 40 maintainer, 50 owner; 0: none
[[nodiscard]] int access_level(Permission permission);
[[nodiscard]] int access_level(const World& world, const Call& call);  ///< of the caller
[[nodiscard]] Problem forbidden();

/// The thread that the path names by `issue_iid` or by `merge_request_iid`; throws 404.
[[nodiscard]] Thread& thread_of(Ground& ground, const Call& call);
[[nodiscard]] std::int64_t key_of(Ground& ground, const Call& call);
/// Who may change it: its author, and members from reporter on (of merge requests: developer).
void check_may_update(const World& world, const Call& call, const Thread& thread);
/// A locked conversation is one of members.
void check_may_talk(const World& world, const Call& call, const Thread& thread);
/// The changes that issues and merge requests have in common: words, state, lock and labels.
void update_thread(Ground& ground, Call& call);
/// Those of a list by `state`, `labels`, `updated_after` and who wrote them, in the order asked for.
[[nodiscard]] std::vector<const Thread*> threads_asked(const Call& call, const Repository& repository,
                                                       bool pulls);

}  // namespace practice_forge::gitlab
