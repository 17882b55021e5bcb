#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace integrations {

struct RepoRef {
    std::string forge;      ///< ForgeSettings::name
    std::string id;         ///< the forge's own id: stays when the repository is renamed
    std::string full_name;  ///< owner/name; on GitLab there may be groups in groups before the name
    std::string clone_url;  ///< https://… without credentials
    std::string default_branch;
    std::string installation;  ///< GitHub App installation id; empty for a plain token

    friend bool operator==(const RepoRef&, const RepoRef&) = default;
};

/// An issue or a pull request of a repository. Some forges number the two apart (GitLab): a number alone
/// names neither.
struct ThreadRef {
    enum class Kind { issue, pull_request };
    RepoRef repo;
    std::int64_t number = 0;
    Kind kind = Kind::issue;

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
struct LabelsChanged {  ///< of an issue, which ones it does not say: see Forge::completed
    ThreadRef issue;
    Person by;
    Moment at = {};
    friend bool operator==(const LabelsChanged&, const LabelsChanged&) = default;
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
    std::string comment_id;
    std::string body;
    Person by;
    Moment at = {};
    friend bool operator==(const CommentCreated&, const CommentCreated&) = default;
};
struct ChangesRequested {  ///< a review that asks for changes
    ThreadRef pull_request;
    std::string review_id;  ///< empty: the forge does not say, see Forge::completed
    std::string body;       ///< not what stands beside lines
    Person by;
    friend bool operator==(const ChangesRequested&, const ChangesRequested&) = default;
};
struct PullRequestEnded {
    ThreadRef pull_request;
    bool merged = false;
    Person by;
    Moment at = {};
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
struct RepositoryRenamed {  ///< or moved to another owner; `repo` bears the new name, and may lack
                            ///< `clone_url`
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
using Event = std::variant<Pinged, IssueLabelled, IssueUnlabelled, LabelsChanged, IssueEnded, CommentCreated,
                           ChangesRequested, PullRequestEnded, ChecksFailed, BranchPushed, RepositoryRenamed,
                           AccessEnded, Ignored>;

}  // namespace integrations
