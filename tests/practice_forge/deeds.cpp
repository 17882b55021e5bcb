#include "tests/practice_forge/deeds.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <regex>

#include "tests/practice_forge/git.hpp"
#include "tests/practice_forge/shapes.hpp"

namespace practice_forge {
namespace {

/// https://docs.github.com/en/issues/tracking-your-work-with-issues/using-issues/linking-a-pull-request-to-an-issue
std::vector<std::int64_t> closed_by_words(const std::string& body) {
    static const std::regex pattern(R"(\b(?:close[sd]?|fix(?:e[sd])?|resolve[sd]?):? +#(\d+))",
                                    std::regex::icase);
    std::vector<std::int64_t> numbers;
    for (std::sregex_iterator at(body.begin(), body.end(), pattern), end; at != end; ++at) {
        numbers.push_back(std::stoll((*at)[1]));
    }
    return numbers;
}

StoredComment& comment_at(Repository& repository, std::int64_t id) {
    const auto found = repository.comments.find(id);
    if (found == repository.comments.end()) throw not_found();
    return found->second;
}

}  // namespace

void Deeds::tell_issue(Repository& repository, const Thread& thread, const std::string& action,
                       const std::string& by, const json& more) {
    json payload = event_json(world_, repository, action, by);
    if (thread.pull) {
        payload["number"] = thread.number;
        payload["pull_request"] = pull_json(world_, repository, thread);
    } else {
        payload["issue"] = issue_json(world_, repository, thread);
    }
    payload.update(more);
    hooks_.send(thread.pull ? "pull_request" : "issues", payload, repository.id);
}

void Deeds::tell_comment(Repository& repository, const StoredComment& comment, const std::string& action,
                         const std::string& by, const json& more) {
    json payload = event_json(world_, repository, action, by);
    payload["issue"] = issue_json(world_, repository, repository.threads.at(comment.thread));
    payload["comment"] = comment_json(world_, repository, comment);
    payload.update(more);
    hooks_.send("issue_comment", payload, repository.id);
}

std::int64_t Deeds::create_issue(Repository& repository, const std::string& title, const std::string& body,
                                 const std::string& author, const std::vector<std::string>& labels) {
    std::int64_t number = 0;
    {
        const auto lock = world_.lock();
        number = repository.next_number++;
        const Time now = world_.now();
        auto& thread = repository.threads[number];
        thread = {.id = world_.next_id(),
                  .number = number,
                  .title = title,
                  .body = body,
                  .author = author,
                  .created = now,
                  .updated = now};
        world_.user(author);
        tell_issue(repository, thread, "opened", author);
    }
    if (!labels.empty()) add_labels(repository, number, labels, author);
    return number;
}

void Deeds::edit_thread(Repository& repository, std::int64_t number, const std::optional<std::string>& title,
                        const std::optional<std::string>& body, const std::string& by) {
    const auto lock = world_.lock();
    auto& thread = world_.thread(repository, number);
    json changes = json::object();
    if (title && *title != thread.title) {
        changes["title"] = {{"from", thread.title}};
        thread.title = *title;
    }
    if (body && *body != thread.body) {
        changes["body"] = {{"from", thread.body}};
        thread.body = *body;
    }
    if (changes.empty()) return;
    thread.updated = world_.now();
    tell_issue(repository, thread, "edited", by, {{"changes", changes}});
}

void Deeds::add_labels(Repository& repository, std::int64_t number, const std::vector<std::string>& labels,
                       const std::string& by) {
    const auto lock = world_.lock();
    auto& thread = world_.thread(repository, number);
    for (const auto& name : labels) {
        const auto& label = world_.label(repository, name);
        if (std::ranges::find(thread.labels, label.name) != thread.labels.end()) continue;
        thread.labels.push_back(label.name);
        thread.updated = world_.now();
        thread.label_events.push_back({.id = world_.next_id(),
                                       .event = "labeled",
                                       .label = label.name,
                                       .by = by,
                                       .when = thread.updated});
        tell_issue(repository, thread, "labeled", by, {{"label", label_json(world_, repository, label)}});
    }
}

void Deeds::remove_label(Repository& repository, std::int64_t number, const std::string& label,
                         const std::string& by) {
    const auto lock = world_.lock();
    auto& thread = world_.thread(repository, number);
    const auto* known = World::find_label(repository, label);
    if (known == nullptr || std::erase(thread.labels, known->name) == 0)
        throw Problem(404, "Label does not exist");
    thread.updated = world_.now();
    thread.label_events.push_back({.id = world_.next_id(),
                                   .event = "unlabeled",
                                   .label = known->name,
                                   .by = by,
                                   .when = thread.updated});
    tell_issue(repository, thread, "unlabeled", by, {{"label", label_json(world_, repository, *known)}});
}

std::int64_t Deeds::comment(Repository& repository, std::int64_t number, const std::string& body,
                            const std::string& by) {
    const auto lock = world_.lock();
    auto& thread = world_.thread(repository, number);
    const Time now = world_.now();
    const auto id = world_.next_id();
    world_.user(by);
    repository.comments[id] = {.id = id,
                               .thread = number,
                               .user = by,
                               .body = body,
                               .created = now,
                               .updated = now,
                               .reactions = {}};
    thread.updated = now;
    tell_comment(repository, repository.comments[id], "created", by);
    return id;
}

void Deeds::edit_comment(Repository& repository, std::int64_t id, const std::string& body,
                         const std::string& by) {
    const auto lock = world_.lock();
    auto& comment = comment_at(repository, id);
    const json changes = {{"body", {{"from", comment.body}}}};
    comment.body = body;
    comment.updated = world_.now();
    ++comment.edits;
    tell_comment(repository, comment, "edited", by, {{"changes", changes}});
}

void Deeds::delete_comment(Repository& repository, std::int64_t id, const std::string& by) {
    const auto lock = world_.lock();
    const auto comment = comment_at(repository, id);
    tell_comment(repository, comment, "deleted", by);
    repository.comments.erase(id);
}

void Deeds::set_open(Repository& repository, std::int64_t number, bool open, const std::string& reason,
                     const std::string& by) {
    const auto lock = world_.lock();
    auto& thread = world_.thread(repository, number);
    if (thread.open == open) return;
    if (thread.pull && thread.pull->merged)
        throw invalid("PullRequest", "state", "invalid",
                      "state cannot be changed. The pull request was merged.");
    thread.open = open;
    thread.updated = world_.now();
    thread.closed_at = open ? std::nullopt : std::optional(thread.updated);
    thread.closed_by = open ? "" : by;
    if (!thread.pull) thread.state_reason = open ? "reopened" : reason.empty() ? "completed" : reason;
    tell_issue(repository, thread, open ? "reopened" : "closed", by);
}

void Deeds::delete_issue(Repository& repository, std::int64_t number, const std::string& by) {
    const auto lock = world_.lock();
    const auto thread = world_.thread(repository, number);
    tell_issue(repository, thread, "deleted", by);
    repository.threads.erase(number);
    repository.deleted_threads.insert(number);
    std::erase_if(repository.comments, [&](const auto& entry) { return entry.second.thread == number; });
}

void Deeds::set_locked(Repository& repository, std::int64_t number, bool locked, const std::string& by) {
    const auto lock = world_.lock();
    auto& thread = world_.thread(repository, number);
    if (thread.locked == locked) return;
    thread.locked = locked;
    tell_issue(repository, thread, locked ? "locked" : "unlocked", by);
}

std::int64_t Deeds::transfer_issue(Repository& from, std::int64_t number, Repository& to,
                                   const std::string& by) {
    const auto lock = world_.lock();
    const auto old = world_.thread(from, number);
    if (old.pull) throw Problem(422, "Pull requests cannot be transferred");
    const auto there = to.next_number++;
    auto& moved = to.threads[there] = old;
    moved.id = world_.next_id();
    moved.number = there;
    std::erase_if(moved.labels,
                  [&](const std::string& name) { return World::find_label(to, name) == nullptr; });
    for (auto at = from.comments.begin(); at != from.comments.end();) {
        const auto next = std::next(at);
        if (at->second.thread == number) {
            at->second.thread = there;
            to.comments.insert(from.comments.extract(at));
        }
        at = next;
    }
    tell_issue(
        from, old, "transferred", by,
        {{"changes",
          {{"new_issue", issue_json(world_, to, moved)}, {"new_repository", repository_json(world_, to)}}}});
    if (moved.open)
        tell_issue(to, moved, "opened", by,
                   {{"changes",
                     {{"old_issue", issue_json(world_, from, old)},
                      {"old_repository", repository_json(world_, from)}}}});
    from.threads.erase(number);
    from.moved_threads[number] = {to.id, there};
    return there;
}

std::int64_t Deeds::open_pull(Repository& repository, const Proposed& proposed, const std::string& by) {
    const Git git(repository.git);
    std::string branch = proposed.head;
    if (const auto colon = branch.find(':'); colon != std::string::npos) {
        if (lower(branch.substr(0, colon)) != lower(repository.owner))
            throw invalid("PullRequest", "head", "invalid");
        branch = branch.substr(colon + 1);
    }
    const auto base = git.branch(proposed.base);
    if (!base) throw invalid("PullRequest", "base", "invalid");
    const auto head = git.branch(branch);
    if (!head) throw invalid("PullRequest", "head", "invalid");
    Pull pull{.head_branch = branch,
              .head_sha = *head,
              .base_branch = proposed.base,
              .base_sha = *base,
              .draft = proposed.draft};
    pull.commits = git.count(*base, *head);
    if (pull.commits == 0) {
        throw invalid("PullRequest", "", "custom",
                      fmt::format("No commits between {} and {}", proposed.base, branch));
    }
    if (!git.related(*base, *head))
        throw invalid("PullRequest", "", "custom",
                      fmt::format("The {} branch has no history in common with {}", branch, proposed.base));
    const auto size = git.size(*base, *head);
    pull.additions = size.additions;
    pull.deletions = size.deletions;
    pull.changed_files = size.files;

    const auto lock = world_.lock();
    for (const auto& [number, other] : repository.threads) {
        if (other.pull && other.open && other.pull->head_branch == branch &&
            other.pull->base_branch == proposed.base) {
            throw invalid("PullRequest", "", "custom",
                          fmt::format("A pull request already exists for {}:{}.", repository.owner, branch));
        }
    }
    const auto number = repository.next_number++;
    const Time now = world_.now();
    world_.user(by);
    auto& thread = repository.threads[number];
    thread = {.id = world_.next_id(),
              .number = number,
              .title = proposed.title,
              .body = proposed.body,
              .author = by,
              .created = now,
              .updated = now,
              .pull = std::move(pull)};
    tell_issue(repository, thread, "opened", by);
    return number;
}

void Deeds::weigh(Repository& repository, std::int64_t number) {
    std::string head, base_branch;
    {
        const auto lock = world_.lock();
        const auto& thread = world_.thread(repository, number);
        if (!thread.pull) throw not_found();
        if (!thread.open) return;
        head = thread.pull->head_sha;
        base_branch = thread.pull->base_branch;
        const auto base = Git(repository.git).branch(base_branch).value_or("");
        if (thread.pull->mergeable_for == base + " " + head) return;
    }
    const Git git(repository.git);
    const auto base = git.branch(base_branch);
    const bool mergeable = base && git.merge_tree(*base, head).has_value();
    const auto lock = world_.lock();
    auto& pull = *world_.thread(repository, number).pull;
    pull.mergeable = mergeable;
    pull.mergeable_for = base.value_or("") + " " + head;
}

std::string Deeds::merge(Repository& repository, std::int64_t number, const std::string& by) {
    Thread before;
    {
        const auto lock = world_.lock();
        before = world_.thread(repository, number);
    }
    if (!before.pull) throw not_found();
    if (!before.open) throw Problem(405, "Pull Request is not mergeable");
    const Git git(repository.git);
    const auto base = git.branch(before.pull->base_branch);
    const auto tree = base ? git.merge_tree(*base, before.pull->head_sha) : std::nullopt;
    if (!tree) throw Problem(405, "Pull Request is not mergeable");
    const auto message = fmt::format("Merge pull request #{} from {}/{}\n\n{}", number, repository.owner,
                                     before.pull->head_branch, before.title);
    const auto sha = git.merge(before.pull->base_branch, *base, before.pull->head_sha, *tree, message, by);
    {
        const auto lock = world_.lock();
        auto& thread = world_.thread(repository, number);
        thread.open = false;
        thread.updated = world_.now();
        thread.closed_at = thread.pull->merged_at = thread.updated;
        thread.closed_by = thread.pull->merged_by = by;
        thread.pull->merged = true;
        thread.pull->merge_commit = sha;
        tell_issue(repository, thread, "closed", by);
    }
    pushed(repository, {.branch = before.pull->base_branch, .before = *base, .after = sha}, by);
    if (before.pull->base_branch == repository.default_branch) {
        for (const auto closed : closed_by_words(before.body)) {
            try {
                set_open(repository, closed, false, "completed", by);
            } catch (const Problem&) {
                continue;  // "Fixes #N" of an issue that is not there closes nothing
            }
        }
    }
    return sha;
}

}  // namespace practice_forge
