// Bringing a change onto another commit: a three-way merge of trees, in memory.
#include <algorithm>
#include <optional>
#include <string_view>
#include <utility>

#include "integrations/git_objects.hpp"

namespace integrations {

namespace {

using GitConflictsHandle = GitOwner<git_index_conflict_iterator, git_index_conflict_iterator_free>;

/// One file that both sides changed.
struct Conflict {
    const git_index_entry* base = nullptr;
    const git_index_entry* onto = nullptr;
    const git_index_entry* ours = nullptr;

    [[nodiscard]] std::string path() const {
        for (const auto* each : {onto, ours, base})
            if (each != nullptr) return each->path;
        return {};
    }
    /// Plain files on both sides.
    [[nodiscard]] bool has_lines() const {
        const auto plain = [](const git_index_entry* entry) {
            return entry != nullptr &&
                   (entry->mode == GIT_FILEMODE_BLOB || entry->mode == GIT_FILEMODE_BLOB_EXECUTABLE);
        };
        return plain(onto) && plain(ours);
    }
};

class MergedFile {
 public:
    MergedFile() = default;
    ~MergedFile() { git_merge_file_result_free(&result_); }
    MergedFile(const MergedFile&) = delete;
    MergedFile& operator=(const MergedFile&) = delete;
    [[nodiscard]] git_merge_file_result* get() { return &result_; }
    [[nodiscard]] std::string_view content() const { return {result_.ptr, result_.len}; }

 private:
    git_merge_file_result result_ = {};
};

/// The file with both sides between markers. False: it cannot be merged by lines.
GitResult<bool> mark(git_repository* repository, const Conflict& conflict, git_index_entry& entry) {
    git_merge_file_options options = GIT_MERGE_FILE_OPTIONS_INIT;
    options.ancestor_label = "before";
    options.our_label = "base branch";
    options.their_label = "pull request";
    MergedFile merged;
    if (git_merge_file_from_index(merged.get(), repository, conflict.base, conflict.onto, conflict.ours,
                                  &options) < 0)
        return false;
    if (merged.content().data() == nullptr) return false;  // binary
    if (git_blob_create_from_buffer(&entry.id, repository, merged.content().data(), merged.content().size()) <
        0)
        return git_fail(GitError::Kind::storage, "merging a file");
    return true;
}

/// In the place of each conflict a file; returns the paths.
GitResult<std::vector<std::string>> settle(git_repository* repository, git_index* index) {
    struct Entry {
        std::string path;
        std::optional<git_index_entry> file;
    };
    std::vector<Entry> entries;
    {
        GitConflictsHandle conflicts;
        if (take(conflicts, git_index_conflict_iterator_new, index) < 0)
            return git_fail(GitError::Kind::storage, "reading conflicts");
        Conflict conflict;
        while (git_index_conflict_next(&conflict.base, &conflict.onto, &conflict.ours, conflicts.get()) ==
               0) {
            Entry entry{.path = conflict.path(), .file = {}};
            // What has no lines to mark is the change's own, so that nothing of it is lost unseen.
            if (const auto* taken = conflict.ours != nullptr ? conflict.ours : conflict.onto;
                taken != nullptr) {
                entry.file = git_index_entry{};
                entry.file->mode = taken->mode;
                entry.file->id = taken->id;
            }
            if (conflict.has_lines()) {
                const auto marked = mark(repository, conflict, *entry.file);
                if (!marked) return std::unexpected(marked.error());
            }
            entries.push_back(std::move(entry));
        }
    }
    git_index_conflict_cleanup(index);
    std::vector<std::string> paths;
    for (auto& entry : entries) {
        if (entry.file) {
            entry.file->path = entry.path.c_str();
            if (git_index_add(index, &*entry.file) < 0)
                return git_fail(GitError::Kind::storage, "merging a file");
        }
        paths.push_back(std::move(entry.path));
    }
    std::ranges::sort(paths);
    const auto repeated = std::ranges::unique(paths);
    paths.erase(repeated.begin(), repeated.end());
    return paths;
}

}  // namespace

GitResult<Mirror::Rebased> bring_onto(git_repository* repository, const std::string& base,
                                      const std::string& ours, const std::string& onto, std::size_t most,
                                      std::size_t cap) {
    const auto before = find_tree(repository, base);
    const auto change = find_tree(repository, ours);
    const auto now = find_tree(repository, onto);
    for (const auto* tree : {&before, &change, &now})
        if (!*tree) return std::unexpected(tree->error());
    git_merge_options options = GIT_MERGE_OPTIONS_INIT;
    options.flags = 0;  // no renames: their search grows with the square of the files
    GitIndexHandle index;
    if (take(index, git_merge_trees, repository, before->get(), now->get(), change->get(), &options) < 0)
        return git_fail(GitError::Kind::invalid, "merging");
    auto conflicts = settle(repository, index.get());
    if (!conflicts) return std::unexpected(conflicts.error());
    git_oid merged;
    if (git_index_write_tree_to(&merged, index.get(), repository) < 0)
        return git_fail(GitError::Kind::invalid, "merging");
    GitTreeHandle tree;
    if (take(tree, git_tree_lookup, repository, &merged) < 0)
        return git_fail(GitError::Kind::storage, "merging");
    auto edits = list_edits(repository, now->get(), tree.get(), most, cap);
    if (!edits) return std::unexpected(edits.error());
    return Mirror::Rebased{.edits = std::move(*edits), .conflicts = std::move(*conflicts)};
}

}  // namespace integrations
