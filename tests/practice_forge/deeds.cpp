#include "tests/practice_forge/deeds.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <regex>
#include <utility>

#include "tests/practice_forge/git.hpp"

namespace practice_forge {
namespace {

std::string merge_message(const Customs& customs, const Repository& repository, const Thread& thread) {
    const auto& pull = *thread.pull;
    return customs.counts_apart  // GitLab:
                                 // https://docs.gitlab.com/user/project/merge_requests/commit_templates/
               ? fmt::format("Merge branch '{}' into '{}'\n\n{}\n\nSee merge request {}!{}", pull.head_branch,
                             pull.base_branch, thread.title, repository.full_name(), thread.number)
               : fmt::format("Merge pull request #{} from {}/{}\n\n{}", thread.number, repository.owner,
                             pull.head_branch, thread.title);
}

StoredComment& comment_at(Repository& repository, std::int64_t id) {
    const auto found = repository.comments.find(id);
    if (found == repository.comments.end()) throw not_found();
    return found->second;
}

}  // namespace

std::vector<std::int64_t> closed_by_words(const std::string& body) {
    static const std::regex pattern(R"(\b(?:close[sd]?|fix(?:e[sd])?|resolve[sd]?):? +#(\d+))",
                                    std::regex::icase);
    std::vector<std::int64_t> numbers;
    for (std::sregex_iterator at(body.begin(), body.end(), pattern), end; at != end; ++at) {
        numbers.push_back(std::stoll((*at)[1]));
    }
    return numbers;
}

std::int64_t Deeds::create_issue(Repository& repository, const std::string& title, const std::string& body,
                                 const std::string& author, const std::vector<std::string>& labels) {
    const auto lock = world_.lock();
    const auto number = world_.take_number(repository, false);
    const auto key = world_.key_of(number);
    const Time now = world_.now();
    auto& thread = repository.threads[key];
    thread = {.id = world_.next_id(),
              .number = number.number,
              .key = key,
              .title = title,
              .body = body,
              .author = author,
              .created = now,
              .updated = now};
    world_.user(author);
    herald_.begun(repository, thread);
    for (const auto& name : labels) (void)set_label(repository, thread, name, author);
    herald_.opened(repository, thread);
    if (!labels.empty()) herald_.labels_changed(repository, thread, Herald::Labels::set, author);
    return key;
}

void Deeds::edit_thread(Repository& repository, std::int64_t number, const std::optional<std::string>& title,
                        const std::optional<std::string>& body, const std::string& by) {
    const auto lock = world_.lock();
    auto& thread = world_.thread(repository, number);
    Herald::Changes changes;
    if (title && *title != thread.title) changes.title = std::exchange(thread.title, *title);
    if (body && *body != thread.body) changes.body = std::exchange(thread.body, *body);
    if (!changes.title && !changes.body) return;
    thread.updated = world_.now();
    if (changes.title)
        note_itself(repository, thread,
                    fmt::format("changed title from **{}** to **{}**", *changes.title, thread.title), by);
    if (changes.body) note_itself(repository, thread, "changed the description", by);
    herald_.edited(repository, thread, changes, by);
}

bool Deeds::set_label(Repository& repository, Thread& thread, const std::string& name,
                      const std::string& by) {
    const auto& label = world_.label(repository, name);
    if (std::ranges::find(thread.labels, label.name) != thread.labels.end()) return false;
    thread.labels.push_back(label.name);
    thread.updated = world_.now();
    thread.label_events.push_back(
        {.id = world_.next_id(), .event = "labeled", .label = label.name, .by = by, .when = thread.updated});
    herald_.label_set(repository, thread, label, by);
    return true;
}

bool Deeds::take_label(Repository& repository, Thread& thread, const std::string& name,
                       const std::string& by) {
    const auto* known = World::find_label(repository, name);
    if (known == nullptr || std::erase(thread.labels, known->name) == 0) return false;
    thread.updated = world_.now();
    thread.label_events.push_back({.id = world_.next_id(),
                                   .event = "unlabeled",
                                   .label = known->name,
                                   .by = by,
                                   .when = thread.updated});
    herald_.label_taken(repository, thread, *known, by);
    return true;
}

void Deeds::add_labels(Repository& repository, std::int64_t number, const std::vector<std::string>& labels,
                       const std::string& by) {
    const auto lock = world_.lock();
    auto& thread = world_.thread(repository, number);
    for (const auto& name : labels) (void)set_label(repository, thread, name, by);
    herald_.labels_changed(repository, thread, Herald::Labels::set, by);
}

void Deeds::remove_label(Repository& repository, std::int64_t number, const std::string& label,
                         const std::string& by) {
    const auto lock = world_.lock();
    auto& thread = world_.thread(repository, number);
    if (!take_label(repository, thread, label, by)) throw Problem(404, "Label does not exist");
    herald_.labels_changed(repository, thread, Herald::Labels::taken, by);
}

void Deeds::replace_labels(Repository& repository, std::int64_t number,
                           const std::vector<std::string>& labels, const std::string& by) {
    const auto lock = world_.lock();
    auto& thread = world_.thread(repository, number);
    bool any_set = false;
    for (const auto& name : std::vector(thread.labels))
        if (std::ranges::find(labels, name) == labels.end()) (void)take_label(repository, thread, name, by);
    for (const auto& name : labels) any_set = set_label(repository, thread, name, by) || any_set;
    herald_.labels_changed(repository, thread, any_set ? Herald::Labels::set : Herald::Labels::taken, by);
}

void Deeds::change_labels(Repository& repository, std::int64_t number, const std::vector<std::string>& set,
                          const std::vector<std::string>& take, const std::string& by) {
    const auto lock = world_.lock();
    auto& thread = world_.thread(repository, number);
    for (const auto& name : take) (void)take_label(repository, thread, name, by);
    for (const auto& name : set) (void)set_label(repository, thread, name, by);
    herald_.labels_changed(repository, thread, Herald::Labels::set, by);
}

void Deeds::clear_labels(Repository& repository, std::int64_t number, const std::string& by) {
    const auto lock = world_.lock();
    auto& thread = world_.thread(repository, number);
    for (const auto& name : std::vector(thread.labels)) (void)take_label(repository, thread, name, by);
    herald_.labels_changed(repository, thread, Herald::Labels::cleared, by);
}

std::int64_t Deeds::comment(Repository& repository, std::int64_t number, const std::string& body,
                            const std::string& by, const Manner& manner) {
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
                               .reactions = {},
                               .internal = manner.internal,
                               .in_reply_to = manner.in_reply_to,
                               .resolved_by = {}};
    thread.updated = now;
    herald_.commented(repository, repository.comments[id]);
    return id;
}

