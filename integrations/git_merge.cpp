// What one commit changed, brought onto another. Three-way by path: only what changed since the base is
// looked at, so the cost follows the change, and nothing is read before its size is known. No index, no
// checkout, no attributes, and nothing is stored: the outcome is edits for `build_commit`, which checks them
// like any other. Renames are not followed: a file that only the other side renamed is one that the other
// side deleted.
#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string_view>
#include <utility>

#include "config/characters.hpp"
#include "integrations/git_objects.hpp"

namespace integrations {

namespace {

using Kind = GitError::Kind;

/// Larger files are not merged by lines: with lines made for it, 2 MiB take a quarter of a minute, and 8 MiB
/// minutes.
constexpr std::size_t largest_merged_text = 2 << 20;

/// What markers call the two sides.
constexpr const char* label_of_ours = "pull request";
constexpr const char* label_of_onto = "base branch";

struct Entry {
    git_filemode_t mode = GIT_FILEMODE_UNREADABLE;  ///< as it is, when nothing is there
    git_oid id = {};

    friend bool operator==(const Entry& a, const Entry& b) {
        return a.mode == b.mode && git_oid_equal(&a.id, &b.id) != 0;
    }
};

Entry bytes_of(const Entry& entry) { return holds_bytes(entry.mode) ? entry : Entry{}; }

bool is_there(const Entry& entry) { return entry.mode != GIT_FILEMODE_UNREADABLE; }

GitResult<Entry> entry_at(const git_tree* tree, const std::string& path) {
    GitTreeEntryHandle entry;
    const int code = take(entry, git_tree_entry_bypath, tree, path.c_str());
    if (code == GIT_ENOTFOUND) return Entry{};
    if (code < 0) return git_fail(Kind::storage, "reading " + config::excerpt(path));
    return Entry{.mode = git_tree_entry_filemode(entry.get()), .id = *git_tree_entry_id(entry.get())};
}

struct MergedLines {
    std::string content;
    bool clean = true;
};

/// nullopt: not text. `base` may be null.
GitResult<std::optional<MergedLines>> merge_lines(git_blob* base, git_blob* ours, git_blob* onto) {
    const auto input = [](git_blob* blob) {
        git_merge_file_input side = GIT_MERGE_FILE_INPUT_INIT;
        if (blob == nullptr) return side;
        side.ptr = static_cast<const char*>(git_blob_rawcontent(blob));
        side.size = static_cast<std::size_t>(git_blob_rawsize(blob));
        return side;
    };
    const auto from = input(base), mine = input(ours), theirs = input(onto);
    git_merge_file_options options = GIT_MERGE_FILE_OPTIONS_INIT;
    options.our_label = label_of_onto;
    options.their_label = label_of_ours;
    git_merge_file_result result = {};
    if (git_merge_file(&result, base == nullptr ? nullptr : &from, &theirs, &mine, &options) < 0)
        return git_fail(Kind::storage, "merging a file");
    const std::unique_ptr<git_merge_file_result, FreeWith<git_merge_file_result_free>> owner(&result);
    // So libgit2 says that one of them is binary: a NUL among the first 8,000 bytes.
    if (result.automergeable == 0 && result.ptr == nullptr) return std::nullopt;
    return MergedLines{.content = {result.ptr == nullptr ? "" : result.ptr, result.len},
                       .clean = result.automergeable != 0};
}

/// Of two sides that both changed: the one that is not as the base; nullopt when neither is.
std::optional<git_filemode_t> merged_mode(const Entry& base, const Entry& ours, const Entry& onto) {
    if (ours.mode == onto.mode || ours.mode == base.mode) return onto.mode;
    if (onto.mode == base.mode) return ours.mode;
    return std::nullopt;
}

std::optional<git_oid> merged_id(const Entry& base, const Entry& ours, const Entry& onto) {
    const auto same = [](const Entry& a, const Entry& b) { return git_oid_equal(&a.id, &b.id) != 0; };
    if (same(ours, onto) || (is_there(base) && same(ours, base))) return onto.id;
    if (is_there(base) && same(onto, base)) return ours.id;
    return std::nullopt;
}

class Rebase {
 public:
    struct Bounds {
        std::size_t most, cap;
    };

    struct Trees {
        const git_tree *base, *ours, *onto;
    };

    Rebase(git_repository* repository, git_odb* odb, const Trees& trees, const Bounds& bounds)
        : repository_(repository), odb_(odb), trees_(trees), bounds_(bounds) {}

