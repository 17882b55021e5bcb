#include "tests/practice_forge/gitlab_herald.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "tests/practice_forge/credentials.hpp"
#include "tests/practice_forge/git.hpp"
#include "tests/practice_forge/gitlab_payloads.hpp"

/// Deeds as GitLab's project hooks tell them. An update tells all that it changed, with what it was before;
/// deleted issues and notes, archived projects and emoji are not told, renamed and deleted projects only by a
/// hook of the whole server. https://docs.gitlab.com/user/project/integrations/webhook_events/
namespace practice_forge::gitlab {
namespace {

json change_of(json before, json after) {
    return {{"previous", std::move(before)}, {"current", std::move(after)}};
}

class GitlabHerald final : public Herald {
 public:
    GitlabHerald(World& world, Hooks& hooks) : world_(world), hooks_(hooks) {}

    void begun(Repository& /*repository*/, const Thread& /*thread*/) override { touched_.clear(); }
    void opened(Repository& repository, const Thread& thread) override {
        touched_.clear();  // it is told with the labels that it has
        tell(repository, thread, {"opened", "open"}, thread.author);
    }
    void edited(Repository& repository, const Thread& thread, const Changes& changes,
                const std::string& by) override {
        json changed = json::object();
        if (changes.title) changed["title"] = change_of(*changes.title, thread.title);
        if (changes.body) changed["description"] = change_of(*changes.body, thread.body);
        tell(repository, thread, {"edited", "update"}, by, changed);
    }
    void label_set(Repository& /*repository*/, const Thread& thread, const Label& label,
                   const std::string& /*by*/) override {
        touch(thread, label.name, Labels::set);
    }
    void label_taken(Repository& /*repository*/, const Thread& thread, const Label& label,
                     const std::string& /*by*/) override {
        touch(thread, label.name, Labels::taken);
    }
    void labels_changed(Repository& repository, const Thread& thread, Labels labels,
                        const std::string& by) override {
        const auto touched = touched_.extract(thread.id);
        if (touched.empty()) return;
        const auto& before = touched.mapped();
        tell(
            repository, thread, {labels == Labels::set ? "labeled" : "unlabeled", "update"}, by,
            {{"labels", change_of(hook_labels(repository, before), hook_labels(repository, thread.labels))}});
    }
    void closed(Repository& repository, const Thread& thread, const std::string& by) override {
        const bool merged = thread.pull && thread.pull->merged;
        tell(repository, thread, {"closed", merged ? "merge" : "close"}, by,
             {{"state_id", change_of(1, merged ? 3 : 2)}});
    }
    void reopened(Repository& repository, const Thread& thread, const std::string& by) override {
        tell(repository, thread, {"reopened", "reopen"}, by, {{"state_id", change_of(2, 1)}});
    }
    /// Only of issues.
    void locked(Repository& repository, const Thread& thread, const std::string& by) override {
        if (!thread.pull)
            tell(repository, thread, {"locked", "update"}, by,
                 {{"discussion_locked", change_of(nullptr, true)}});
    }
    void unlocked(Repository& repository, const Thread& thread, const std::string& by) override {
        if (!thread.pull)
            tell(repository, thread, {"unlocked", "update"}, by,
                 {{"discussion_locked", change_of(true, nullptr)}});
    }
    void head_moved(Repository& repository, const Thread& thread, const std::string& before,
                    const std::string& /*after*/, const std::string& by) override {
        tell(repository, thread, {"synchronize", "update", before}, by);
    }
    void commented(Repository& repository, const StoredComment& comment) override {
        tell_note(repository, comment, "create", comment.user);
    }
    void comment_edited(Repository& repository, const StoredComment& comment, const std::string& /*was*/,
                        const std::string& by) override {
        tell_note(repository, comment, "update", by);
    }
    /// What it says beside lines; its words are a comment, and its verdict is a reviewer's state.
    void reviewed(Repository& repository, const Thread& /*thread*/, const StoredReview& review) override {
        for (const auto& [id, comment] : repository.review_comments)
            if (comment.review == review.id) beside_line(repository, comment, "create", review.user);
    }
    void beside_line(Repository& repository, const StoredReviewComment& comment, const std::string& action,
                     const std::string& by) override {
        tell_note(repository, comment, action, by);
    }
    void reviewers_changed(Repository& repository, const Thread& thread, const std::vector<Reviewer>& before,
                           const std::string& by) override;

