// What Gitea's webhooks leave out, looked up.

#include "integrations/forge_json.hpp"
#include "integrations/forge_words.hpp"
#include "integrations/gitea_client.hpp"

namespace integrations {
namespace {

using nlohmann::json;

}  // namespace

ForgeResult<std::vector<Event>> GiteaForge::completed(const Event& event) {
    if (const auto* changed = std::get_if<LabelsChanged>(&event))
        return completed_labels(*this, *changed, [&](const ThreadRef& issue) { return label_record(issue); });
    if (const auto* review = std::get_if<ChangesRequested>(&event);
        review != nullptr && review->review_id.empty())
        return completed_review(*review);
    return std::vector{event};
}

/// All reviews of this person that say the same: one that was heard already is known by its id.
ForgeResult<std::vector<Event>> GiteaForge::completed_review(const ChangesRequested& review) {
    std::vector<Event> events;
    const auto path = "/pulls/" + std::to_string(review.pull_request.number) + "/reviews";
    const auto listed = api_.each(review.pull_request.repo, path, pages_of_a_thread, [&](const json& one) {
        auto id = text_at(one, "id");
        if (text_at(one, "state") != "REQUEST_CHANGES" || text(at(one, "user", "id")) != review.by.id ||
            text_at(one, "body") != review.body || !is_digits(id, 20))
            return true;
        auto whole = review;
        whole.review_id = std::move(id);
        events.emplace_back(std::move(whole));
        return true;
    });
    if (!listed) return std::unexpected(listed.error());
    return events;
}

}  // namespace integrations
