#include "integrations/forge_comments.hpp"

#include "integrations/forge_clamp.hpp"
#include "integrations/forge_words.hpp"

namespace integrations {
namespace {

constexpr std::string_view comment_cut_note = "*…cut: the whole text is longer than the forge takes.*";

}  // namespace

std::string marked_text(std::string_view body, std::string_view marker, std::size_t limit) {
    const auto hidden = hidden_marker(marker);
    if (hidden.empty()) return clamp_text(body, limit, comment_cut_note);
    return clamp_text(body, limit - hidden.size() - 2, comment_cut_note) + "\n\n" + hidden;
}

ForgeResult<std::string> say_once(const CommentVerbs& comments, const std::string& marker,
                                  const std::string& body, const std::string& known_id) {
    const auto hidden = hidden_marker(marker);
    if (hidden.empty()) {
        return std::unexpected(
            ForgeError{.kind = ForgeError::Kind::invalid, .message = "not a marker: " + marker});
    }
    const auto text = marked_text(body, marker, comments.text_limit);
    if (comments.edit && is_digits(known_id, 20)) {
        const auto edited = comments.edit(known_id, text);
        if (edited) return known_id;
        if (edited.error().status != 404) return std::unexpected(edited.error());
    }

    const auto us = comments.self();
    if (!us) return std::unexpected(us.error());
    StandingComment found;
    const auto searched = comments.each([&](const StandingComment& other) {
        if (!same_name(other.author, us->login) || !ends_with_marker(other.body, hidden)) return true;
        found = other;
        return false;
    });
    if (!searched) return std::unexpected(searched.error());
    if (!found.id.empty() && (!comments.edit || found.body == text)) return found.id;
    if (is_digits(found.id, 20)) {
        const auto edited = comments.edit(found.id, text);
        if (edited) return found.id;
        if (edited.error().status != 404) return std::unexpected(edited.error());
    }
    return comments.create(text);
}

}  // namespace integrations