    void pushed(Repository& repository, const Push& push, const std::string& by) override {
        send({.what = "push", .event = "Push Hook", .event_type = "push"},
             hook_push(world_, repository, push, by), repository.id);
    }
    void suite_ended(Repository& repository, const CheckSuite& suite, const std::string& /*conclusion*/,
                     const Commit& commit, const std::string& by) override {
        send({.what = "check_suite.completed", .event = "Pipeline Hook", .event_type = "pipeline"},
             hook_pipeline(world_, repository, suite, commit, by), repository.id);
    }
    void status_set(Repository& repository, const CommitStatus& status, const Commit& commit,
                    const std::vector<std::string>& /*branches*/) override {
        send({.what = "status", .event = "Pipeline Hook", .event_type = "pipeline"},
             hook_pipeline(world_, repository, repository.check_suites.at(status.suite), commit,
                           status.creator),
             repository.id);
    }
    void renamed(Repository& repository, const std::string& old_name, const std::string& /*by*/) override {
        tell_server(repository, "repository.renamed",
                    {{"event_name", "project_rename"},
                     {"old_path_with_namespace", repository.owner + "/" + old_name}});
    }
    void given_away(Repository& repository, const std::string& old_owner) override {
        tell_server(repository, "repository.transferred",
                    {{"event_name", "project_transfer"},
                     {"old_path_with_namespace", old_owner + "/" + repository.name}});
    }
    void erased(Repository& repository) override {
        tell_server(repository, "repository.deleted", {{"event_name", "project_destroy"}});
    }
    void tried() override;

 private:
    /// `oldrev` is where a merge request's branch was before a push.
    struct Deed {
        std::string what, action, oldrev;
    };
    void tell(Repository& repository, const Thread& thread, const Deed& deed, const std::string& by,
              json changes = json::object());
    template <typename Said>
    void tell_note(Repository& repository, const Said& said, const std::string& action,
                   const std::string& by);
    void tell_server(const Repository& repository, const std::string& what, json payload);
    json common(Repository& repository, const std::string& kind, const std::string& by) {
        return {{"object_kind", kind},
                {"event_type", kind},
                {"user", hook_user(world_, by)},
                {"project", hook_project(world_, repository)},
                {"repository", hook_repository(world_, repository)}};
    }
    /// The labels that a thread had before the deed that goes on.
    void touch(const Thread& thread, const std::string& label, Labels how) {
        if (touched_.contains(thread.id)) return;
        auto before = thread.labels;
        if (how == Labels::set)
            std::erase(before, label);
        else
            before.push_back(label);
        touched_[thread.id] = std::move(before);
    }
    void send(Letter letter, const json& payload, std::int64_t repository, const Thread* thread = nullptr) {
        if (letter.action.empty() && payload.contains("object_attributes"))
            letter.action = payload["object_attributes"].value("action", "");
        letter.body = payload.dump();
        letter.repository = repository;
        if (thread != nullptr) letter.thread = thread->number;
        letter.on_pull_request = thread != nullptr && thread->pull.has_value();
        if (payload.contains("user")) letter.by = payload["user"].at("username");
        hooks_.send(std::move(letter));
    }

