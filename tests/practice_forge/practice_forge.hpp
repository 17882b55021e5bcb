#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// A small working forge on loopback: REST API, signed webhooks, git over HTTP, pages for people. State lives
/// in memory, repositories are real bare git repositories. It speaks GitHub's dialect, with every field that
/// GitHub's published description requires (tests/openapi proves it), or Gitea's, Forgejo's or GitLab's.
/// Shape facts: https://docs.github.com/en/rest, https://docs.gitea.com/api and https://docs.gitlab.com/api
namespace practice_forge {

enum class Dialect { github, gitea, forgejo, gitlab };
[[nodiscard]] Dialect dialect_named(std::string_view name);  ///< throws for an unknown one
[[nodiscard]] std::vector<std::string> dialect_names();

struct Options {
    Dialect dialect = Dialect::github;
    std::filesystem::path directory;  ///< bare repositories; empty: a temporary folder, removed at the end
    int port = 0;                     ///< 0 picks a free one
    std::string host = "127.0.0.1";
    std::filesystem::path record_file;  ///< every API request and webhook as a JSON line; empty: none
};

/// Gitea and GitLab have no Apps: there it is a name alone, and somebody must give it a token.
struct AppSettings {
    std::int64_t id = 1;
    std::string slug = "shopfloor-practice";  ///< acts as `<slug>[bot]`, where there are no Apps as `<slug>`
    std::string public_key;                   ///< PEM; empty: the app cannot sign in
    std::int64_t installation_id = 101;
};

struct HookSettings {
    std::string url;
    std::string secret;
    std::int64_t id = 424242;
    /// By GitHub's names, besides those of the App's own installation, which GitHub sends always.
    std::vector<std::string> events = {"issues",    "issue_comment", "pull_request", "pull_request_review",
                                       "check_run", "check_suite",   "status",       "push",
                                       "create",    "delete",        "repository"};
    std::chrono::milliseconds timeout{10'000};  ///< GitHub waits ten seconds
    // GitLab's only:
    std::string signing_token;     ///< `whsec_` and base64: as Standard Webhooks have it, beside the secret
    bool disables_itself = false;  ///< after four failures in a row; GitLab.com does, an own server may
    bool group_too = false;        ///< a hook of the group tells every event once more, by itself
    bool instance_too = false;     ///< a hook of the whole server tells of renamed and deleted projects
    bool tells_reviews = true;     ///< that somebody asks for changes; GitLab does from 19.3 on
};

struct File {
    std::string path;
    std::string content;
    bool executable = false;
};

struct RepositorySeed {
    std::string full_name;  ///< owner/name
    std::string default_branch = "main";
    std::vector<File> files;       ///< the first commit: these,
    std::filesystem::path folder;  ///< or a folder's files (its .gitignore holds),
    std::filesystem::path git;     ///< or a clone of this bundle or repository
    std::string description;
    bool is_private = true;
};

enum class Permission { none, read, triage, write, maintain, admin };

struct Reaction {
    std::string user, content;
};
struct Comment {
    std::int64_t id = 0;
    std::string user, body;
    std::vector<Reaction> reactions;
    int edits = 0;
};
/// An issue or a pull request as it is now.
struct Issue {
    std::int64_t number = 0;
    std::string title, body, author;
    std::vector<std::string> labels;
    bool open = true;
    bool is_pull_request = false;
    std::vector<Comment> comments;
    std::vector<Reaction> reactions;
    std::string html_url;
};
struct PullRequest {
    std::int64_t number = 0;
    std::string title, body, author;
    std::string head_branch, head_sha, base_branch;
    bool open = true, draft = false, merged = false;
    std::string merge_commit;
    std::string html_url;
};
/// Which issue or pull request is meant. Where the two count apart (GitLab), a number alone is an issue's.
struct Which {
    std::int64_t number = 0;
    bool pull_request = false;
    Which(std::int64_t its_number, bool is_pull_request = false)
        : number(its_number), pull_request(is_pull_request) {}
    Which(const Issue& issue) : Which(issue.number, issue.is_pull_request) {}
    Which(const PullRequest& pull) : Which(pull.number, true) {}
};
[[nodiscard]] inline Which pull_request(std::int64_t number) { return {number, true}; }
/// As somebody writes it beside a line.
struct InlineComment {
    std::string path;
    int line = 1;
    std::string body;
};
struct ReviewComment {
    std::int64_t id = 0;
    std::int64_t in_reply_to = 0;  ///< 0: it is the first of its thread
    std::string user, path, body;
    int line = 0;
};
struct Annotation {
    std::string path, level, title, message;
    int start_line = 0, end_line = 0;
};
struct CheckRun {
    std::int64_t id = 0;
    std::string name, head_sha, status, conclusion, external_id, title, summary, text, details_url;
    std::vector<Annotation> annotations;
};
struct Commit {
    std::string sha, tree, author, author_email, committer, message;
    std::vector<std::string> parents;
};
/// One request of the REST API, of git or for a log, as it came and as it was answered.
struct Request {
    std::string method;
    std::string path;  ///< as sent, without `/api/v3` (or what the dialect has) and query
    std::string query;
    std::multimap<std::string, std::string> headers;  ///< names in lower case
    std::string body;                                 ///< of a push only its beginning, with the commands
    int status = 0;                                   ///< 0: the connection was reset
    std::string response;
    std::string fault;  ///< name of the fault that touched it
    std::string actor;  ///< login, or "app" for a JWT; empty for nobody
    std::chrono::system_clock::time_point when;
};
struct Delivery {
    std::int64_t id = 0;
    /// What it tells of, by GitHub's name in all dialects: `issues.labeled`, `pull_request_review.submitted`,
    /// `push`.
    std::string what;
    std::int64_t thread = 0;                ///< number of the issue or pull request it tells of; 0: of none
    std::string by;                         ///< the login of who did it; empty where the forge does not say
    std::string guid;                       ///< GitLab: its Idempotency-Key
    std::string event, event_type, action;  ///< as the forge itself names it
    std::string status;                     ///< OK, or what went wrong
    int status_code = 0;                    ///< 0: no answer
    bool redelivery = false;
    std::string body;  ///< exactly the bytes that were signed
    std::string response;
    // Where they count apart (GitLab):
    bool on_pull_request = false;  ///< what `thread` numbers
    bool of_group = false;         ///< sent by the other hook, see HookSettings::group_too
};

/// Something that goes wrong with requests, by name, a given number of times.
struct Fault {
    enum class Kind {
        status,           ///< answers `status` with `message`
        latency,          ///< waits `latency`, then goes on as usual
        reset,            ///< TCP reset instead of an answer
        wrong_json,       ///< a 200 whose body breaks off
        primary_limit,    ///< 403, x-ratelimit-remaining: 0, reset after `retry_after`; GitLab: 429
        secondary_limit,  ///< 429 with retry-after; Gitea has this one alone, from the proxy before it
    };
    std::string name;
    Kind kind = Kind::status;
    std::string method = "*";
    std::string path = "*";     ///< shell pattern over the path without `/api/v3`; git: `/owner/name.git/*`
    std::string words;          ///< of the request's body
    int times = 1;              ///< -1: until cleared
    int skip = 0;               ///< so many matching requests go by first
    bool after_effect = false;  ///< the request is carried out, only the answer is lost
    int status = 503;
    std::string message = "Service unavailable";
    std::chrono::milliseconds latency{0};
    std::chrono::seconds retry_after{60};
};

/// What befalls the next `times` webhooks.
struct HookFault {
    enum class Kind {
        lose,       ///< not sent, but listed as failed: a sweep of the deliveries finds it
        vanish,     ///< not sent and not listed
        hold,       ///< not tried yet: `deliver` does
        duplicate,  ///< sent twice with the same delivery id
        reorder,    ///< held until `times` of them are there, then sent backwards
        bad_signature,
    };
    Kind kind = Kind::lose;
    int times = 1;
};

struct KeyPair {
    std::string private_pem, public_pem;
};
/// A fresh RSA key pair (2048 bits) for an app.
[[nodiscard]] KeyPair make_key_pair();

/// All members are thread-safe. What cannot be done throws std::runtime_error with the forge's words.
/// `repository` is always `owner/name`.
class PracticeForge {
 public:
    explicit PracticeForge(Options options = {});
    ~PracticeForge();
    PracticeForge(const PracticeForge&) = delete;
    PracticeForge& operator=(const PracticeForge&) = delete;

