// What Gitea's webhooks leave out, looked up.

#include <map>

#include "integrations/forge_json.hpp"
#include "integrations/forge_words.hpp"
#include "integrations/gitea_client.hpp"

namespace integrations {
namespace {

using nlohmann::json;

}  // namespace

ForgeResult<std::vector<Event>> GiteaForge::completed(const Event& event) {
    if (const auto* changed = std::get_if<LabelsChanged>(&event)) return completed_labels(*changed);
    if (const auto* review = std::get_if<ChangesRequested>(&event);
        review != nullptr && review->review_id.empty())
        return completed_review(*review);
    return std::vector{event};
}

/// What this person did last to each label: the payload's times do not tell which of it is meant. What was
/// told before is known by its event, or was said before what came of it.
ForgeResult<std::vector<Event>> GiteaForge::completed_labels(const LabelsChanged& changed) {
    const auto us = self();
    if (!us) return std::unexpected(us.error());
    if (same_name(us->login, changed.by.login)) return std::vector<Event>{};
    const auto all = all_label_events(changed.issue);
    if (!all) return std::unexpected(all.error());
    std::map<std::string, Event> last;
    for (const auto& [label, event] : *all) {
        if (event.by.id != changed.by.id) continue;
        const auto key = lower_case(label);
        if (event.set)
            last.insert_or_assign(key, IssueLabelled{.issue = changed.issue,
                                                     .label = label,
                                                     .by = event.by,
                                                     .at = event.at,
                                                     .event_id = event.id});
        else
            last.insert_or_assign(
                key, IssueUnlabelled{.issue = changed.issue, .label = label, .by = event.by, .at = event.at});
    }
    std::vector<Event> events;
    for (auto& [label, event] : last) events.push_back(std::move(event));
    return events;
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
