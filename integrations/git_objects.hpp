#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "integrations/git.hpp"
#include "integrations/git_handles.hpp"

/// What the files of integrations/git_* share: verbs on one open repository handle. A handle belongs to one
/// thread; every verb of a mirror opens its own.
namespace integrations {

/// Starts libgit2 once for the process: no configuration of the machine or its users is read, objects are
/// verified.
void start_libgit2();

[[nodiscard]] GitError git_error(GitError::Kind kind, std::string message);
/// The same with libgit2's own words for the last failure of this thread.
[[nodiscard]] GitError git_failure(GitError::Kind kind, const std::string& doing);
[[nodiscard]] std::unexpected<GitError> git_fail(GitError::Kind kind, const std::string& doing);

[[nodiscard]] std::string hex(const git_oid& id);

[[nodiscard]] GitResult<GitRepositoryHandle> open_repository(const std::filesystem::path& directory);
/// `id` is 40 hex digits; no_such_ref when the commit is not here.
[[nodiscard]] GitResult<GitCommitHandle> find_commit(git_repository* repository, const std::string& id);
/// Whether `commit` is `head` or one of those it descends from.
[[nodiscard]] GitResult<bool> is_in_history(git_repository* repository, const std::string& commit,
                                            const std::string& head);
[[nodiscard]] GitResult<GitTreeHandle> find_tree(git_repository* repository, const std::string& commit);
/// The plain file at `path`; no_such_ref when nothing is there, invalid when it is something else or too
/// large.
[[nodiscard]] GitResult<std::string> read_file(git_repository* repository, const std::string& commit,
                                               const std::string& path, std::size_t cap);

/// Why a name must not stand in a tree; empty when it may: empty, `.`, `..`, a slash or NUL in it, or any
/// spelling of
/// `.git` that a file system may fold to it (letter case, trailing dots and spaces and streams on NTFS,
/// `git~1`, code points that HFS+ drops).
[[nodiscard]] std::string_view unfit_name(std::string_view name);

struct TreeItem {
    std::string path;
    git_filemode_t mode = GIT_FILEMODE_UNREADABLE;
    git_oid id = {};
};

/// Goes through a tree in git's order, a folder before what is in it, and refuses hostile shapes (names,
/// depth, number) before the visitor sees them.
[[nodiscard]] GitResult<void> walk_tree(git_repository* repository, const git_tree* tree,
                                        std::uint64_t most_entries,
                                        const std::function<GitResult<void>(const TreeItem&)>& visit);

/// Whether an entry of a tree holds bytes: a file or a link, not a folder or a submodule.
[[nodiscard]] bool holds_bytes(git_filemode_t mode);
/// What stands at a path, as an edit that puts it there; `mode` is one that holds bytes.
[[nodiscard]] GitResult<TreeEdit> read_edit(git_repository* repository, const std::string& path,
                                            git_filemode_t mode, const git_oid& id);
/// An edit that puts these bytes there.
[[nodiscard]] TreeEdit edit_of(const std::string& path, git_filemode_t mode, std::string content);
/// How the files of two trees differ, without contents and without renames.
[[nodiscard]] GitResult<GitDiffHandle> compare_trees(git_repository* repository, git_tree* before,
                                                     git_tree* after);

[[nodiscard]] GitResult<void> write_checkout(git_repository* repository, const std::string& commit,
                                             const std::filesystem::path& directory, unsigned uid,
                                             const MirrorLimits& limits);
[[nodiscard]] GitResult<std::string> build_commit(git_repository* repository, const std::string& parent,
                                                  const std::vector<TreeEdit>& edits, const CommitText& text);
[[nodiscard]] GitResult<std::vector<TreeEdit>> list_edits(git_repository* repository, const std::string& from,
                                                          const std::string& to, std::size_t most,
                                                          std::size_t cap);
/// Three commits: what `ours` changed since `base` goes onto `onto`.
struct RebaseCommits {
    std::string base, ours, onto;
};
[[nodiscard]] GitResult<Mirror::Rebased> bring_onto(git_repository* repository, const RebaseCommits& commits,
                                                    std::size_t most, std::size_t cap,
                                                    std::uint64_t most_entries);
[[nodiscard]] GitResult<std::string> print_diff(git_repository* repository, const std::string& from,
                                                const std::string& to, std::size_t cap);
[[nodiscard]] GitResult<std::function<bool(const std::string& path)>> open_ignore_rules(
    GitRepositoryHandle repository, const std::string& commit, const std::string& more);

}  // namespace integrations
