#include "tests/practice_forge/practice_forge.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <thread>

#include "tests/practice_forge/addresses.hpp"
#include "tests/practice_forge/credentials.hpp"
#include "tests/practice_forge/git.hpp"
#include "tests/practice_forge/inside.hpp"

/// The public face: every member hands on to the room behind it.
namespace practice_forge {

Issue issue_value(const World& world, const Repository& repository, const Thread& thread) {
    const auto plain = [](const std::vector<StoredReaction>& stored) {
        std::vector<Reaction> result;
        for (const auto& reaction : stored)
            result.push_back({.user = reaction.user, .content = reaction.content});
        return result;
    };
    Issue issue{.number = thread.number,
                .title = thread.title,
                .body = thread.body,
                .author = thread.author,
                .labels = thread.labels,
                .open = thread.open,
                .is_pull_request = thread.pull.has_value(),
                .reactions = plain(thread.reactions),
                .html_url = thread_page(world, repository, thread)};
    for (const auto& [id, comment] : repository.comments) {
        if (comment.thread != thread.key || comment.system) continue;
        issue.comments.push_back({.id = id,
                                  .user = comment.user,
                                  .body = comment.body,
                                  .reactions = plain(comment.reactions),
                                  .edits = comment.edits});
    }
    return issue;
}

PullRequest pull_value(const World& world, const Repository& repository, const Thread& thread) {
    const auto& pull = *thread.pull;
    return {.number = thread.number,
            .title = thread.title,
            .body = thread.body,
            .author = thread.author,
            .head_branch = pull.head_branch,
            .head_sha = pull.head_sha,
            .base_branch = pull.base_branch,
            .open = thread.open,
            .draft = world.is_draft(thread),
            .merged = pull.merged,
            .merge_commit = pull.merge_commit,
            .html_url = thread_page(world, repository, thread)};
}

namespace {

CheckRun check_value(const StoredCheckRun& run) {
    return {.id = run.id,
            .name = run.name,
            .head_sha = run.head_sha,
            .status = run.status,
            .conclusion = run.conclusion,
            .external_id = run.external_id,
            .title = run.title,
            .summary = run.summary,
            .text = run.text,
            .details_url = run.details_url,
            .annotations = run.annotations};
}

CheckRun check_value(const CommitStatus& status) {
    const bool done = status.state != "pending" && status.state != "running";
    return {.id = status.id,
            .name = status.context,
            .head_sha = status.sha,
            .status = done ? "completed" : "in_progress",
            .conclusion = done ? status.state : "",
            .external_id = {},
            .title = status.description,
            .summary = {},
            .text = {},
            .details_url = status.target_url,
            .annotations = {}};
}

}  // namespace

std::vector<CheckRun> checks_of(const World& world, const Repository& repository) {
    std::vector<CheckRun> checks;
    for (const auto& [id, run] : repository.check_runs) checks.push_back(check_value(run));
    if (!world.customs.statuses_count) return checks;
    for (const auto& status : repository.statuses) {
        const auto known = std::ranges::find_if(checks, [&](const CheckRun& check) {
            return check.head_sha == status.sha && check.name == status.context;
        });
        if (known == checks.end())
            checks.push_back(check_value(status));
        else
            *known = check_value(status);
    }
    return checks;
}

Repository& PracticeForge::Inside::repository(std::string_view full_name) {
    const auto lock = world.lock();
    return world.repository(full_name);
}

std::int64_t PracticeForge::Inside::pull_key(std::int64_t number) const {
    return world.key_of(pull_request(number));
}

PracticeForge::PracticeForge(Options options) : inside_(std::make_unique<Inside>(std::move(options))) {}
PracticeForge::~PracticeForge() = default;

int PracticeForge::port() const { return inside_->port; }
std::string PracticeForge::url() const { return inside_->world.base_url; }
std::string PracticeForge::api_url() const {
    return inside_->world.base_url + std::string(inside_->world.customs.api_path);
}
Dialect PracticeForge::dialect() const { return inside_->world.customs.dialect; }
std::string PracticeForge::clone_url(std::string_view repository) const {
    return fmt::format("{}/{}.git", url(), repository);
}
std::filesystem::path PracticeForge::git_directory(std::string_view repository) const {
    return inside_->repository(repository).git;
}

void PracticeForge::add_token(std::string_view login, std::string_view token,
                              std::optional<std::chrono::system_clock::time_point> expires) {
    const auto lock = inside_->world.lock();
    inside_->world.user(login);
    inside_->world.tokens[std::string(token)] = {.identity = {.kind = Identity::Kind::person,
                                                              .login = std::string(login),
                                                              .repositories = {},
                                                              .permissions = {}},
                                                 .expires = expires};
}
void PracticeForge::set_app(const AppSettings& app) {
    const auto lock = inside_->world.lock();
    inside_->world.app = app;
    inside_->world.user(inside_->world.app_login());
}
void PracticeForge::set_token_lifetime(std::chrono::seconds lifetime) {
    const auto lock = inside_->world.lock();
    inside_->world.token_lifetime = lifetime;
}
void PracticeForge::expire_tokens() {
    const auto lock = inside_->world.lock();
    for (auto& [text, token] : inside_->world.tokens) {
        if (token.expires) token.expires = inside_->world.now();
    }
}
void PracticeForge::shift_clock(std::chrono::seconds offset) { inside_->world.clock_offset = offset.count(); }
void PracticeForge::set_rate_limit(int remaining) {
    const auto lock = inside_->world.lock();
    inside_->world.rate_remaining = remaining;
}
std::string PracticeForge::app_login() const {
    const auto lock = inside_->world.lock();
    return inside_->world.app_login();
}

void PracticeForge::set_hook(const HookSettings& hook) { inside_->hooks.configure(hook); }
void PracticeForge::script_hook(const HookFault& fault) { inside_->hooks.script(fault); }
void PracticeForge::ping() {
    const auto lock = inside_->world.lock();
    inside_->herald->tried();
}
void PracticeForge::disable_hook(std::optional<std::chrono::seconds> time) { inside_->hooks.disable(time); }
void PracticeForge::redeliver(std::int64_t delivery_id) { inside_->hooks.redeliver(delivery_id); }

int PracticeForge::deliver(std::int64_t delivery_id, std::string_view guid) {
    return inside_->hooks.deliver(delivery_id, std::string(guid));
}
bool PracticeForge::hooks_sent(std::chrono::milliseconds timeout) { return inside_->hooks.sent(timeout); }
std::vector<Delivery> PracticeForge::deliveries() const {
    std::vector<Delivery> result;
    for (const auto& sent : inside_->hooks.deliveries()) result.push_back(sent.delivery);
    return result;
}

void PracticeForge::set_draft_support(std::string_view repository, bool supported) {
    auto& changed = inside_->repository(repository);
    const auto lock = inside_->world.lock();
    changed.drafts = supported;
}
void PracticeForge::add_collaborator(std::string_view repository, std::string_view login,
                                     Permission permission) {
    auto& changed = inside_->repository(repository);
    const auto lock = inside_->world.lock();
    inside_->world.user(login);
    changed.collaborators[lower(login)] = permission;
}
void PracticeForge::protect_branch(std::string_view repository, std::string_view pattern) {
    auto& changed = inside_->repository(repository);
    const auto lock = inside_->world.lock();
    changed.protected_branches.emplace_back(pattern);
    Git(changed.git)
        .guard(changed.protected_branches, changed.refusal, inside_->world.customs.protected_words);
}
void PracticeForge::refuse_pushes(std::string_view repository, std::string_view message) {
    auto& changed = inside_->repository(repository);
    const auto lock = inside_->world.lock();
    changed.refusal = message;
    Git(changed.git)
        .guard(changed.protected_branches, changed.refusal, inside_->world.customs.protected_words);
}
std::int64_t PracticeForge::create_issue(std::string_view repository, std::string_view title,
                                         std::string_view body, std::string_view author,
                                         const std::vector<std::string>& labels) {
    return inside_->deeds.create_issue(inside_->repository(repository), std::string(title), std::string(body),
                                       std::string(author), labels);
}
void PracticeForge::edit_issue(std::string_view repository, Which which, std::optional<std::string> title,
                               std::optional<std::string> body, std::string_view by) {
    inside_->deeds.edit_thread(inside_->repository(repository), inside_->world.key_of(which), title, body,
                               std::string(by));
}
void PracticeForge::add_label(std::string_view repository, Which which, std::string_view label,
                              std::string_view by) {
    inside_->deeds.add_labels(inside_->repository(repository), inside_->world.key_of(which),
                              {std::string(label)}, std::string(by));
}
void PracticeForge::remove_label(std::string_view repository, Which which, std::string_view label,
                                 std::string_view by) {
    inside_->deeds.remove_label(inside_->repository(repository), inside_->world.key_of(which),
                                std::string(label), std::string(by));
}
std::int64_t PracticeForge::comment(std::string_view repository, Which which, std::string_view body,
                                    std::string_view by) {
    return inside_->deeds.comment(inside_->repository(repository), inside_->world.key_of(which),
                                  std::string(body), std::string(by));
}
void PracticeForge::edit_comment(std::string_view repository, std::int64_t id, std::string_view body,
                                 std::string_view by) {
    inside_->deeds.edit_comment(inside_->repository(repository), id, std::string(body), std::string(by));
}
void PracticeForge::delete_comment(std::string_view repository, std::int64_t id, std::string_view by) {
    inside_->deeds.delete_comment(inside_->repository(repository), id, std::string(by));
}
void PracticeForge::close(std::string_view repository, Which which, std::string_view by) {
    inside_->deeds.set_open(inside_->repository(repository), inside_->world.key_of(which), false, "",
                            std::string(by));
}
bool PracticeForge::reopen(std::string_view repository, Which which, std::string_view by) try {
    inside_->deeds.set_open(inside_->repository(repository), inside_->world.key_of(which), true, "",
                            std::string(by));
    return true;
} catch (const Problem& problem) {
    if (problem.status != 422) throw;
    return false;
}
void PracticeForge::delete_issue(std::string_view repository, Which which, std::string_view by) {
    inside_->deeds.delete_issue(inside_->repository(repository), inside_->world.key_of(which),
                                std::string(by));
}
std::int64_t PracticeForge::open_pull_request(std::string_view repository, std::string_view head,
                                              std::string_view base, std::string_view title,
                                              std::string_view body, std::string_view author) {
    const Deeds::Proposed proposed{.head = std::string(head),
                                   .base = std::string(base),
                                   .title = std::string(title),
                                   .body = std::string(body)};
    auto& of = inside_->repository(repository);
    const auto key = inside_->deeds.open_pull(of, proposed, std::string(author));
    const auto lock = inside_->world.lock();
    return inside_->world.thread(of, key).number;
}
std::int64_t PracticeForge::review(std::string_view repository, std::int64_t number, std::string_view state,
                                   std::string_view body, const std::vector<InlineComment>& comments,
                                   std::string_view by) {
    return inside_->deeds.review(
        inside_->repository(repository), inside_->pull_key(number),
        {.state = std::string(state), .body = std::string(body), .comments = comments}, std::string(by));
}
std::string PracticeForge::merge(std::string_view repository, std::int64_t number, std::string_view by) {
    return inside_->deeds.merge(inside_->repository(repository), inside_->pull_key(number), std::string(by));
}

void PracticeForge::fail(const Fault& fault) { inside_->faults.add(fault); }
void PracticeForge::clear_faults() { inside_->faults.clear(); }
int PracticeForge::faults_left(std::string_view name) const { return inside_->faults.left(name); }

std::vector<Request> PracticeForge::requests() const { return inside_->record.requests(); }
void PracticeForge::forget_requests() { inside_->record.forget(); }
Issue PracticeForge::issue(std::string_view repository, Which which) const {
    auto& of = inside_->repository(repository);
    const auto lock = inside_->world.lock();
    return issue_value(inside_->world, of, inside_->world.thread(of, inside_->world.key_of(which)));
}
std::vector<Issue> PracticeForge::issues(std::string_view repository) const {
    auto& of = inside_->repository(repository);
    const auto lock = inside_->world.lock();
    std::vector<Issue> result;
    for (const auto& [number, thread] : of.threads) {
        if (!thread.pull) result.push_back(issue_value(inside_->world, of, thread));
    }
    return result;
}
std::vector<PullRequest> PracticeForge::pull_requests(std::string_view repository) const {
    auto& of = inside_->repository(repository);
    const auto lock = inside_->world.lock();
    std::vector<PullRequest> result;
    for (const auto& [number, thread] : of.threads) {
        if (thread.pull) result.push_back(pull_value(inside_->world, of, thread));
    }
    return result;
}
std::vector<CheckRun> PracticeForge::check_runs(std::string_view repository) const {
    auto& of = inside_->repository(repository);
    const auto lock = inside_->world.lock();
    return checks_of(inside_->world, of);
}
std::vector<ReviewComment> PracticeForge::review_comments(std::string_view repository,
                                                          std::int64_t number) const {
    auto& of = inside_->repository(repository);
    const auto lock = inside_->world.lock();
    std::vector<ReviewComment> result;
    for (const auto& [id, comment] : of.review_comments)
        if (comment.thread == inside_->pull_key(number))
            result.push_back({.id = id,
                              .in_reply_to = comment.in_reply_to,
                              .user = comment.user,
                              .path = comment.path,
                              .body = comment.body,
                              .line = comment.line});
    return result;
}
std::vector<std::string> PracticeForge::labels(std::string_view repository) const {
    auto& of = inside_->repository(repository);
    const auto lock = inside_->world.lock();
    std::vector<std::string> result;
    for (const auto& label : of.labels) result.push_back(label.name);
    return result;
}
std::int64_t PracticeForge::repository_id(std::string_view repository) const {
    return inside_->repository(repository).id;
}
std::int64_t PracticeForge::user_id(std::string_view login) const {
    const auto lock = inside_->world.lock();
    return inside_->world.user(login).id;
}
std::int64_t PracticeForge::label_id(std::string_view repository, std::string_view label) {
    auto& of = inside_->repository(repository);
    const auto lock = inside_->world.lock();
    return inside_->world.label(of, label).id;
}
std::map<std::string, std::string> PracticeForge::branches(std::string_view repository) const {
    return Git(inside_->repository(repository).git).branches();
}
Commit PracticeForge::commit(std::string_view repository, std::string_view sha) const {
    if (auto found = Git(inside_->repository(repository).git).read(std::string(sha))) return *found;
    throw not_found();
}
std::string PracticeForge::file(std::string_view repository, std::string_view sha,
                                std::string_view path) const {
    if (auto found = Git(inside_->repository(repository).git).file(std::string(sha), std::string(path)))
        return *found;
    throw not_found();
}

bool PracticeForge::eventually(const std::function<bool()>& condition, std::chrono::milliseconds timeout) {
    const auto end = std::chrono::steady_clock::now() + timeout;
    while (!condition()) {
        if (std::chrono::steady_clock::now() > end) return false;
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    return true;
}

}  // namespace practice_forge
