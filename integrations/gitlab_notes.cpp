#include "integrations/gitlab_notes.hpp"

#include <algorithm>
#include <chrono>
#include <string>
#include <utility>

#include "integrations/forge_json.hpp"
#include "integrations/gitlab_json.hpp"

namespace integrations {
namespace {

using nlohmann::json;

constexpr std::string_view of_request = "requested changes";

Moment written_at(const GitlabNote& note) { return parse_timestamp(text_at(note.json, "created_at")); }

std::vector<const GitlabNote*> notes_before(const std::vector<GitlabNote>& notes, const GitlabNote& review) {
    std::vector<const GitlabNote*> own;
    for (const auto& note : notes) {
        if (note.id >= review.id || note.by.id != review.by.id) continue;
        if (note.requests_changes) own.clear();  // it belongs to the one before
        if (!note.by_system) own.push_back(&note);
    }
    return own;
}

}  // namespace

void add_notes(const json& discussion, std::vector<GitlabNote>& notes) {
    const auto& all = at(discussion, "notes");
    if (!all.is_array()) return;
    for (const auto& note : all) {
        const auto id = number_at(note, "id");
        if (id <= 0 || true_at(note, "internal") || true_at(note, "confidential")) continue;
        const bool by_system = true_at(note, "system");
        notes.push_back({.id = id,
                         .first = number_at(all.front(), "id"),
                         .by = read_gitlab_person(at(note, "author")),
                         .beside_line = text_at(note, "type") == "DiffNote",
                         .resolved = true_at(note, "resolved"),
                         .by_system = by_system,
                         .requests_changes = by_system && text_at(note, "body").starts_with(of_request),
                         .json = note});
    }
}

std::vector<const GitlabNote*> notes_of_review(const std::vector<GitlabNote>& notes,
                                               std::string_view review_id) {
    const auto review = std::ranges::find_if(notes, [&](const GitlabNote& note) {
        return note.requests_changes && std::to_string(note.id) == review_id;
    });
    return review == notes.end() ? std::vector<const GitlabNote*>{} : notes_before(notes, *review);
}

const GitlabNote* words_of_review(const std::vector<GitlabNote>& notes, const GitlabNote& review) {
    constexpr auto moment = std::chrono::seconds(60);
    const auto at = written_at(review);
    const GitlabNote* words = nullptr;
    for (const auto* note : notes_before(notes, review)) {
        const auto written = written_at(*note);
        if (!note->beside_line && written && at && *at - *written <= moment) words = note;
    }
    return words;
}

}  // namespace integrations
