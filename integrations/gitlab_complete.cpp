// What GitLab's webhooks leave out, looked up; and what the operator should know before it is too late.

#include <algorithm>
#include <chrono>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "integrations/forge_json.hpp"
#include "integrations/forge_signature.hpp"
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
/// GitLab shows up to twenty on a page, each with all that was sent: some MB.
constexpr Most failures_read{.pages = 20, .size = 5};
constexpr std::size_t hooks_read = 3;         ///< of one project; more than one is ours by mistake
constexpr std::size_t most_undelivered = 50;  ///< that one call brings of a project

/// When what a webhook tells of happened; none: it does not say.
Moment told_at(const json& payload) {
    const auto& what = at(payload, "object_attributes");
    for (const char* name : {"finished_at", "updated_at", "created_at"})
        if (const auto moment = parse_timestamp(text_at(what, name))) return moment;
    return {};
}

/// As the front door calls it, which hears of either id.
std::optional<std::string> unknown_id(const Headers& headers,
                                      const std::function<bool(const std::string& delivery_id)>& known) {
    const auto* signed_id = single(headers, "webhook-id");
    const auto* key = single(headers, "idempotency-key");
    for (const auto* id : {signed_id, key})
        if (id != nullptr && (!is_delivery_id(*id) || known(*id))) return std::nullopt;
    if (signed_id == nullptr && key == nullptr) return std::nullopt;
    return signed_id != nullptr ? *signed_id : *key;
}

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

/// https://docs.gitlab.com/user/project/integrations/webhooks/#auto-disabled-webhooks
ForgeResult<void> GitlabForge::warn_of_hooks(const RepoRef& repo, std::vector<std::string>& lines) {
    return each_hook(repo, [&](const json& hook) {
        const auto state = text_at(hook, "alert_status");
        if (state.empty() || state == "executable") return;
        const auto until = text_at(hook, "disabled_until");
        lines.push_back("the webhook of " + repo.full_name + " is switched off " +
                        (until.empty() ? "for good" : "until " + one_line(until, 40)) +
                        ", as deliveries failed: send a test from its page");
    });
}

ForgeResult<void> GitlabForge::each_hook(const RepoRef& repo,
                                         const std::function<void(const json& hook)>& visit) {
    return api_.each(repo, "/hooks", pages_of_hooks, [&](const json& hook) {
        if (text_at(hook, "url").ends_with("/hooks/" + name_)) visit(hook);
        return true;
    });
}

/// From GitLab 17.4 on, which gives them ids; what a group's webhook sent is shown to its owners only.
/// Whoever may see a project's webhooks may have written what one of them sends: it counts for that project
/// alone, and not where its words are somebody's template.
/// https://docs.gitlab.com/api/project_webhooks/#list-all-events-for-a-project-webhook
ForgeResult<std::vector<VerifiedDelivery>> GitlabForge::undelivered(
    std::chrono::system_clock::time_point since,
    const std::function<bool(const std::string& delivery_id)>& known) {
    std::vector<VerifiedDelivery> found;
    std::size_t before = 0;  // of other projects
    const auto read = [&](const RepoRef& repo, const json& event) {
        auto payload = at(event, "request_data");
        const auto happened = told_at(payload);  // of an old object a new failure may tell
        const auto headers = headers_in(at(event, "request_headers"));
        const auto id = unknown_id(headers, known);
        const auto name = gitlab_event_name(headers);
        if (!id || !happened || *happened < since || name == "system" ||
            text(at(payload, "project", "id")) != repo.id)
            return true;
        payload["project"]["path_with_namespace"] = repo.full_name;
        payload["project"]["git_http_url"] = repo.clone_url;
        found.push_back(Replay::asked(name_, name_, *id, name, write_json(payload)));
        return found.size() - before < most_undelivered;
    };
    const auto look = [&](const RepoRef& repo) {
        std::vector<std::string> hooks;
        before = found.size();
        auto done = each_hook(repo, [&](const json& hook) {
            if (text_at(hook, "custom_webhook_template").empty() && hooks.size() < hooks_read)
                hooks.push_back(text_at(hook, "id"));
        });
        for (const auto& hook : hooks)
            for (const char* status : {"server_failure", "client_failure"})
                if (done)
                    done = api_.each(repo, "/hooks/" + url_encoded(hook) + "/events?status=" + status,
                                     failures_read, [&](const json& event) { return read(repo, event); });
        return done || can_be_skipped(done.error()) ? ForgeResult<void>() : done;
    };
    auto all = found_by(sweep_watched(undelivered_turns_, watched(), seen_by_name(), look), found);
    if (all) std::ranges::reverse(*all);  // the newest came first
    return all;
}

}  // namespace integrations
