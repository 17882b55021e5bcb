#pragma once

#include <git2.h>

#include <memory>

namespace integrations {

/// Owners of libgit2's handles: one alias per handle type over one deleter template.
template <auto Free>
struct FreeWith {
    template <typename Handle>
    void operator()(Handle* handle) const noexcept {
        Free(handle);
    }
};
template <typename Handle, auto Free>
using GitOwner = std::unique_ptr<Handle, FreeWith<Free>>;

using GitRepositoryHandle = GitOwner<git_repository, git_repository_free>;
using GitRemoteHandle = GitOwner<git_remote, git_remote_free>;
using GitReferenceHandle = GitOwner<git_reference, git_reference_free>;
using GitOdbHandle = GitOwner<git_odb, git_odb_free>;
using GitOdbObjectHandle = GitOwner<git_odb_object, git_odb_object_free>;
using GitCommitHandle = GitOwner<git_commit, git_commit_free>;
using GitTreeHandle = GitOwner<git_tree, git_tree_free>;
using GitBlobHandle = GitOwner<git_blob, git_blob_free>;
using GitTreeEntryHandle = GitOwner<git_tree_entry, git_tree_entry_free>;
using GitTreeBuilderHandle = GitOwner<git_treebuilder, git_treebuilder_free>;
using GitSignatureHandle = GitOwner<git_signature, git_signature_free>;
using GitDiffHandle = GitOwner<git_diff, git_diff_free>;
using GitIndexHandle = GitOwner<git_index, git_index_free>;
using GitConfigHandle = GitOwner<git_config, git_config_free>;
using GitPackBuilderHandle = GitOwner<git_packbuilder, git_packbuilder_free>;
using GitIndexerHandle = GitOwner<git_indexer, git_indexer_free>;

/// Calls a libgit2 function whose first parameter is the new handle; the owner takes it. Returns its code.
template <typename Owner, typename Make, typename... Arguments>
[[nodiscard]] int take(Owner& owner, Make make, Arguments... arguments) {
    typename Owner::pointer raw = nullptr;
    const int code = make(&raw, arguments...);
    owner.reset(code < 0 ? nullptr : raw);
    return code;
}

}  // namespace integrations
