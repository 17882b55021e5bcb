#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "integrations/forge.hpp"

namespace integrations {

struct GitError {
    enum class Kind {
        unreachable,   ///< network, 5xx: try again later
        unauthorized,  ///< credential refused
        gone,          ///< repository not found
        no_such_ref,   ///< the branch or commit is not there
        exists,        ///< the branch to push is there already with something else
        refused,       ///< the forge refused the push (protected branch, hook)
        invalid,       ///< a tree that must not be built or checked out
        storage,       ///< our own disk
    };
    Kind kind = Kind::storage;
    std::string message;
    std::optional<std::chrono::system_clock::time_point> retry_at;  ///< of `unreachable`: the forge said when
};

template <typename T>
using GitResult = std::expected<T, GitError>;
using CredentialSource = std::function<ForgeResult<GitCredential>()>;

/// Bounds against a remote or a repository that means ill. Past them: GitError::storage or
/// GitError::unreachable.
struct MirrorLimits {
    std::uint64_t received_bytes = 4ULL << 30;   ///< one fetch
    std::chrono::seconds silence{120};           ///< nothing from the server
    std::chrono::seconds transfer{30 * 60};      ///< one fetch, push or question altogether
    std::uint64_t checkout_bytes = 16ULL << 30;  ///< files of one commit
    std::uint64_t tree_entries = 2'000'000;      ///< files and folders of one commit
};

/// One path of a new commit. Modes as git has them.
struct TreeEdit {
    enum class Kind { file, executable, link, removed };
    std::string path;
    Kind kind = Kind::file;
    std::string content;
};

struct CommitText {
    std::string author_name, author_email;
    std::string message;
    std::chrono::system_clock::time_point when;
};

/// A bare mirror of one repository, and all that libgit2 does for us. Git never runs in a tree an agent
/// wrote. One object per repository; thread-safe (fetches are serialised).
class Mirror {
 public:
    /// Opens or creates. `directory` is ours alone: what an earlier download left is removed. `url` is https,
    /// or http on this machine, and holds no credential: that is asked for when the server wants one, and
    /// kept nowhere.
    [[nodiscard]] static GitResult<std::unique_ptr<Mirror>> open(const std::filesystem::path& directory,
                                                                 const std::string& url,
                                                                 CredentialSource credential,
                                                                 const MirrorLimits& limits = {});
    virtual ~Mirror() = default;
    /// Takes away locks that a killed process left. Only while nobody has the mirror open.
    static void unlock(const std::filesystem::path& directory);

