#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

#include "integrations/forge.hpp"

namespace integrations {

/// One that stands at the forge.
struct StandingComment {
    std::string id, author, body;
};

/// A thread's comments, as a forge has them.
struct CommentVerbs {
    /// All of them, until `visit` returns false.
    std::function<ForgeResult<void>(const std::function<bool(const StandingComment&)>& visit)> each;
    /// None: what is there already stays as it is.
    std::function<ForgeResult<void>(const std::string& id, const std::string& body)> edit;
    std::function<ForgeResult<std::string>(const std::string& body)> create;  ///< its id
    std::function<ForgeResult<Person>()> self;
    std::size_t text_limit = 0;  ///< code points
};

/// One comment of ours per marker: edited in place when it is there already, else made. `known_id`: from an
/// earlier call, saves the search. Returns the id.
[[nodiscard]] ForgeResult<std::string> say_once(const CommentVerbs& comments, const std::string& marker,
                                                const std::string& body, const std::string& known_id);

/// The body with the marker hidden at its end, which no cut reaches; without one that cannot be hidden.
[[nodiscard]] std::string marked_text(std::string_view body, std::string_view marker, std::size_t limit);

}  // namespace integrations