    [[nodiscard]] int port() const;
    [[nodiscard]] std::string url() const;      ///< http://127.0.0.1:PORT, for people and git
    [[nodiscard]] std::string api_url() const;  ///< with /api/v3, as GitHub Enterprise has it, v1 or v4
    [[nodiscard]] std::string clone_url(std::string_view repository) const;
    [[nodiscard]] std::filesystem::path git_directory(std::string_view repository) const;

    // Who may come in. A personal token acts as `login` (type Bot when the login ends in `[bot]`).
    /// GitLab's tokens have an end, others need none.
    void add_token(std::string_view login, std::string_view token,
                   std::optional<std::chrono::system_clock::time_point> expires = std::nullopt);
    void set_app(const AppSettings& app);
    void set_token_lifetime(std::chrono::seconds lifetime);  ///< of installation tokens; one hour at first
    void expire_tokens();                                    ///< all installation tokens, now
    void shift_clock(std::chrono::seconds offset);           ///< forge time minus real time
    void set_rate_limit(int remaining);                      ///< the primary limit of this hour
    [[nodiscard]] std::string app_login() const;

    // Webhooks
    void set_hook(const HookSettings& hook);
    void script_hook(const HookFault& fault);
    /// GitLab: as if it had failed too often. For so long it sends nothing; without a time: for good.
    void disable_hook(std::optional<std::chrono::seconds> time = std::nullopt);
    void ping();  ///< tries the webhook; one that is disabled and answers well is enabled
    void redeliver(std::int64_t delivery_id);
    /// One that is listed (also as lost), now and from the caller's thread: in any order, and at the same
    /// time as others. With a `guid` of its own it is what another hook tells of the same event. Returns the
    /// HTTP status, 0 without an answer.
    int deliver(std::int64_t delivery_id, std::string_view guid = {});
    /// Waits until nothing is left to send; false after `timeout`.
    [[nodiscard]] bool hooks_sent(std::chrono::milliseconds timeout = std::chrono::seconds(20));
    [[nodiscard]] std::vector<Delivery> deliveries() const;  ///< oldest first
    [[nodiscard]] Dialect dialect() const;

