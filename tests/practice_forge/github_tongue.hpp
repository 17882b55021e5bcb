#pragma once

#include "tests/practice_forge/tongue.hpp"

namespace practice_forge::github {

[[nodiscard]] const Tongue& tongue();

[[nodiscard]] const std::vector<Route>& app_routes();
[[nodiscard]] const std::vector<Route>& issue_routes();
[[nodiscard]] const std::vector<Route>& pull_routes();
[[nodiscard]] const std::vector<Route>& review_routes();
[[nodiscard]] const std::vector<Route>& check_routes();

/// The page of a list that the call asks for, with its Link header.
/// https://docs.github.com/en/rest/using-the-rest-api/using-pagination-in-the-rest-api
[[nodiscard]] Answer page_of(const World& world, const Call& call, const std::vector<json>& all,
                             const char* wrapped_in = nullptr);
/// Bodies of issues, pull requests and comments hold at most 65,536 characters.
void check_length(const std::string& body, const char* resource, const char* field);

/// Who a token in an `Authorization` header (Bearer, token, Basic) speaks for. Throws 401 for a bad one.
[[nodiscard]] Identity identify(World& world, const std::string& authorization);

}  // namespace practice_forge::github
