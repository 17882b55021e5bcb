#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "config/secret.hpp"

namespace integrations {

/// Header names in lower case.
using Headers = std::multimap<std::string, std::string>;

/// One webhook request as received. Nothing in it is believed yet.
struct Delivery {
    std::string forge;  ///< ForgeSettings::name, from the route
    Headers headers;
    std::string body;
};

/// A delivery whose signature was right. Only `verify` makes one.
class VerifiedDelivery {
 public:
    [[nodiscard]] const std::string& forge() const { return forge_; }
    [[nodiscard]] const std::string& hook_id() const { return hook_id_; }
    [[nodiscard]] const std::string& delivery_id() const { return delivery_id_; }
    [[nodiscard]] const std::string& event_name() const { return event_name_; }
    [[nodiscard]] const std::string& body() const& { return body_; }
    [[nodiscard]] std::string body() && { return std::move(body_); }

 private:
    friend class Verifier;
    friend class Replay;
    VerifiedDelivery() = default;
    std::string forge_, hook_id_, delivery_id_, event_name_, body_;
};

/// The keeper's key to deliveries that were verified before it has them.
class Replay {
 public:
    /// By the listener, which is a process of its own and has the webhook secrets.
    [[nodiscard]] static VerifiedDelivery handed_over(std::string forge, std::string hook_id,
                                                      std::string delivery_id, std::string event_name,
                                                      std::string body);
    /// When they were stored.
    [[nodiscard]] static VerifiedDelivery stored(std::string forge, std::string hook_id,
                                                 std::string delivery_id, std::string event_name,
                                                 std::string body);
};

struct RepoRef {
    std::string forge;      ///< ForgeSettings::name
    std::string id;         ///< the forge's own id: stays when the repository is renamed
    std::string full_name;  ///< owner/name
    std::string clone_url;  ///< https://… without credentials
    std::string default_branch;
    std::string installation;  ///< GitHub App installation id; empty for a plain token

    friend bool operator==(const RepoRef&, const RepoRef&) = default;
};

/// An issue or a pull request of a repository.
struct ThreadRef {
    RepoRef repo;
    std::int64_t number = 0;

    friend bool operator==(const ThreadRef&, const ThreadRef&) = default;
};

struct Person {
    std::string login;
    std::string id;  ///< the forge's own id
    bool bot = false;
    friend bool operator==(const Person&, const Person&) = default;
};

/// By the forge's clock, which counts whole seconds. None: it did not say.
using Moment = std::optional<std::chrono::system_clock::time_point>;

// The closed set of things a forge can tell us, forge differences gone. `at`: when people did it; it may be
// told much later, and after what they did next.
struct Pinged {
    friend bool operator==(const Pinged&, const Pinged&) = default;
};
struct IssueLabelled {
    ThreadRef issue;
    std::string label;
    Person by;
    Moment at = {};
    std::string event_id = {};  ///< by the issue's own record, they count up; empty: not known
    friend bool operator==(const IssueLabelled&, const IssueLabelled&) = default;
};
struct IssueUnlabelled {
    ThreadRef issue;
    std::string label;
    Person by;
    Moment at = {};
    friend bool operator==(const IssueUnlabelled&, const IssueUnlabelled&) = default;
};
struct IssueEnded {  ///< closed, deleted, moved to another repository, or its conversation was locked
    enum class How { closed, deleted, transferred, locked };
    ThreadRef issue;
    How how = How::closed;
    Person by;
    Moment at = {};
    friend bool operator==(const IssueEnded&, const IssueEnded&) = default;
};
struct CommentCreated {
    ThreadRef thread;
    bool on_pull_request = false;
    std::string comment_id;
    std::string body;
    Person by;
    Moment at = {};
    friend bool operator==(const CommentCreated&, const CommentCreated&) = default;
};
struct ChangesRequested {  ///< a review that asks for changes
    ThreadRef pull_request;
    std::string review_id;
    std::string body;  ///< not what stands beside lines
    Person by;
    friend bool operator==(const ChangesRequested&, const ChangesRequested&) = default;
};
struct PullRequestEnded {
    ThreadRef pull_request;
    bool merged = false;
    Person by;
    friend bool operator==(const PullRequestEnded&, const PullRequestEnded&) = default;
};
struct ChecksFailed {  ///< on a commit, ours perhaps among them; which ones is asked live
    RepoRef repo;
    std::string head_sha;
    friend bool operator==(const ChecksFailed&, const ChecksFailed&) = default;
};
struct BranchPushed {
    RepoRef repo;
    std::string branch;
    Person by;
    friend bool operator==(const BranchPushed&, const BranchPushed&) = default;
};
struct RepositoryRenamed {  ///< or moved to another owner; `repo` bears the new name
    RepoRef repo;
    friend bool operator==(const RepositoryRenamed&, const RepositoryRenamed&) = default;
};
struct AccessEnded {  ///< repositories in which nothing can be done any more
    enum class How { deleted, archived, removed, uninstalled };
    How how = How::deleted;
    std::string forge;
    std::string installation;               ///< of a GitHub App; empty for a plain token
    std::vector<std::string> repositories;  ///< their ids, at most 10,000; none: all of the installation
    friend bool operator==(const AccessEnded&, const AccessEnded&) = default;
};
struct Ignored {
    std::string why;
    friend bool operator==(const Ignored&, const Ignored&) = default;
};
using Event =
    std::variant<Pinged, IssueLabelled, IssueUnlabelled, IssueEnded, CommentCreated, ChangesRequested,
                 PullRequestEnded, ChecksFailed, BranchPushed, RepositoryRenamed, AccessEnded, Ignored>;

}  // namespace integrations