    // As people
    void create_repository(const RepositorySeed& seed);
    /// Another owner: it is transferred. REST and git at the old name are redirected.
    void rename_repository(std::string_view repository, std::string_view new_full_name);
    void archive_repository(std::string_view repository);  ///< it can be read only
    void delete_repository(std::string_view repository);
    /// Its tokens are refused, and it hears nothing any more. Without Apps an administrator deletes the bot's
    /// tokens and the webhook, and nothing tells of it.
    void uninstall_app();
    /// Likewise, until it is allowed again: only that it hears. Without Apps its login is blocked for a time.
    void suspend_app();
    void unsuspend_app();
    /// Without Apps it is no collaborator any more, and the webhook is gone.
    void remove_from_installation(std::string_view repository);
    void set_draft_support(std::string_view repository, bool supported);  ///< titles always may
    void add_collaborator(std::string_view repository, std::string_view login, Permission permission);
    /// Pushes to matching branches are refused; pattern as in `case` of the shell.
    void protect_branch(std::string_view repository, std::string_view pattern);
    /// Every push is refused with this message; empty: no more.
    void refuse_pushes(std::string_view repository, std::string_view message);
    /// A commit on top of a branch (made from the default branch when missing); returns its id.
    std::string commit_files(std::string_view repository, std::string_view branch,
                             const std::vector<File>& files, std::string_view message,
                             std::string_view author = "octocat");
    void delete_branch(std::string_view repository, std::string_view branch);
    std::int64_t create_issue(std::string_view repository, std::string_view title, std::string_view body,
                              std::string_view author, const std::vector<std::string>& labels = {});
    void edit_issue(std::string_view repository, Which which, std::optional<std::string> title,
                    std::optional<std::string> body, std::string_view by);
    void add_label(std::string_view repository, Which which, std::string_view label, std::string_view by);
    void remove_label(std::string_view repository, Which which, std::string_view label, std::string_view by);
    std::int64_t comment(std::string_view repository, Which which, std::string_view body,
                         std::string_view by);
    void edit_comment(std::string_view repository, std::int64_t id, std::string_view body,
                      std::string_view by);
    void delete_comment(std::string_view repository, std::int64_t id, std::string_view by);
    void close(std::string_view repository, Which which,
               std::string_view by);  ///< issue or pull request
    /// False: a merged pull request, or one whose branch is gone.
    bool reopen(std::string_view repository, Which which, std::string_view by);
    void delete_issue(std::string_view repository, Which which, std::string_view by);
    void lock(std::string_view repository, Which which, std::string_view by);  ///< its conversation
    void unlock(std::string_view repository, Which which, std::string_view by);
    /// To another repository, whose number for it is returned. Its old address is redirected; at GitLab it
    /// is closed, and the other one is new. Gitea has no such thing.
    std::int64_t transfer_issue(std::string_view repository, Which which, std::string_view to,
                                std::string_view by);
    /// A job of the app `github-actions` on this commit. Its suite is told to be completed when no job of the
    /// commit goes on; a name that is finished and begins anew is tried again. At Gitea it is a commit status
    /// of the user `gitea-actions`, without annotations and log; at GitLab a job in a pipeline, with its log.
    void begin_check(std::string_view repository, std::string_view sha, std::string_view name);
    /// Begun before or not. Without a log there is none to be had.
    void finish_check(std::string_view repository, std::string_view sha, std::string_view name,
                      std::string_view conclusion, const std::vector<Annotation>& annotations = {},
                      std::string_view log = {});
    /// `state` as GitHub has it: error, failure, pending, success.
    void set_status(std::string_view repository, std::string_view sha, std::string_view context,
                    std::string_view state, std::string_view description, std::string_view by = "other-ci");
    std::int64_t open_pull_request(std::string_view repository, std::string_view head, std::string_view base,
                                   std::string_view title, std::string_view body, std::string_view author);
    /// Submits a review; `state` as GitHub has it: approved, changes_requested, commented. Returns its id. At
    /// GitLab its words are comments, and `by` becomes a reviewer.
    std::int64_t review(std::string_view repository, std::int64_t number, std::string_view state,
                        std::string_view body, const std::vector<InlineComment>& comments,
                        std::string_view by);
    std::string merge(std::string_view repository, std::int64_t number,
                      std::string_view by);  ///< the merge commit