    /// Fetches the branch, or what was kept beside the branches (`refs/shopfloor/…`), and returns its commit
    /// id (40 hex digits). Cheap when it is already here.
    [[nodiscard]] virtual GitResult<std::string> fetch(const std::string& branch) = 0;
    /// A file of a commit; no_such_ref when nothing is there, invalid when it is a link or a folder, or
    /// larger than `cap` bytes or 128 MiB.
    [[nodiscard]] virtual GitResult<std::string> file(const std::string& commit, const std::string& path,
                                                      std::size_t cap) = 0;
    /// Names in the root folder.
    [[nodiscard]] virtual GitResult<std::vector<std::string>> root_files(const std::string& commit) = 0;
    /// Paths of all blobs of a commit (files and links), sorted.
    [[nodiscard]] virtual GitResult<std::vector<std::string>> files(const std::string& commit) = 0;
    /// Writes the files of a commit into an empty folder, owned by `uid`, filters off, submodules left out,
    /// with a small `.git` of its own that knows this one commit (for the agent; it is never read again).
    [[nodiscard]] virtual GitResult<void> checkout(const std::string& commit,
                                                   const std::filesystem::path& directory, unsigned uid) = 0;
    /// Whether .gitignore rules of a commit ignore a path; a folder's path ends in '/'. `more` holds lines as
    /// if they stood at the end of the root's .gitignore; they may be hostile. What the commit holds is never
    /// ignored. The function may be called from one thread.
    [[nodiscard]] virtual GitResult<std::function<bool(const std::string& path)>> ignore_rules(
        const std::string& commit, const std::string& more) = 0;
    /// What leads from the files of one commit to those of another, by path. Submodules are left out. More
    /// than `most` paths, or `cap` bytes of content: invalid.
    [[nodiscard]] virtual GitResult<std::vector<TreeEdit>> edits(const std::string& from,
                                                                 const std::string& to, std::size_t most,
                                                                 std::size_t cap) = 0;
    /// Builds a commit on `parent` from validated edits; returns its id, or `parent` when the edits change
    /// nothing. Same input, same id. No checkout is made. A submodule stays what it is: its folder was empty,
    /// so removing it means nothing, and an edit inside it is invalid.
    [[nodiscard]] virtual GitResult<std::string> commit(const std::string& parent,
                                                        const std::vector<TreeEdit>& edits,
                                                        const CommitText& text) = 0;
    /// Unified diff of two commits, at most `cap` bytes, for people and judges.
    [[nodiscard]] virtual GitResult<std::string> diff(const std::string& from, const std::string& to,
                                                      std::size_t cap) = 0;
    /// Pushes to a branch that must not be there yet; success also when it is there with exactly this commit.
    /// Only `agent/…` branches are accepted.
    [[nodiscard]] virtual GitResult<void> push_new(const std::string& commit, const std::string& branch) = 0;
    /// Pushes to a branch that is still at `expected`, of which `commit` is a descendant; success also when
    /// it is at this commit already. `exists`: somebody else pushed, or took the branch away, and nothing was
    /// changed.
    [[nodiscard]] virtual GitResult<void> push_on(const std::string& commit, const std::string& branch,
                                                  const std::string& expected) = 0;
    /// Puts the branch, which is still at `expected`, to another commit that need not descend from it;
    /// success also when it is there already. `exists`: as in `push_on`.
    [[nodiscard]] virtual GitResult<void> replace(const std::string& commit, const std::string& branch,
                                                  const std::string& expected) = 0;
    /// Takes the branch away if it is still at `expected`; success also when it is gone. `exists`: as in
    /// `push_on`.
    [[nodiscard]] virtual GitResult<void> drop(const std::string& branch, const std::string& expected) = 0;
    /// Pushes to a name beside the branches (`refs/shopfloor/…` only) that must not be there yet; success
    /// also when it is there with exactly this commit. People fetch it by that name; no CI begins there.
    [[nodiscard]] virtual GitResult<void> keep(const std::string& commit, const std::string& ref) = 0;
    /// The change from `base` to `ours`, brought onto `onto`, three-way and path by path: what leads from
    /// `onto` to the result, in a form that `commit` takes. Renames are not followed. Conflicts: where both
    /// changed the same lines, both stand between markers that call them "base branch" and "pull request".
    /// What has no lines to merge (binary, a link, more than 2 MiB, a file on one side and a folder on the
    /// other) is as in `ours`, and so is a file that only `onto` deleted; one that only `ours` deleted stays
    /// as `onto` changed it. Submodules stay as `onto` has them. Bounds as in `edits`; hostile trees as in
    /// `checkout`.
    struct Rebased {
        std::vector<TreeEdit> edits;
        std::vector<std::string> conflicts;  ///< paths, sorted
    };
    [[nodiscard]] virtual GitResult<Rebased> rebased(const std::string& base, const std::string& ours,
                                                     const std::string& onto, std::size_t most,
                                                     std::size_t cap) = 0;
    /// Whether the branch, fetched now, has the commit in its history; no_such_ref when there is no branch.
    [[nodiscard]] virtual GitResult<bool> holds(const std::string& branch, const std::string& commit) = 0;
    /// The commit a remote branch points at, asked live; no_such_ref when there is none.
    [[nodiscard]] virtual GitResult<std::string> remote_head(const std::string& branch) = 0;
};

}  // namespace integrations
