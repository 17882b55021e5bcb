#include "tests/practice_forge/github_herald.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "tests/practice_forge/credentials.hpp"
#include "tests/practice_forge/github_shapes.hpp"

/// https://docs.github.com/en/webhooks/webhook-events-and-payloads
namespace practice_forge::github {
namespace {

/// As the events of an installation list repositories.
json bare_json(const Repository& repository) {
    return {{"id", repository.id},
            {"node_id", fmt::format("R_{}", repository.id)},
            {"name", repository.name},
            {"full_name", repository.full_name()},
            {"private", repository.is_private}};
}

/// REST's account is a user and an enterprise at once; a webhook's is a user.
json told_installation_json(World& world) {
    auto told = installation_json(world);
    told["account"] = user_json(world, told["account"]["login"]);
    return told;
}

class GithubHerald final : public Herald {
 public:
    GithubHerald(World& world, Hooks& hooks) : world_(world), hooks_(hooks) {}

    void begun(Repository& repository, const Thread& thread) override {
        tell(repository, thread, "opened", thread.author);
    }
    void edited(Repository& repository, const Thread& thread, const Changes& changes,
                const std::string& by) override {
        json told = json::object();
        if (changes.title) told["title"] = {{"from", *changes.title}};
        if (changes.body) told["body"] = {{"from", *changes.body}};
        tell(repository, thread, "edited", by, {{"changes", told}});
    }
    void label_set(Repository& repository, const Thread& thread, const Label& label,
                   const std::string& by) override {
        tell(repository, thread, "labeled", by, {{"label", label_json(world_, repository, label)}});
    }
    void label_taken(Repository& repository, const Thread& thread, const Label& label,
                     const std::string& by) override {
        tell(repository, thread, "unlabeled", by, {{"label", label_json(world_, repository, label)}});
    }
    void closed(Repository& repository, const Thread& thread, const std::string& by) override {
        tell(repository, thread, "closed", by);
    }
    void reopened(Repository& repository, const Thread& thread, const std::string& by) override {
        tell(repository, thread, "reopened", by);
    }
    void deleted(Repository& repository, const Thread& thread, const std::string& by) override {
        tell(repository, thread, "deleted", by);
    }
    void locked(Repository& repository, const Thread& thread, const std::string& by) override {
        tell(repository, thread, "locked", by);
    }
    void unlocked(Repository& repository, const Thread& thread, const std::string& by) override {
        tell(repository, thread, "unlocked", by);
    }
    void transferred(Repository& from, const Thread& old, Repository& to, const Thread& moved,
                     const std::string& by) override {
        tell(from, old, "transferred", by,
             {{"changes",
               {{"new_issue", issue_json(world_, to, moved)},
                {"new_repository", repository_json(world_, to)}}}});
        if (!moved.open) return;
        tell(to, moved, "opened", by,
             {{"changes",
               {{"old_issue", issue_json(world_, from, old)},
                {"old_repository", repository_json(world_, from)}}}});
    }
    void head_moved(Repository& repository, const Thread& thread, const std::string& before,
                    const std::string& after, const std::string& by) override {
        tell(repository, thread, "synchronize", by, {{"before", before}, {"after", after}});
    }
    void commented(Repository& repository, const StoredComment& comment) override {
        tell(repository, comment, "created", comment.user);
    }
    void comment_edited(Repository& repository, const StoredComment& comment, const std::string& was,
                        const std::string& by) override {
        tell(repository, comment, "edited", by, {{"changes", {{"body", {{"from", was}}}}}});
    }
    void comment_deleted(Repository& repository, const StoredComment& comment,
                         const std::string& by) override {
        tell(repository, comment, "deleted", by);
    }
    void reviewed(Repository& repository, const Thread& thread, const StoredReview& review) override {
        json payload = event_json(world_, repository, "submitted", review.user);
        payload["review"] = review_json(world_, repository, review);
        payload["pull_request"] = simple_pull_json(world_, repository, thread);
        send("pull_request_review", payload, repository.id, thread.number);
    }