    // Faults
    void fail(const Fault& fault);
    void clear_faults();
    [[nodiscard]] int faults_left(std::string_view name) const;

    // Looking
    [[nodiscard]] std::vector<Request> requests() const;
    void forget_requests();
    [[nodiscard]] Issue issue(std::string_view repository, Which which) const;
    [[nodiscard]] std::vector<Issue> issues(std::string_view repository) const;  ///< without pull requests
    [[nodiscard]] std::vector<PullRequest> pull_requests(std::string_view repository) const;
    [[nodiscard]] std::vector<ReviewComment> review_comments(std::string_view repository,
                                                             std::int64_t number) const;
    /// At Gitea and GitLab also the newest commit status of each commit and context, whoever set it, in the
    /// order in which they were set first.
    [[nodiscard]] std::vector<CheckRun> check_runs(std::string_view repository) const;
    [[nodiscard]] std::vector<std::string> labels(std::string_view repository) const;
    // As the forge's own addresses name them. Label and user are made when missing.
    [[nodiscard]] std::int64_t repository_id(std::string_view repository) const;
    [[nodiscard]] std::int64_t user_id(std::string_view login) const;
    [[nodiscard]] std::int64_t label_id(std::string_view repository, std::string_view label);
    [[nodiscard]] std::map<std::string, std::string> branches(std::string_view repository) const;
    [[nodiscard]] Commit commit(std::string_view repository, std::string_view sha) const;
    [[nodiscard]] std::string file(std::string_view repository, std::string_view sha,
                                   std::string_view path) const;
    /// Polls `condition` until it holds; false after `timeout`.
    [[nodiscard]] static bool eventually(const std::function<bool()>& condition,
                                         std::chrono::milliseconds timeout = std::chrono::seconds(30));

    struct Inside;  ///< for the forge's own files

 private:
    std::unique_ptr<Inside> inside_;
};

}  // namespace practice_forge
