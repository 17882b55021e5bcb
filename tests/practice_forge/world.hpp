#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/practice_forge/dialect.hpp"

namespace practice_forge {

using nlohmann::json;
using Time = std::chrono::system_clock::time_point;

/// Why a request is not carried out, in GitHub's words; `Tongue::refuse` puts it into those of a forge.
/// https://docs.github.com/en/rest/using-the-rest-api/troubleshooting-the-rest-api
struct Problem : std::runtime_error {
    Problem(int with_status, const std::string& message, json with_errors = nullptr)
        : std::runtime_error(message), status(with_status), errors(std::move(with_errors)) {}
    int status;
    json errors;
    std::map<std::string, std::string> headers;
};
[[nodiscard]] Problem not_found();
[[nodiscard]] Problem invalid(const char* resource, const char* field, const char* code,
                              const std::string& message = "");

struct User {
    std::int64_t id = 0;
    std::string login;
    bool bot = false;
};

struct Label {
    std::int64_t id = 0;
    std::string name, color, description;
};

struct StoredReaction {
    std::int64_t id = 0;
    std::string user, content;
    Time created;
};

struct StoredComment {
    std::int64_t id = 0;
    std::int64_t thread = 0;
    std::string user, body;
    Time created, updated;
    std::vector<StoredReaction> reactions;
    int edits = 0;
};

struct StoredReview {
    std::int64_t id = 0;
    std::int64_t thread = 0;
    std::string user, state, body, commit;
    Time submitted;
};

struct StoredReviewComment {
    std::int64_t id = 0;
    std::int64_t review = 0;
    std::int64_t thread = 0;
    int line = 0;
    std::string user, body, path, diff_hunk, commit;
    std::int64_t in_reply_to = 0;
    Time created;
};

/// The pull-request half of a thread. The sizes are known for `measured_head`.
struct Pull {
    std::string head_branch, head_sha, base_branch, base_sha;
    bool draft = false;
    bool merged = false;
    std::optional<Time> merged_at;
    std::string merged_by, merge_commit;
    std::optional<bool> mergeable;
    std::string mergeable_for;  ///< "base head" that the verdict is about
    int commits = 0, additions = 0, deletions = 0, changed_files = 0;
};

/// A label set (`labeled`) or taken off (`unlabeled`).
struct LabelEvent {
    std::int64_t id = 0;
    std::string event, label, by;
    Time when;
};

struct Thread {
    std::int64_t id = 0;
    std::int64_t number = 0;
    std::string title, body, author;
    std::vector<std::string> labels;
    bool open = true;
    bool locked = false;
    std::string state_reason;
    Time created, updated;
    std::optional<Time> closed_at;
    std::string closed_by;
    std::vector<StoredReaction> reactions;
    std::vector<LabelEvent> label_events;  ///< oldest first
    std::optional<Pull> pull;
};

/// What one App does for one commit; its runs come to one conclusion.
struct CheckSuite {
    std::int64_t id = 0;
    std::string app, head_sha;
    Time created;
};

struct StoredCheckRun {
    std::int64_t id = 0;
    std::int64_t suite = 0;
    std::string app;  ///< its slug
    std::string name, head_sha, status, conclusion, external_id, details_url;
    std::string title, summary, text;
    std::string log;  ///< of a job of `github-actions`
    bool has_output = false;
    std::vector<Annotation> annotations;
    std::optional<Time> started, completed;
};

struct CommitStatus {
    std::int64_t id = 0;
    /// `target_url` may be a path of the forge itself.
    std::string sha, state, description, target_url, context, creator;
    Time created, updated;
};

/// Never destroyed before the world: references outlive the lock.
struct Repository {
    std::int64_t id = 0;
    std::string owner, name, description, default_branch;
    bool is_private = true;
    bool deleted = false;
    bool archived = false;
    bool outside = false;  ///< taken out of the App's installation, where there are Apps
    bool drafts = true;
    Time created, pushed;
    std::filesystem::path git;
    std::map<std::string, Permission> collaborators;
    std::vector<std::string> protected_branches;
    std::string refusal;
    std::int64_t next_number = 1;
    std::vector<Label> labels;
    std::map<std::int64_t, Thread> threads;
    std::set<std::int64_t> deleted_threads;
    /// Issues that are elsewhere now: the other repository's id and their number there.
    std::map<std::int64_t, std::pair<std::int64_t, std::int64_t>> moved_threads;
    std::map<std::int64_t, StoredComment> comments;
    std::map<std::int64_t, StoredReview> reviews;
    std::map<std::int64_t, StoredReviewComment> review_comments;
    std::map<std::int64_t, CheckSuite> check_suites;
    std::map<std::int64_t, StoredCheckRun> check_runs;
    std::vector<CommitStatus> statuses;

