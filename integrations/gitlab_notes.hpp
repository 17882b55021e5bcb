#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string_view>
#include <vector>

#include "integrations/event.hpp"

namespace integrations {

/// One note of a merge request.
struct GitlabNote {
    std::int64_t id = 0;     ///< they count up
    std::int64_t first = 0;  ///< of its discussion
    Person by;
    bool beside_line = false;
    bool resolved = false;
    bool by_system = false;         ///< the forge's own words about what somebody did
    bool requests_changes = false;  ///< those: that they ask for changes
    nlohmann::json json;
};

/// Those of a discussion that everybody may read.
void add_notes(const nlohmann::json& discussion, std::vector<GitlabNote>& notes);

// `notes`: in the order of time.

/// With what the reviews of a person who asks for changes end: the forge's note that they do. Where it says
/// nothing, the last that they wrote.
[[nodiscard]] std::vector<const GitlabNote*> ends_of_reviews(const std::vector<GitlabNote>& notes,
                                                             std::string_view person_id);
/// What belongs to the review that ends with this note.
[[nodiscard]] std::vector<const GitlabNote*> notes_of_review(const std::vector<GitlabNote>& notes,
                                                             std::string_view review_id);
/// What its author says there of the whole: what they wrote in the minute before. Null: nothing.
[[nodiscard]] const GitlabNote* words_of_review(const std::vector<GitlabNote>& notes, const GitlabNote& end);

}  // namespace integrations