    World& world_;
    Hooks& hooks_;
    std::map<std::int64_t, std::vector<std::string>> touched_;
};

void GitlabHerald::tell(Repository& repository, const Thread& thread, const Deed& deed, const std::string& by,
                        json changes) {
    auto payload = common(repository, thread.pull ? "merge_request" : "issue", by);
    auto attributes =
        thread.pull ? hook_request(world_, repository, thread) : hook_issue(world_, repository, thread);
    attributes["action"] = deed.action;
    if (!deed.oldrev.empty()) attributes["oldrev"] = deed.oldrev;
    if (deed.action != "open")
        changes["updated_at"] = change_of(hook_moment(thread.created), hook_moment(thread.updated));
    payload.update({{"object_attributes", attributes},
                    {"labels", attributes["labels"]},
                    {"changes", std::move(changes)}});
    if (thread.pull && !thread.pull->reviewers.empty())
        payload["reviewers"] = hook_reviewers(world_, thread.pull->reviewers);
    const bool whole = deed.what.find('.') != std::string::npos;
    send({.what = whole ? deed.what : (thread.pull ? "pull_request." : "issues.") + deed.what,
          .event = thread.pull ? "Merge Request Hook" : "Issue Hook",
          .event_type = thread.pull ? "merge_request" : "issue"},
         payload, repository.id, &thread);
}

template <typename Said>
void GitlabHerald::tell_note(Repository& repository, const Said& said, const std::string& action,
                             const std::string& by) {
    auto payload = common(repository, "note", by);
    auto attributes = hook_note(world_, repository, said);
    attributes["action"] = action;
    const bool confidential = attributes["internal"];
    if (confidential) payload["event_type"] = "confidential_note";
    payload.update({{"project_id", repository.id}, {"object_attributes", attributes}});
    const auto& thread = repository.threads.at(said.thread);
    if (thread.pull)
        payload["merge_request"] = hook_request(world_, repository, thread);
    else
        payload["issue"] = hook_issue(world_, repository, thread);
    send({.what = "issue_comment." + std::string(action == "create" ? "created" : "edited"),
          .event = confidential ? "Confidential Note Hook" : "Note Hook",
          .event_type = payload["event_type"]},
         payload, repository.id, &thread);
}

/// That somebody approves is told of its own; that somebody asks for changes from 19.3 on.
/// https://gitlab.com/gitlab-org/gitlab/-/merge_requests/246562
void GitlabHerald::reviewers_changed(Repository& repository, const Thread& thread,
                                     const std::vector<Reviewer>& before, const std::string& by) {
    const auto& now = thread.pull->reviewers;
    const auto own = std::ranges::find(now, by, &Reviewer::user);
    if (own != now.end() && own->state == "approved")
        return tell(repository, thread, {"pull_request_review.submitted", "approved"}, by);
    const bool asked = own == now.end() || own->state == "unreviewed";
    if (!asked && !hooks_.settings().tells_reviews) return;
    tell(repository, thread, {asked ? "review_requested" : "pull_request_review.submitted", "update"}, by,
         {{"reviewers", change_of(hook_reviewers(world_, before), hook_reviewers(world_, now))}});
}

/// https://docs.gitlab.com/administration/system_hooks/
void GitlabHerald::tell_server(const Repository& repository, const std::string& what, json payload) {
    if (!hooks_.settings().instance_too) return;
    payload.update({{"created_at", hook_moment(repository.created)},
                    {"updated_at", hook_moment(world_.now())},
                    {"name", repository.name},
                    {"owners", json::array()},
                    {"path", repository.name},
                    {"path_with_namespace", repository.full_name()},
                    {"project_id", repository.id},
                    {"project_namespace_id", repository.id},
                    {"project_visibility", repository.is_private ? "private" : "public"}});
    send({.what = what,
          .event = "System Hook",
          .event_type = payload["event_name"],
          .action = payload["event_name"]},
         payload, repository.id);
}

/// The button tells the newest commit of the default branch as a push.
/// https://docs.gitlab.com/user/project/integrations/webhooks/#test-a-webhook
void GitlabHerald::tried() {
    for (const auto& repository : world_.repositories) {
        if (repository->deleted) continue;
        const auto newest = Git(repository->git).branch(repository->default_branch).value_or("");
        const Commit commit{.sha = newest,
                            .author = repository->owner,
                            .committer = repository->owner,
                            .message = "The newest"};
        const Push push{.branch = repository->default_branch,
                        .before = newest,
                        .after = newest,
                        .commits = {commit},
                        .head = commit};
        return send({.what = "ping", .event = "Push Hook", .event_type = "push"},
                    hook_push(world_, *repository, push, repository->owner), repository->id);
    }
}

std::string uuid_of(const std::string& text) {
    const auto hex = sha256(text);
    return fmt::format("{}-{}-4{}-a{}-{}", hex.substr(0, 8), hex.substr(8, 4), hex.substr(13, 3),
                       hex.substr(17, 3), hex.substr(20, 12));
}

}  // namespace

std::unique_ptr<Herald> make_herald(World& world, Hooks& hooks) {
    return std::make_unique<GitlabHerald>(world, hooks);
}

/// https://docs.gitlab.com/user/project/integrations/webhooks/#delivery-headers and …/#signing-tokens
std::map<std::string, std::string> seal(World& world, const Delivery& delivery, const HookSettings& hook,
                                        const std::string& secret) {
    std::map<std::string, std::string> headers = {
        {"User-Agent", "GitLab/" + std::string(world.customs.version)},
        {"Idempotency-Key", delivery.guid},
        {"X-Gitlab-Event", delivery.event},
        {"X-Gitlab-Webhook-UUID", uuid_of(fmt::format("{} {}", hook.id, delivery.of_group))},
        {"X-Gitlab-Event-UUID", random_guid()},
        {"X-Gitlab-Instance", world.base_url}};
    if (!hook.secret.empty()) headers["X-Gitlab-Token"] = secret;
    if (hook.signing_token.empty()) return headers;
    const auto now = std::chrono::duration_cast<std::chrono::seconds>(world.now().time_since_epoch());
    const auto text = fmt::format("{}.{}.{}", delivery.guid, now.count(), delivery.body);
    const auto signed_by = secret == hook.secret ? hook.signing_token : "whsec_" + std::string(44, 'A');
    headers["webhook-id"] = delivery.guid;
    headers["webhook-timestamp"] = std::to_string(now.count());
    headers["webhook-signature"] = "v1," + standard_signature(signed_by, text);
    return headers;
}

}  // namespace practice_forge::gitlab
