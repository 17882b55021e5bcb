#include "tests/practice_forge/gitea_herald.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "tests/practice_forge/credentials.hpp"
#include "tests/practice_forge/git.hpp"
#include "tests/practice_forge/gitea_shapes.hpp"

/// https://github.com/go-gitea/gitea/blob/main/services/webhook/notifier.go (which deed is told, and how) and
/// …/modules/webhook/type.go (events and their types). Nothing tells of locks, renames, transfers, archiving
/// and deleted issues.
namespace practice_forge::gitea {
namespace {

/// As Go writes JSON: indented by two, with escapes for what HTML could take for its own.
/// https://pkg.go.dev/encoding/json#HTMLEscape
std::string written(const json& payload) {
    std::string text;
    for (const char c : payload.dump(2)) {
        if (c == '<' || c == '>' || c == '&')
            text += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
        else
            text += c;
    }
    return text;
}

struct ReviewEvent {
    std::string_view state, event, type;
};
constexpr std::array kReviewEvents = {
    ReviewEvent{"approved", "pull_request_approved", "pull_request_review_approved"},
    ReviewEvent{"changes_requested", "pull_request_rejected", "pull_request_review_rejected"},
    ReviewEvent{"commented", "pull_request_comment", "pull_request_review_comment"}};

class GiteaHerald final : public Herald {
 public:
    GiteaHerald(World& world, Hooks& hooks) : world_(world), hooks_(hooks) {}