    /// One path at which `ours` may differ from the base.
    GitResult<void> bring(const std::string& path) {
        // Not from the comparison: it has modes as they are written (100664 was common once).
        const auto before = entry_at(trees_.base, path), mine = entry_at(trees_.ours, path),
                   there = entry_at(trees_.onto, path);
        for (const auto* side : {&before, &mine, &there})
            if (!*side) return std::unexpected(side->error());
        const auto base = bytes_of(*before), ours = bytes_of(*mine), onto = bytes_of(*there);
        if (ours == base) return {};  // submodules
        if (ours == onto) return {};  // nothing on both sides as well
        if (!is_there(ours)) return onto == base ? remove(path) : conflict(path);
        const auto room = make_room(path, *there, *before);
        if (!room) return std::unexpected(room.error());
        if (!*room) return conflict(path);
        if (onto == base) return write(path, ours);
        if (is_there(onto)) return merge(path, base, ours, onto);
        if (auto written = write(path, ours); !written) return written;
        return conflict(path);
    }

    GitResult<Mirror::Rebased> finish() {
        for (const auto& path : displaced_files_) {
            if (edits_.contains(path)) continue;
            if (auto removed = remove(path); !removed) return std::unexpected(removed.error());
            conflicts_.insert(path);
        }
        for (const auto& folder : displaced_folders_) {
            const auto prefix = folder + '/';
            std::erase_if(edits_, [&](const auto& edit) { return edit.first.starts_with(prefix); });
            std::erase_if(conflicts_, [&](const auto& path) { return path.starts_with(prefix); });
        }
        if (auto held = check_bounds(); !held) return std::unexpected(held.error());
        Mirror::Rebased rebased;
        for (auto& [path, edit] : edits_) rebased.edits.push_back(std::move(edit));
        rebased.conflicts.assign(conflicts_.begin(), conflicts_.end());
        return rebased;
    }

 private:
    /// Whether a file can stand at `path`; `there` and `before` are what `onto` and the base have at it. A
    /// submodule on the way does not move. A file on the way, or a folder at the path, does: `ours` has none
    /// there.
    GitResult<bool> make_room(const std::string& path, const Entry& there, const Entry& before) {
        if (there.mode == GIT_FILEMODE_COMMIT) return false;
        if (there.mode == GIT_FILEMODE_TREE) {
            displaced_folders_.insert(path);
            if (before != there) conflicts_.insert(path);
            return true;
        }
        if (is_there(there)) return true;
        for (auto slash = path.find('/'); slash != std::string::npos; slash = path.find('/', slash + 1)) {
            const auto above = entry_at(trees_.onto, path.substr(0, slash));
            if (!above) return std::unexpected(above.error());
            if (above->mode == GIT_FILEMODE_TREE) continue;
            if (above->mode == GIT_FILEMODE_COMMIT) return false;
            if (is_there(*above)) displaced_files_.insert(path.substr(0, slash));
            return true;
        }
        return true;
    }

    /// Both sides have a file there, and no two of the three are the same.
    GitResult<void> merge(const std::string& path, const Entry& base, const Entry& ours, const Entry& onto) {
        const std::array sides{base, ours, onto};
        const bool links =
            std::ranges::any_of(sides, [](const Entry& side) { return side.mode == GIT_FILEMODE_LINK; });
        const auto mode = merged_mode(base, ours, onto);
        const auto id = merged_id(base, ours, onto);
        if (!links && !mode) conflicts_.insert(path);
        if (!links && id) return write(path, {.mode = mode.value_or(ours.mode), .id = *id}, onto);
        if (!links) {
            auto merged = merge_contents(base, ours, onto);
            if (!merged) return std::unexpected(merged.error());
            if (*merged && !(*merged)->clean) conflicts_.insert(path);
            if (*merged) return write(path, mode.value_or(ours.mode), std::move((*merged)->content), onto);
        }
        if (auto written = write(path, ours); !written) return written;
        return conflict(path);
    }

    GitResult<std::optional<MergedLines>> merge_contents(const Entry& base, const Entry& ours,
                                                         const Entry& onto) {
        std::array<GitBlobHandle, 3> blobs;
        for (std::size_t at = 0; const auto& side : {base, ours, onto}) {
            auto& blob = blobs[at++];
            if (!is_there(side)) continue;
            const auto size = size_of(side.id);
            if (!size) return std::unexpected(size.error());
            if (*size > largest_merged_text) return std::nullopt;
            if (take(blob, git_blob_lookup, repository_, &side.id) < 0)
                return git_fail(Kind::storage, "reading a changed file");
        }
        return merge_lines(blobs[0].get(), blobs[1].get(), blobs[2].get());
    }

