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
#include "tests/practice_forge/stored.hpp"

namespace practice_forge {

using nlohmann::json;

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
    std::int64_t next_pull_number = 1;  ///< where the two count apart
    std::vector<Label> labels;
    std::map<std::int64_t, Thread> threads;  ///< by their keys, as everything else that names a thread
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
    [[nodiscard]] Thread& thread(Repository& repository, std::int64_t key) const;  ///< throws 404, 410, 301
    /// Pull requests that count apart from issues have negative keys.
    [[nodiscard]] std::int64_t key_of(const Which& which) const {
        return customs.counts_apart && which.pull_request ? -which.number : which.number;
    }
    /// The next free number of its kind.
    [[nodiscard]] Which take_number(Repository& repository, bool pull_request) const;
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
/// RFC 3339; nothing of what is none. Fractions of a second are left out.
[[nodiscard]] std::optional<Time> parse_time(std::string text);
[[nodiscard]] std::string_view name_of(Permission permission);     ///< GitHub's role_name
[[nodiscard]] Permission permission_named(std::string_view name);  ///< throws for an unknown one
[[nodiscard]] std::size_t code_points(std::string_view utf8);

}  // namespace practice_forge
