// What GitLab's webhooks leave out, looked up; and what the operator should know before it is too late.

#include <algorithm>
#include <chrono>
#include <utility>

#include "integrations/forge_json.hpp"
#include "integrations/forge_words.hpp"
#include "integrations/gitlab_client.hpp"
#include "integrations/gitlab_json.hpp"
#include "integrations/gitlab_notes.hpp"

namespace integrations {
namespace {

using nlohmann::json;
using std::chrono::hours;

constexpr hours warned_before{14 * 24};
constexpr int pages_of_hooks = 5;

}  // namespace

ForgeResult<std::vector<Event>> GitlabForge::completed(const Event& event) {
    if (const auto* changed = std::get_if<LabelsChanged>(&event))
        return completed_labels(*this, *changed, [&](const ThreadRef& issue) { return label_record(issue); });
    if (const auto* review = std::get_if<ChangesRequested>(&event);
        review != nullptr && review->review_id.empty())
        return completed_review(*review);
    const auto* renamed = std::get_if<RepositoryRenamed>(&event);
    if (renamed == nullptr || !renamed->repo.clone_url.empty()) return std::vector{event};
    auto now = seen(renamed->repo);
    if (!now) return std::unexpected(std::move(now.error()));
    return std::vector<Event>{RepositoryRenamed{std::move(now->repo)}};
}

/// All reviews of this person: one that was heard already is known by its id.
ForgeResult<std::vector<Event>> GitlabForge::completed_review(const ChangesRequested& review) {
    std::vector<GitlabNote> notes;
    if (const auto read = read_notes(review.pull_request, notes); !read) return std::unexpected(read.error());
    std::vector<Event> events;
    for (const auto* end : ends_of_reviews(notes, review.by.id)) {
        const auto* words = words_of_review(notes, *end);
        auto whole = review;
        whole.review_id = std::to_string(end->id);
        whole.body = words == nullptr ? std::string() : text_at(words->json, "body");
        events.emplace_back(std::move(whole));
    }
    return events;
}

ForgeResult<std::vector<std::string>> GitlabForge::warnings() {
    std::vector<std::string> lines;
    if (const auto asked = warn_of_token(lines); !asked) return std::unexpected(asked.error());
    const auto repositories = watched();
    if (!repositories) return std::unexpected(repositories.error());
    for (const auto& repo : turns_of_hooks_.next_of(*repositories)) {
        const auto asked = warn_of_hooks(repo, lines);
        if (!asked && !can_be_skipped(asked.error())) return std::unexpected(asked.error());
    }
    return lines;
}

/// Every token ends; that of a project's bot takes its account along.
/// https://docs.gitlab.com/api/personal_access_tokens/#self-inform
ForgeResult<void> GitlabForge::warn_of_token(std::vector<std::string>& lines) {
    const auto token = api_.get("/personal_access_tokens/self");
    if (!token && can_be_skipped(token.error())) return {};  // of another kind, or before GitLab 15.5
    if (!token) return std::unexpected(token.error());
    const auto ends_on = text_at(*token, "expires_at");
    const auto end = parse_timestamp(ends_on + "T00:00:00Z");
    if (!end || *end - clock_.now() > warned_before) return {};
    lines.push_back("the token `" + one_line(text_at(*token, "name"), 60) + "` ends on " + ends_on +
                    ": make another in time");
    return {};
}

/// Who is no maintainer is not shown them.
/// https://docs.gitlab.com/user/project/integrations/webhooks/#auto-disabled-webhooks
ForgeResult<void> GitlabForge::warn_of_hooks(const RepoRef& repo, std::vector<std::string>& lines) {
    return api_.each(repo, "/hooks", pages_of_hooks, [&](const json& hook) {
        const auto state = text_at(hook, "alert_status");
        if (!text_at(hook, "url").ends_with("/hooks/" + name_) || state.empty() || state == "executable")
            return true;
        const auto until = text_at(hook, "disabled_until");
        lines.push_back("the webhook of " + repo.full_name + " is switched off " +
                        (until.empty() ? "for good" : "until " + one_line(until, 40)) +
                        ", as deliveries failed: send a test from its page");
        return true;
    });
}

}  // namespace integrations