    GitResult<std::size_t> size_of(const git_oid& id) {
        std::size_t size = 0;
        git_object_t type = GIT_OBJECT_INVALID;
        if (git_odb_read_header(&size, &type, odb_, &id) < 0 || type != GIT_OBJECT_BLOB)
            return git_fail(Kind::invalid, "reading a changed file");
        return size;
    }

    GitResult<void> conflict(const std::string& path) {
        conflicts_.insert(path);
        return check_bounds();
    }

    GitResult<void> remove(const std::string& path) {
        return add({.path = path, .kind = TreeEdit::Kind::removed, .content = {}});
    }

    /// `onto`: what stands there; the same again is no edit.
    GitResult<void> write(const std::string& path, const Entry& entry, const Entry& onto = {}) {
        if (entry == onto) return {};
        const auto size = size_of(entry.id);
        if (!size) return std::unexpected(size.error());
        if (*size > bounds_.cap) return too_many_bytes();
        auto edit = read_edit(repository_, path, entry.mode, entry.id);
        if (!edit) return std::unexpected(edit.error());
        return add(std::move(*edit));
    }

    GitResult<void> write(const std::string& path, git_filemode_t mode, std::string content,
                          const Entry& onto) {
        Entry entry{.mode = mode};
        if (git_odb_hash(&entry.id, content.data(), content.size(), GIT_OBJECT_BLOB) < 0)
            return git_fail(Kind::storage, "comparing a file");
        return entry == onto ? GitResult<void>{} : add(edit_of(path, mode, std::move(content)));
    }

    GitResult<void> add(TreeEdit edit) {
        bytes_ += edit.content.size();
        auto path = edit.path;
        edits_.insert_or_assign(std::move(path), std::move(edit));
        return check_bounds();
    }

    [[nodiscard]] GitResult<void> check_bounds() const {
        if (edits_.size() > bounds_.most || conflicts_.size() > bounds_.most)
            return std::unexpected(git_error(Kind::invalid, "the change is in too many files"));
        if (bytes_ > bounds_.cap) return too_many_bytes();
        return {};
    }

    static std::unexpected<GitError> too_many_bytes() {
        return std::unexpected(git_error(Kind::invalid, "the change has too many bytes"));
    }

    git_repository* repository_;
    git_odb* odb_;
    Trees trees_;
    Bounds bounds_;
    std::size_t bytes_ = 0;
    std::map<std::string, TreeEdit> edits_;
    std::set<std::string> conflicts_;
    std::set<std::string> displaced_files_;    ///< of `onto`: `ours` has a folder there
    std::set<std::string> displaced_folders_;  ///< of `onto`: `ours` has a file there
};

}  // namespace

GitResult<Mirror::Rebased> bring_onto(git_repository* repository, const RebaseCommits& commits,
                                      std::size_t most, std::size_t cap, std::uint64_t most_entries) {
    std::array<GitTreeHandle, 3> trees;
    for (std::size_t at = 0; const auto& commit : {commits.base, commits.ours, commits.onto}) {
        auto tree = find_tree(repository, commit);
        if (!tree) return std::unexpected(tree.error());
        const auto sound = walk_tree(repository, tree->get(), most_entries,
                                     [](const TreeItem&) -> GitResult<void> { return {}; });
        if (!sound) return std::unexpected(sound.error());
        trees[at++] = std::move(*tree);
    }
    const auto& [base, ours, onto] = trees;
    const auto diff = compare_trees(repository, base.get(), ours.get());
    if (!diff) return std::unexpected(diff.error());
    GitOdbHandle odb;
    if (take(odb, git_repository_odb, repository) < 0) return git_fail(Kind::storage, "opening the mirror");
    Rebase rebase(repository, odb.get(), {.base = base.get(), .ours = ours.get(), .onto = onto.get()},
                  {.most = most, .cap = cap});
    for (std::size_t at = 0; at < git_diff_num_deltas(diff->get()); ++at)
        if (auto done = rebase.bring(git_diff_get_delta(diff->get(), at)->new_file.path); !done)
            return std::unexpected(done.error());
    return rebase.finish();
}

}  // namespace integrations