    [[nodiscard]] std::string full_name() const { return owner + "/" + name; }
};

/// Who a credential speaks for.
struct Identity {
    enum class Kind { nobody, app, installation, person };
    Kind kind = Kind::nobody;
    std::string login;                               ///< empty for nobody and app
    std::set<std::int64_t> repositories;             ///< an installation token's narrowing; empty: all
    std::map<std::string, std::string> permissions;  ///< an installation token's
};

struct Token {
    Identity identity;
    std::optional<Time> expires;
};

/// Everything the forge knows. Members other than `lock`, `now`, `customs` and `base_url` are touched only
/// with the lock held; no git process runs and nothing is sent while it is.
class World {
 public:
    explicit World(const Customs& with) : customs(with) {}
    [[nodiscard]] std::unique_lock<std::mutex> lock() const { return std::unique_lock(mutex_); }
    [[nodiscard]] Time now() const;
    [[nodiscard]] std::int64_t next_id() { return ++last_id_; }

    User& user(std::string_view login);  ///< made when missing
    /// By full name, case folded as GitHub does; throws 404.
    [[nodiscard]] Repository& repository(std::string_view full_name) const;
    [[nodiscard]] Repository* find(std::string_view full_name) const;  ///< nullptr when missing or deleted
    [[nodiscard]] Repository* find(std::int64_t id) const;
    [[nodiscard]] Thread& thread(Repository& repository,
                                 std::int64_t number) const;      ///< throws 404, 410, 301
    Label& label(Repository& repository, std::string_view name);  ///< made when missing
    [[nodiscard]] static Label* find_label(Repository& repository, std::string_view name);
    [[nodiscard]] Permission permission(const Repository& repository, std::string_view login) const;
    [[nodiscard]] std::string app_login() const { return app.slug + std::string(customs.app_suffix); }
    [[nodiscard]] bool is_draft(const Thread& thread) const;
    void forget_app_tokens();  ///< installations'; where there are no Apps, the bot's

    const Customs& customs;
    std::string base_url;  ///< http://127.0.0.1:PORT, fixed before anything else runs
    std::filesystem::path directory;
    std::atomic<std::int64_t> clock_offset{0};  ///< seconds

    AppSettings app;
    bool installed = true;
    bool suspended = false;  ///< the installation, or where there are no Apps the bot, for a time
    std::chrono::seconds token_lifetime{3600};
    std::map<std::string, Token, std::less<>> tokens;
    std::map<std::string, User, std::less<>> users;
    std::vector<std::unique_ptr<Repository>> repositories;
    std::map<std::string, std::int64_t> old_names;  ///< renamed repositories, in lower case
    int rate_remaining = 5000;
    int rate_used = 0;

 private:
    mutable std::mutex mutex_;
    std::int64_t last_id_ = 1000;
};

[[nodiscard]] std::string lower(std::string_view text);
[[nodiscard]] std::string timestamp(Time time, std::chrono::minutes zone = {});  ///< 2026-01-31T12:00:00Z
[[nodiscard]] std::string_view name_of(Permission permission);                   ///< GitHub's role_name
[[nodiscard]] Permission permission_named(std::string_view name);  ///< throws for an unknown one
[[nodiscard]] std::size_t code_points(std::string_view utf8);

}  // namespace practice_forge