    void pushed(Repository& repository, const Push& push, const std::string& by) override;
    void check_ended(Repository& repository, const StoredCheckRun& run, const CheckSuite& suite,
                     const std::string& conclusion, const std::string& by) override {
        auto payload = event_json(world_, repository, "completed", by);
        payload["check_run"] = told_run_json(world_, repository, run);
        payload["check_run"]["check_suite"] = told_suite_json(world_, repository, suite, conclusion);
        send("check_run", payload, repository.id);
    }
    void suite_ended(Repository& repository, const CheckSuite& suite, const std::string& conclusion,
                     const Commit& commit, const std::string& by) override;
    void status_set(Repository& repository, const CommitStatus& status, const Commit& commit,
                    const std::vector<std::string>& branches) override;

    void given_away(Repository& repository, const std::string& old_owner) override {
        auto payload = event_json(world_, repository, "transferred", old_owner);
        payload["changes"]["owner"]["from"]["user"] = user_json(world_, old_owner);
        send("repository", payload, repository.id);
    }
    void renamed(Repository& repository, const std::string& old_name, const std::string& by) override {
        auto payload = event_json(world_, repository, "renamed", by);
        payload["changes"]["repository"]["name"]["from"] = old_name;
        send("repository", payload, repository.id);
    }
    void archived(Repository& repository) override {
        send("repository", event_json(world_, repository, "archived", repository.owner), repository.id);
    }
    void erased(Repository& repository) override {
        send("repository", event_json(world_, repository, "deleted", repository.owner), repository.id);
    }
    void uninstalled() override;
    void suspended(bool is) override {
        send("installation",
             {{"action", is ? "suspend" : "unsuspend"},
              {"installation", told_installation_json(world_)},
              {"sender", user_json(world_, "octocat")}},
             0);
    }
    void taken_out(Repository& repository) override {
        send("installation_repositories",
             {{"action", "removed"},
              {"installation", told_installation_json(world_)},
              {"repository_selection", "selected"},
              {"repositories_added", json::array()},
              {"repositories_removed", json::array({bare_json(repository)})},
              {"requester", nullptr},
              {"sender", user_json(world_, repository.owner)}},
             0);
    }
    void tried() override;

 private:
    void tell(Repository& repository, const Thread& thread, const std::string& action, const std::string& by,
              const json& more = json::object()) {
        json payload = event_json(world_, repository, action, by);
        if (thread.pull) {
            payload["number"] = thread.number;
            payload["pull_request"] = pull_json(world_, repository, thread);
        } else {
            payload["issue"] = issue_json(world_, repository, thread);
        }
        payload.update(more);
        send(thread.pull ? "pull_request" : "issues", payload, repository.id, thread.number);
    }
    void tell(Repository& repository, const StoredComment& comment, const std::string& action,
              const std::string& by, const json& more = json::object()) {
        json payload = event_json(world_, repository, action, by);
        payload["issue"] = issue_json(world_, repository, repository.threads.at(comment.thread));
        payload["comment"] = comment_json(world_, repository, comment);
        payload.update(more);
        send("issue_comment", payload, repository.id, comment.thread);
    }
    void send(const std::string& event, const json& payload, std::int64_t repository,
              std::int64_t thread = 0) {
        const auto action = payload.value("action", "");
        const auto installation = payload.find("installation");
        hooks_.send(
            {.what = action.empty() ? event : event + "." + action,
             .event = event,
             .event_type = event,
             .action = action,
             .body = payload.dump(),
             .repository = repository,
             .installation = installation == payload.end() ? 0 : installation->at("id").get<std::int64_t>(),
             .thread = thread,
             .by = payload.contains("sender") ? payload["sender"].at("login").get<std::string>() : ""});
    }

