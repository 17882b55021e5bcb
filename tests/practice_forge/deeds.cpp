#include "tests/practice_forge/deeds.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "tests/practice_forge/git.hpp"

namespace practice_forge {
namespace {

StoredComment& comment_at(Repository& repository, std::int64_t id) {
    const auto found = repository.comments.find(id);
    if (found == repository.comments.end()) throw not_found();
    return found->second;
}

}  // namespace

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
    if (thread.pull && open && !Git(repository.git).branch(thread.pull->head_branch))
        throw invalid("PullRequest", "state", "invalid",
                      fmt::format("state cannot be changed. The {} branch has been deleted.",
                                  thread.pull->head_branch));
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

}  // namespace practice_forge
