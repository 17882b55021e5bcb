#pragma once

#include <optional>
#include <string>
#include <vector>

#include "tests/practice_forge/tongue.hpp"

/// https://docs.gitea.com/api and https://github.com/go-gitea/gitea/tree/main/routers/api/v1
namespace practice_forge::gitea {

[[nodiscard]] const Tongue& tongue();

[[nodiscard]] const std::vector<Route>& repository_routes();
[[nodiscard]] const std::vector<Route>& issue_routes();
[[nodiscard]] const std::vector<Route>& comment_routes();
[[nodiscard]] const std::vector<Route>& pull_routes();
[[nodiscard]] const std::vector<Route>& review_routes();
[[nodiscard]] const std::vector<Route>& status_routes();

struct Slice {
    std::size_t from = 0, to = 0;  ///< of a list
};
[[nodiscard]] Slice slice_of(const Call& call, std::size_t count);
/// Some lists have their number of pages in a Link header, all have their length.
enum class Linked { no, yes };
[[nodiscard]] Answer page_of(const World& world, const Call& call, const std::vector<json>& all,
                             Linked linked);

/// A string of the body that must not be empty; throws 422 as Gitea's binding does: "[Title]: Required".
[[nodiscard]] std::string required(const Call& call, const char* field);
/// Of the query, RFC 3339; throws 422 for what is none.
[[nodiscard]] std::optional<Time> time_asked(const Call& call, const char* name);
/// Titles hold 255 characters, what is longer is cut.
[[nodiscard]] std::string title_of(const std::string& text);
[[nodiscard]] bool can_write(const World& world, const Call& call);
/// 403 without a word, for who neither wrote it nor may write.
void check_author(const World& world, const Call& call, const std::string& author);
/// 403 when the conversation is locked for the caller.
void check_open_talk(const World& world, const Call& call, const Thread& thread, const char* words);
/// The thread that the path names; throws 404.
[[nodiscard]] Thread& thread_of(Ground& ground, Call& call);
/// What a title, a body and a state of an issue or a pull request shall be.
void edit(Ground& ground, Call& call, std::int64_t number);

}  // namespace practice_forge::gitea