    World& world_;
    Hooks& hooks_;
};

void GithubHerald::pushed(Repository& repository, const Push& push, const std::string& by) {
    const std::string nothing(40, '0');
    const auto before = push.before.empty() ? nothing : push.before;
    const auto after = push.after.empty() ? nothing : push.after;
    auto payload = event_json(world_, repository, "", by);
    payload.erase("action");
    json commits = json::array();
    for (const auto& commit : push.commits) commits.push_back(pushed_commit_json(world_, repository, commit));
    payload.update(
        {{"ref", "refs/heads/" + push.branch},
         {"before", before},
         {"after", after},
         {"created", push.before.empty()},
         {"deleted", push.after.empty()},
         {"forced", push.forced},
         {"base_ref", nullptr},
         {"compare", fmt::format("{}/compare/{}...{}", html(world_, repository), before.substr(0, 12),
                                 after.substr(0, 12))},
         {"commits", commits},
         {"head_commit", push.head ? pushed_commit_json(world_, repository, *push.head) : json(nullptr)},
         {"pusher", {{"name", by}, {"email", by + "@users.noreply.forge.invalid"}}}});
    send("push", payload, repository.id);
}

void GithubHerald::suite_ended(Repository& repository, const CheckSuite& suite, const std::string& conclusion,
                               const Commit& commit, const std::string& by) {
    auto payload = event_json(world_, repository, "completed", by);
    payload["check_suite"] = told_suite_json(world_, repository, suite, conclusion);
    payload["check_suite"].update(
        {{"latest_check_runs_count",
          std::ranges::count_if(repository.check_runs,
                                [&](const auto& entry) { return entry.second.suite == suite.id; })},
         {"check_runs_url", payload["check_suite"]["url"].get<std::string>() + "/check-runs"},
         {"head_commit", simple_commit_json(repository, commit)}});
    send("check_suite", payload, repository.id);
}

void GithubHerald::status_set(Repository& repository, const CommitStatus& status, const Commit& commit,
                              const std::vector<std::string>& branches) {
    auto payload = event_json(world_, repository, "", status.creator);
    payload.erase("action");
    auto told = commit_json(world_, repository, commit);
    told["commit"]["verification"].erase("verified_at");
    json at = json::array();
    const json there = {{"sha", status.sha}, {"url", api(world_, repository) + "/commits/" + status.sha}};
    for (const auto& name : branches) at.push_back({{"name", name}, {"commit", there}, {"protected", false}});
    payload.update(status_json(world_, repository, status, false));
    payload.erase("url");
    payload.erase("node_id");
    payload.update(
        {{"sha", status.sha}, {"name", repository.full_name()}, {"commit", told}, {"branches", at}});
    send("status", payload, repository.id);
}

void GithubHerald::uninstalled() {
    json repositories = json::array();
    for (const auto& repository : world_.repositories) {
        if (!repository->deleted && !repository->outside) repositories.push_back(bare_json(*repository));
    }
    send("installation",
         {{"action", "deleted"},
          {"installation", told_installation_json(world_)},
          {"repositories", repositories},
          {"sender", user_json(world_, "octocat")}},
         0);
}

void GithubHerald::tried() {
    const auto hook = hooks_.settings();
    const auto born = timestamp(world_.now());
    const auto hooks = fmt::format("{}{}/app/hook/", world_.base_url, world_.customs.api_path);
    send("ping",
         {{"zen", "Practicality beats purity."},
          {"hook_id", hook.id},
          {"hook",
           {{"type", "App"},
            {"id", hook.id},
            {"name", "web"},
            {"active", true},
            {"events", hook.events},
            {"app_id", world_.app.id},
            {"config",
             {{"content_type", "json"}, {"insecure_ssl", "0"}, {"url", hook.url}, {"secret", "********"}}},
            {"updated_at", born},
            {"created_at", born},
            {"url", hooks + "config"},
            {"ping_url", hooks + "pings"},
            {"deliveries_url", hooks + "deliveries"}}}},
         0);
}

}  // namespace

std::unique_ptr<Herald> make_herald(World& world, Hooks& hooks) {
    return std::make_unique<GithubHerald>(world, hooks);
}

std::map<std::string, std::string> seal(World& world, const Delivery& delivery, const HookSettings& hook,
                                        const std::string& secret) {
    const auto app_id = [&world] {
        const auto lock = world.lock();
        return std::to_string(world.app.id);
    }();
    return {{"User-Agent", "GitHub-Hookshot/044aadd"},
            {"X-GitHub-Event", delivery.event},
            {"X-GitHub-Delivery", delivery.guid},
            {"X-GitHub-Hook-ID", std::to_string(hook.id)},
            {"X-GitHub-Hook-Installation-Target-Type", "integration"},
            {"X-GitHub-Hook-Installation-Target-ID", app_id},
            {"X-Hub-Signature-256", "sha256=" + hmac_sha256(secret, delivery.body)}};
}

}  // namespace practice_forge::github
