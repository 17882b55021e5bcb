#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "integrations/proposal.hpp"

namespace integrations {

// What was said on a pull request, as far as forges word it alike.

/// Whole lines of the end of a piece of a diff: the last one is what is spoken of.
[[nodiscard]] std::string last_lines(std::string diff_hunk);
/// `id`, `body`, `user`, and the time named `when`. The body is cut to what a reader bears.
[[nodiscard]] Remark read_remark(const nlohmann::json& said, Remark::Where where, const char* when);
/// Without what says nothing and what nobody has submitted yet, in the order of time.
void put_in_order(Conversation& conversation);

}  // namespace integrations
