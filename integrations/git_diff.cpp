#include <sys/stat.h>

#include <algorithm>
#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string_view>
#include <utility>

#include "integrations/git_objects.hpp"

namespace integrations {

namespace {

/// Larger files are told as binary: nobody reads them, and a diff holds both sides in memory.
constexpr git_off_t largest_text = 8 << 20;

struct Page {
    std::string text;
    std::size_t cap;
    bool full = false;
};

int print_line(const git_diff_delta*, const git_diff_hunk*, const git_diff_line* line, void* payload) {
    auto& page = *static_cast<Page*>(payload);
    const bool marked = line->origin == GIT_DIFF_LINE_CONTEXT || line->origin == GIT_DIFF_LINE_ADDITION ||
                        line->origin == GIT_DIFF_LINE_DELETION;
    if (page.text.size() + line->content_len + (marked ? 1 : 0) > page.cap) {
        page.full = true;
        return GIT_EUSER;
    }
    if (marked) page.text += line->origin;
    page.text.append(line->content, line->content_len);
    return 0;
}

/// A comparison has modes as trees do, and git wrote others once (100664).
git_filemode_t mode_of_side(const git_diff_file& side) {
    if (!S_ISREG(side.mode)) return static_cast<git_filemode_t>(side.mode);
    return (side.mode & S_IXUSR) != 0 ? GIT_FILEMODE_BLOB_EXECUTABLE : GIT_FILEMODE_BLOB;
}

/// A file in the place of a folder takes all away that was below.
void leave_out_what_goes_anyway(std::vector<TreeEdit>& edits) {
    std::set<std::string, std::less<>> written;
    for (const auto& edit : edits)
        if (edit.kind != TreeEdit::Kind::removed) written.insert(edit.path);
    std::erase_if(edits, [&](const TreeEdit& edit) {
        const std::string_view path = edit.path;
        for (auto slash = path.find('/'); slash != path.npos; slash = path.find('/', slash + 1))
            if (written.contains(path.substr(0, slash))) return true;
        return false;
    });
}

/// What stands there now; nothing for a submodule.
GitResult<std::optional<TreeEdit>> edit_from(git_repository* repository, const git_diff_delta& delta) {
    const auto mode = mode_of_side(delta.new_file);
    if (holds_bytes(mode)) {
        auto edit = read_edit(repository, delta.new_file.path, mode, delta.new_file.id);
        if (!edit) return std::unexpected(edit.error());
        return std::move(*edit);
    }
    if (!holds_bytes(mode_of_side(delta.old_file))) return std::nullopt;
    return TreeEdit{.path = delta.old_file.path, .kind = TreeEdit::Kind::removed, .content = {}};
}

}  // namespace

bool holds_bytes(git_filemode_t mode) {
    return mode == GIT_FILEMODE_BLOB || mode == GIT_FILEMODE_BLOB_EXECUTABLE || mode == GIT_FILEMODE_LINK;
}

TreeEdit edit_of(const std::string& path, git_filemode_t mode, std::string content) {
    const auto kind = mode == GIT_FILEMODE_LINK              ? TreeEdit::Kind::link
                      : mode == GIT_FILEMODE_BLOB_EXECUTABLE ? TreeEdit::Kind::executable
                                                             : TreeEdit::Kind::file;
    return {.path = path, .kind = kind, .content = std::move(content)};
}

GitResult<TreeEdit> read_edit(git_repository* repository, const std::string& path, git_filemode_t mode,
                              const git_oid& id) {
    GitBlobHandle blob;
    if (take(blob, git_blob_lookup, repository, &id) < 0)
        return git_fail(GitError::Kind::storage, "reading a changed file");
    return edit_of(path, mode,
                   {static_cast<const char*>(git_blob_rawcontent(blob.get())),
                    static_cast<std::size_t>(git_blob_rawsize(blob.get()))});
}

GitResult<GitDiffHandle> compare_trees(git_repository* repository, git_tree* before, git_tree* after) {
    git_diff_options options = GIT_DIFF_OPTIONS_INIT;
    options.flags =
        GIT_DIFF_INCLUDE_TYPECHANGE | GIT_DIFF_SKIP_BINARY_CHECK | GIT_DIFF_DISABLE_PATHSPEC_MATCH;
    GitDiffHandle diff;
    if (take(diff, git_diff_tree_to_tree, repository, before, after, &options) < 0)
        return git_fail(GitError::Kind::storage, "comparing commits");
    return diff;
}

GitResult<std::vector<TreeEdit>> list_edits(git_repository* repository, const std::string& from,
                                            const std::string& to, std::size_t most, std::size_t cap) {
    const auto before = find_tree(repository, from);
    const auto after = find_tree(repository, to);
    if (!before) return std::unexpected(before.error());
    if (!after) return std::unexpected(after.error());
    const auto diff = compare_trees(repository, before->get(), after->get());
    if (!diff) return std::unexpected(diff.error());
    const auto count = git_diff_num_deltas(diff->get());
    if (count > most)
        return std::unexpected(git_error(GitError::Kind::invalid, "the commits differ in too many files"));
    std::vector<TreeEdit> edits;
    std::size_t bytes = 0;
    for (std::size_t at = 0; at < count; ++at) {
        const auto* delta = git_diff_get_delta(diff->get(), at);
        bytes += static_cast<std::size_t>(delta->new_file.size);
        auto edit = edit_from(repository, *delta);
        if (!edit) return std::unexpected(edit.error());
        if (!*edit) continue;
        bytes += (*edit)->content.size();
        if (bytes > cap)
            return std::unexpected(
                git_error(GitError::Kind::invalid, "the commits differ by too many bytes"));
        edits.push_back(std::move(**edit));
    }
    leave_out_what_goes_anyway(edits);
    return edits;
}

GitResult<std::string> print_diff(git_repository* repository, const std::string& from, const std::string& to,
                                  std::size_t cap) {
    const auto before = find_tree(repository, from);
    const auto after = find_tree(repository, to);
    if (!before) return std::unexpected(before.error());
    if (!after) return std::unexpected(after.error());
    git_diff_options options = GIT_DIFF_OPTIONS_INIT;
    options.max_size = largest_text;
    GitDiffHandle diff;
    if (take(diff, git_diff_tree_to_tree, repository, before->get(), after->get(), &options) < 0)
        return git_fail(GitError::Kind::storage, "comparing commits");
    Page page{.text = {}, .cap = cap};
    if (git_diff_print(diff.get(), GIT_DIFF_FORMAT_PATCH, print_line, &page) < 0 && !page.full)
        return git_fail(GitError::Kind::storage, "comparing commits");
    return std::move(page.text);
}

}  // namespace integrations
