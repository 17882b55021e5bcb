#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "tests/practice_forge/gitlab_shapes.hpp"
#include "tests/practice_forge/gitlab_tongue.hpp"

/// The project's webhook and what became of its deliveries; the one hook of this forge is in every project.
/// https://docs.gitlab.com/api/project_webhooks/
namespace practice_forge::gitlab {
namespace {

constexpr std::chrono::hours kKept{24 * 7};

/// https://gitlab.com/gitlab-org/gitlab/-/blob/master/app/models/concerns/web_hooks/hook.rb
std::string_view trigger_of(const std::string& event) {
    if (event == "Issue Hook") return "issue_hooks";
    if (event == "Note Hook") return "note_hooks";
    if (event == "Confidential Note Hook") return "confidential_note_hooks";
    if (event == "Merge Request Hook") return "merge_request_hooks";
    if (event == "Pipeline Hook") return "pipeline_hooks";
    return "push_hooks";
}

std::string_view alert_of(const Hooks::Standing& standing, Time now) {
    if (standing.for_good) return "disabled";
    return standing.until && *standing.until > now ? "temporarily_disabled" : "executable";
}

json hook_json(Ground& ground, const Repository& repository) {
    const auto settings = ground.hooks.settings();
    const auto standing = ground.hooks.standing();
    const auto wants = [&](const char* event) { return ground.hooks.wants(event); };
    return {{"id", settings.id},
            {"url", settings.url},
            {"name", nullptr},
            {"description", nullptr},
            {"created_at", moment(repository.created)},
            {"push_events", wants("push")},
            {"tag_push_events", false},
            {"merge_requests_events", wants("pull_request")},
            {"repository_update_events", false},
            {"enable_ssl_verification", true},
            {"alert_status", alert_of(standing, ground.world.now())},
            {"disabled_until", moment_or_null(standing.until)},
            {"url_variables", json::array()},
            {"push_events_branch_filter", nullptr},
            {"branch_filter_strategy", "wildcard"},
            {"custom_webhook_template", nullptr},
            {"custom_headers", json::array()},
            {"project_id", repository.id},
            {"issues_events", wants("issues")},
            {"confidential_issues_events", false},
            {"note_events", wants("issue_comment")},
            {"confidential_note_events", wants("issue_comment")},
            {"pipeline_events", wants("check_suite") || wants("status")},
            {"wiki_page_events", false},
            {"deployment_events", false},
            {"feature_flag_events", false},
            {"job_events", false},
            {"releases_events", false},
            {"milestone_events", false},
            {"emoji_events", false},
            {"resource_access_token_events", false}};
}

void check_hook(const Ground& ground, const Call& call) {
    const auto settings = ground.hooks.settings();
    if (settings.url.empty() || settings.id != call.number("hook_id")) throw not_found();
}

Answer list_hooks(Ground& ground, Call& call) {
    const auto lock = ground.world.lock();
    std::vector<json> all;
    if (!ground.hooks.settings().url.empty()) all.push_back(hook_json(ground, *call.repository));
    return page_of(ground.world, call, all);
}

Answer get_hook(Ground& ground, Call& call) {
    check_hook(ground, call);
    const auto lock = ground.world.lock();
    return {.body = hook_json(ground, *call.repository)};
}

/// A number of a status, or a kind of them.
bool is_asked(const std::string& asked, int code) {
    if (asked.empty()) return true;
    if (asked == "successful") return code >= 200 && code < 300;
    if (asked == "client_failure") return code >= 400 && code < 500;
    if (asked == "server_failure") return code == 0 || code >= 500;
    return asked == std::to_string(code);
}

json event_json(const Hooks::Sent& sent, std::map<std::string, std::string> headers, const std::string& url) {
    if (headers.contains("X-Gitlab-Token")) headers["X-Gitlab-Token"] = "[REDACTED]";
    headers["Content-Type"] = "application/json";
    const auto code = sent.delivery.status_code;
    return {{"id", sent.delivery.id},
            {"url", url},
            {"trigger", trigger_of(sent.delivery.event)},
            {"request_headers", headers},
            {"request_data", json::parse(sent.delivery.body)},
            {"response_headers", json::object()},
            {"response_body", sent.delivery.response},
            {"execution_duration", sent.seconds},
            {"response_status", code == 0 ? "internal error" : std::to_string(code)}};
}

/// Of the last seven days, the newest first, at most 20 on a page.
Answer list_events(Ground& ground, Call& call) {
    check_hook(ground, call);
    if (call.positive("per_page", 20) > 20)
        throw refusal(400, {{"error", "per_page does not have a valid value"}});
    const auto asked = call.value("status");
    const auto url = ground.hooks.settings().url;
    std::vector<json> all;
    for (const auto& sent : ground.hooks.tried()) {
        if (sent.repository != call.repository->id || sent.delivery.of_group) continue;
        if (sent.when + kKept < ground.world.now() || !is_asked(asked, sent.delivery.status_code)) continue;
        all.push_back(event_json(sent, ground.hooks.headers_of(sent), url));
    }
    std::ranges::reverse(all);
    return page_of(ground.world, call, all);
}

/// Five times a minute. https://docs.gitlab.com/api/project_webhooks/#resend-a-project-webhook-event
Answer post_resend(Ground& ground, Call& call) {
    check_hook(ground, call);
    const auto id = call.number("hook_event_id");
    const auto now = ground.world.now();
    int lately = 0;
    bool known = false;
    for (const auto& sent : ground.hooks.tried()) {
        lately += sent.delivery.redelivery && sent.when + std::chrono::minutes(1) > now ? 1 : 0;
        known = known || (sent.delivery.id == id && sent.repository == call.repository->id);
    }
    if (!known) throw not_found();
    if (lately >= 5)
        throw refusal(
            429,
            {{"message", {{"error", "This endpoint has been requested too many times. Try again later."}}}});
    const int code = ground.hooks.resend(id);
    return {.status = 201, .body = {{"response_status", code == 0 ? json("internal error") : json(code)}}};
}

}  // namespace

const std::vector<Route>& hook_routes() {
    static const std::vector<Route> routes = {
        {"GET", "/projects/{owner}/{repo}/hooks", Access::talk, kMaintainer, list_hooks},
        {"GET", "/projects/{owner}/{repo}/hooks/{hook_id}", Access::talk, kMaintainer, get_hook},
        {"GET", "/projects/{owner}/{repo}/hooks/{hook_id}/events", Access::talk, kMaintainer, list_events},
        {"POST", "/projects/{owner}/{repo}/hooks/{hook_id}/events/{hook_event_id}/resend", Access::talk,
         kMaintainer, post_resend},
    };
    return routes;
}

}  // namespace practice_forge::gitlab
