#include <string>

#include "integrations/github_client.hpp"
#include "integrations/github_json.hpp"
#include "integrations/github_words.hpp"

namespace integrations {
namespace {

constexpr int pages_of_comments = 50;
constexpr std::string_view cut_note = "*…cut: the whole text is longer than a comment may be.*";

}  // namespace

ForgeResult<std::string> GithubForge::say(const ThreadRef& thread, const std::string& marker,
                                          const std::string& body, const std::string& known_id) {
    const auto hidden = hidden_marker(marker);
    if (hidden.empty()) {
        return std::unexpected(
            ForgeError{.kind = ForgeError::Kind::invalid, .message = "not a marker: " + marker});
    }
    const auto clamped = clamp_text(body, github_text_limit - hidden.size() - 2, cut_note);
    const nlohmann::json comment = {{"body", clamped + "\n\n" + hidden}};
    const auto edit = [&](const std::string& id) {
        return api_.call(thread.repo, "PATCH", "/issues/comments/" + id, comment);
    };
    if (is_digits(known_id, 20)) {
        const auto edited = edit(known_id);
        if (edited) return known_id;
        if (edited.error().status != 404) return std::unexpected(edited.error());
    }

    const auto us = self();
    if (!us) return std::unexpected(us.error());
    const auto path = "/issues/" + std::to_string(thread.number) + "/comments";
    std::string found;
    bool same = false;
    const auto searched = api_.each(thread.repo, path, pages_of_comments, [&](const nlohmann::json& other) {
        const auto written = text_at(other, "body");
        if (!same_name(text(at(other, "user", "login")), us->login) || !ends_with_marker(written, hidden))
            return true;
        found = text_at(other, "id");
        same = written == text_at(comment, "body");
        return false;
    });
    if (!searched) return std::unexpected(searched.error());
    if (same) return found;
    if (is_digits(found, 20)) {
        const auto edited = edit(found);
        if (edited) return found;
        if (edited.error().status != 404) return std::unexpected(edited.error());
    }
    const auto made = api_.call(thread.repo, "POST", path, comment);
    if (!made) return std::unexpected(made.error());
    return text_at(*made, "id");
}

}  // namespace integrations
