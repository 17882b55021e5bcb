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

std::vector<const GitlabNote*> notes_up_to(const std::vector<GitlabNote>& notes, const GitlabNote& end) {
    std::vector<const GitlabNote*> own;
    for (const auto& note : notes) {
        if (note.id > end.id || note.by.id != end.by.id) continue;
        if (note.requests_changes && note.id != end.id) own.clear();  // it belongs to the one before
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

std::vector<const GitlabNote*> ends_of_reviews(const std::vector<GitlabNote>& notes,
                                               std::string_view person_id) {
    std::vector<const GitlabNote*> ends;
    const GitlabNote* last = nullptr;
    for (const auto& note : notes) {
        if (note.by.id != person_id) continue;
        if (note.requests_changes) ends.push_back(&note);
        if (!note.by_system) last = &note;
    }
    if (ends.empty() && last != nullptr) ends.push_back(last);
    return ends;
}

std::vector<const GitlabNote*> notes_of_review(const std::vector<GitlabNote>& notes,
                                               std::string_view review_id) {
    const auto end = std::ranges::find_if(
        notes, [&](const GitlabNote& note) { return std::to_string(note.id) == review_id; });
    return end == notes.end() ? std::vector<const GitlabNote*>{} : notes_up_to(notes, *end);
}

const GitlabNote* words_of_review(const std::vector<GitlabNote>& notes, const GitlabNote& end) {
    constexpr auto moment = std::chrono::seconds(60);
    const auto at = written_at(end);
    const GitlabNote* words = nullptr;
    for (const auto* note : notes_up_to(notes, end)) {
        const auto written = written_at(*note);
        if (!note->beside_line && written && at && *at - *written <= moment) words = note;
    }
    return words;
}

}  // namespace integrations