void Deeds::note_itself(Repository& repository, const Thread& thread, const std::string& body,
                        const std::string& by) {
    if (!world_.customs.all_are_notes) return;
    const auto id = world_.next_id();
    repository.comments[id] = {.id = id,
                               .thread = thread.key,
                               .user = by,
                               .body = body,
                               .created = thread.updated,
                               .updated = thread.updated,
                               .reactions = {},
                               .system = true,
                               .resolved_by = {}};
}

void Deeds::edit_comment(Repository& repository, std::int64_t id, const std::string& body,
                         const std::string& by) {
    const auto lock = world_.lock();
    auto& comment = comment_at(repository, id);
    const auto was = std::exchange(comment.body, body);
    comment.updated = world_.now();
    ++comment.edits;
    herald_.comment_edited(repository, comment, was, by);
}

void Deeds::delete_comment(Repository& repository, std::int64_t id, const std::string& by) {
    const auto lock = world_.lock();
    const auto comment = comment_at(repository, id);
    herald_.comment_deleted(repository, comment, by);
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
    if (open)
        herald_.reopened(repository, thread, by);
    else
        herald_.closed(repository, thread, by);
}

void Deeds::delete_issue(Repository& repository, std::int64_t number, const std::string& by) {
    const auto lock = world_.lock();
    const auto thread = world_.thread(repository, number);
    herald_.deleted(repository, thread, by);
    repository.threads.erase(number);
    repository.deleted_threads.insert(number);
    std::erase_if(repository.comments, [&](const auto& entry) { return entry.second.thread == number; });
}

void Deeds::set_locked(Repository& repository, std::int64_t number, bool locked, const std::string& by) {
    const auto lock = world_.lock();
    auto& thread = world_.thread(repository, number);
    if (thread.locked == locked) return;
    thread.locked = locked;
    if (locked)
        herald_.locked(repository, thread, by);
    else
        herald_.unlocked(repository, thread, by);
}

std::int64_t Deeds::transfer_issue(Repository& from, std::int64_t number, Repository& to,
                                   const std::string& by) {
    if (world_.customs.leaves_issues) return leave_issue(from, number, to, by);
    const auto lock = world_.lock();
    if (!world_.customs.moves_issues) throw Problem(404, "Issues stay in their repository");
    const auto old = world_.thread(from, number);
    if (old.pull) throw Problem(422, "Pull requests cannot be transferred");
    const auto there = world_.take_number(to, false).number;
    auto& moved = to.threads[there] = old;
    moved.id = world_.next_id();
    moved.number = moved.key = there;
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
    herald_.transferred(from, old, to, moved, by);
    from.threads.erase(number);
    from.moved_threads[number] = {to.id, there};
    return there;
}

/// https://gitlab.com/gitlab-org/gitlab/-/blob/master/app/services/issuable/clone/base_service.rb
std::int64_t Deeds::leave_issue(Repository& from, std::int64_t number, Repository& to,
                                const std::string& by) {
    Thread old;
    {
        const auto lock = world_.lock();
        old = world_.thread(from, number);
    }
    const auto there = create_issue(to, old.title, old.body, old.author, {});
    set_open(from, number, false, "", by);
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
    if (pull.commits == 0 && !proposed.may_be_empty) {
        throw invalid("PullRequest", "", "custom",
                      fmt::format("No commits between {} and {}", proposed.base, branch));
    }
    const bool related = git.related(*base, *head);
    if (!related && !proposed.may_be_empty)
        throw invalid("PullRequest", "", "custom",
                      fmt::format("The {} branch has no history in common with {}", branch, proposed.base));
    const auto size = related ? git.size(*base, *head) : Git::Size{};
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
    const auto number = world_.take_number(repository, true);
    const auto key = world_.key_of(number);
    const Time now = world_.now();
    world_.user(by);
    auto& thread = repository.threads[key];
    thread = {.id = world_.next_id(),
              .number = number.number,
              .key = key,
              .title = proposed.title,
              .body = proposed.body,
              .author = by,
              .created = now,
              .updated = now,
              .pull = std::move(pull)};
    herald_.begun(repository, thread);
    herald_.opened(repository, thread);
    return key;
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
    const auto message = merge_message(world_.customs, repository, before);
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
        herald_.closed(repository, thread, by);
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