    void opened(Repository& repository, const Thread& thread) override {
        tell(repository, thread, {.what = "opened", .action = "opened"}, thread.author);
    }
    /// A deed for each: they have an endpoint each on the pages, and REST tells them one by one, too.
    void edited(Repository& repository, const Thread& thread, const Changes& changes,
                const std::string& by) override {
        if (changes.title)
            tell(repository, thread, {.what = "edited", .action = "edited"}, by,
                 {{"changes", {{"title", {{"from", *changes.title}}}}}});
        if (changes.body)
            tell(repository, thread, {.what = "edited", .action = "edited"}, by,
                 {{"changes", {{"body", {{"from", *changes.body}}}}}});
    }
    void labels_changed(Repository& repository, const Thread& thread, Labels labels,
                        const std::string& by) override {
        tell(repository, thread,
             {.what = labels == Labels::set ? "labeled" : "unlabeled",
              .action = labels == Labels::cleared ? "label_cleared" : "label_updated",
              .type = "_label"},
             by);
    }
    void closed(Repository& repository, const Thread& thread, const std::string& by) override {
        tell(repository, thread, {.what = "closed", .action = "closed"}, by);
    }
    void reopened(Repository& repository, const Thread& thread, const std::string& by) override {
        tell(repository, thread, {.what = "reopened", .action = "reopened"}, by);
    }
    void head_moved(Repository& repository, const Thread& thread, const std::string& /*before*/,
                    const std::string& /*after*/, const std::string& by) override {
        tell(repository, thread, {.what = "synchronize", .action = "synchronized", .type = "_sync"}, by);
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
    void reviewed(Repository& repository, const Thread& thread, const StoredReview& review) override;

    void pushed(Repository& repository, const Push& push, const std::string& by) override;
    void status_set(Repository& repository, const CommitStatus& status, const Commit& commit,
                    const std::vector<std::string>& branches) override;

    void created(Repository& repository) override { tell(repository, "created"); }
    void erased(Repository& repository) override { tell(repository, "deleted"); }
    void tried() override;

 private:
    /// `type` is what the event type has after `issue` or `pull_request`.
    struct Deed {
        std::string what, action, type;
    };
    void tell(Repository& repository, const Thread& thread, const Deed& deed, const std::string& by,
              const json& more = json::object()) {
        json payload = common(repository, by);
        payload["action"] = deed.action;
        payload["number"] = thread.number;
        payload["commit_id"] = "";
        if (thread.pull)
            payload.update({{"pull_request", pull_json(world_, repository, thread)},
                            {"requested_reviewer", nullptr},
                            {"review", nullptr}});
        else
            payload["issue"] = issue_json(world_, repository, thread);
        payload.update(more);
        const std::string event = thread.pull ? "pull_request" : "issues";
        const std::string type =
            deed.type.empty() ? event : (thread.pull ? "pull_request" : "issue") + deed.type;
        send({.what = event + "." + deed.what, .event = event, .event_type = type}, payload, repository.id,
             thread.number);
    }
    void tell(Repository& repository, const StoredComment& comment, const std::string& action,
              const std::string& by, const json& more = json::object()) {
        const auto& thread = repository.threads.at(comment.thread);
        json payload = common(repository, by);
        payload["action"] = action;
        payload["issue"] = issue_json(world_, repository, thread);
        payload["comment"] = comment_json(world_, repository, comment);
        payload["is_pull"] = thread.pull.has_value();
        payload.update(more);
        send({.what = "issue_comment." + action,
              .event = "issue_comment",
              .event_type = thread.pull ? "pull_request_comment" : "issue_comment"},
             payload, repository.id, comment.thread);
    }
    void tell(Repository& repository, const std::string& action) {
        json payload = common(repository, repository.owner);
        payload["action"] = action;
        payload["organization"] = user_json(world_, repository.owner);
        send({.what = "repository." + action, .event = "repository", .event_type = "repository"}, payload,
             repository.id);
    }
    json common(Repository& repository, const std::string& by) {
        return {{"repository", repository_json(world_, repository, world_.permission(repository, by))},
                {"sender", user_json(world_, by)}};
    }
    json push_json(Repository& repository, const Push& push, const std::string& by);
    void send(Letter letter, const json& payload, std::int64_t repository, std::int64_t thread = 0) {
        letter.action = payload.value("action", "");
        letter.body = written(payload);
        letter.repository = repository;
        letter.thread = thread;
        if (payload.contains("sender")) letter.by = payload["sender"].at("login");
        hooks_.send(std::move(letter));
    }

    World& world_;
    Hooks& hooks_;
};

/// The review itself is told without its id, and what stands beside lines not at all.
void GiteaHerald::reviewed(Repository& repository, const Thread& thread, const StoredReview& review) {
    const auto& told = *std::ranges::find(kReviewEvents, review.state, &ReviewEvent::state);
    json payload = common(repository, review.user);
    payload.update({{"action", "reviewed"},
                    {"number", thread.number},
                    {"pull_request", pull_json(world_, repository, thread)},
                    {"requested_reviewer", nullptr},
                    {"commit_id", ""},
                    {"review", {{"type", told.type}, {"content", review.body}}}});
    send({.what = "pull_request_review.submitted",
          .event = std::string(told.event),
          .event_type = std::string(told.type)},
         payload, repository.id, thread.number);
}

json GiteaHerald::push_json(Repository& repository, const Push& push, const std::string& by) {
    const std::string nothing(40, '0');
    const auto before = push.before.empty() ? nothing : push.before;
    json commits = json::array();
    for (auto at = push.commits.rbegin(); at != push.commits.rend(); ++at)  // the newest first
        commits.push_back(commit_json(world_, repository, *at));
    json payload = common(repository, by);
    payload.update(
        {{"ref", "refs/heads/" + push.branch},
         {"before", before},
         {"after", push.after},
         {"compare_url", fmt::format("{}/compare/{}...{}", html(world_, repository), before, push.after)},
         {"commits", commits},
         {"total_commits", commits.size()},
         {"head_commit", push.head ? commit_json(world_, repository, *push.head) : json(nullptr)},
         {"pusher", user_json(world_, by)}});
    return payload;
}

void GiteaHerald::pushed(Repository& repository, const Push& push, const std::string& by) {
    if (push.before.empty()) {
        json payload = common(repository, by);
        payload.update({{"sha", push.after}, {"ref", push.branch}, {"ref_type", "branch"}});
        send({.what = "create", .event = "create", .event_type = "create"}, payload, repository.id);
    }
    if (push.after.empty()) {
        json payload = common(repository, by);
        payload.update({{"ref", push.branch}, {"ref_type", "branch"}, {"pusher_type", "user"}});
        send({.what = "delete", .event = "delete", .event_type = "delete"}, payload, repository.id);
        return;
    }
    send({.what = "push", .event = "push", .event_type = "push"}, push_json(repository, push, by),
         repository.id);
}

/// Gitea has it since 1.24, Forgejo has it not: there only the ends of Actions are told.
void GiteaHerald::status_set(Repository& repository, const CommitStatus& status, const Commit& commit,
                             const std::vector<std::string>& /*branches*/) {
    if (!world_.customs.tells_statuses) return;
    const auto& target = status.target_url;
    json payload = common(repository, status.creator);
    payload.update({{"commit", commit_json(world_, repository, commit)},
                    {"context", status.context},
                    {"created_at", timestamp(status.created)},
                    {"description", status.description},
                    {"id", status.id},
                    {"sha", status.sha},
                    {"state", status.state},
                    {"target_url", target.starts_with('/') ? world_.base_url + target : target},
                    {"updated_at", timestamp(status.updated)}});
    send({.what = "status", .event = "status", .event_type = "status"}, payload, repository.id);
}

/// The button tells the newest commit of the default branch as a push that leads nowhere.
/// https://github.com/go-gitea/gitea/blob/main/routers/web/repo/setting/webhook.go
void GiteaHerald::tried() {
    for (const auto& repository : world_.repositories) {
        if (repository->deleted) continue;
        const auto newest = Git(repository->git).branch(repository->default_branch).value_or("");
        const Commit commit{.sha = newest,
                            .tree = {},
                            .author = repository->owner,
                            .author_email = {},
                            .committer = repository->owner,
                            .message = "The newest commit",
                            .parents = {}};
        const auto payload = push_json(*repository,
                                       {.branch = repository->default_branch,
                                        .before = newest,
                                        .after = newest,
                                        .commits = {commit},
                                        .head = commit},
                                       repository->owner);
        send({.what = "ping", .event = "push", .event_type = "push"}, payload, repository->id);
        return;
    }
}

}  // namespace

std::unique_ptr<Herald> make_herald(World& world, Hooks& hooks) {
    return std::make_unique<GiteaHerald>(world, hooks);
}

/// https://github.com/go-gitea/gitea/blob/main/services/webhook/deliver.go
std::map<std::string, std::string> seal(World& world, const Delivery& delivery, const HookSettings& /*hook*/,
                                        const std::string& secret) {
    const auto sha1 = secret.empty() ? "" : hmac_sha1(secret, delivery.body);
    const auto sha256 = secret.empty() ? "" : hmac_sha256(secret, delivery.body);
    std::map<std::string, std::string> headers = {{"User-Agent", "Go-http-client/1.1"},
                                                  {"X-Hub-Signature", "sha1=" + sha1},
                                                  {"X-Hub-Signature-256", "sha256=" + sha256}};
    for (const auto family : world.customs.hook_families) {
        const auto name = "X-" + std::string(family);
        headers[name + "-Delivery"] = delivery.guid;
        headers[name + "-Event"] = delivery.event;
        headers[name + "-Event-Type"] = delivery.event_type;
        if (family != "GitHub") headers[name + "-Signature"] = sha256;
    }
    return headers;
}

}  // namespace practice_forge::gitea
