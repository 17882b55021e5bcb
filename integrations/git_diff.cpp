#include <algorithm>
#include <cstdint>
#include <optional>
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

/// What stands there now; nothing for a submodule.
GitResult<std::optional<TreeEdit>> edit_of(git_repository* repository, const git_diff_delta& delta) {
    const auto is_file = [](std::uint16_t mode) {
        return mode == GIT_FILEMODE_BLOB || mode == GIT_FILEMODE_BLOB_EXECUTABLE || mode == GIT_FILEMODE_LINK;
    };
    if (!is_file(delta.new_file.mode)) {
        if (!is_file(delta.old_file.mode)) return std::nullopt;
        return TreeEdit{.path = delta.old_file.path, .kind = TreeEdit::Kind::removed, .content = {}};
    }
    GitBlobHandle blob;
    if (take(blob, git_blob_lookup, repository, &delta.new_file.id) < 0)
        return git_fail(GitError::Kind::storage, "reading a changed file");
    const auto kind = delta.new_file.mode == GIT_FILEMODE_LINK              ? TreeEdit::Kind::link
                      : delta.new_file.mode == GIT_FILEMODE_BLOB_EXECUTABLE ? TreeEdit::Kind::executable
                                                                            : TreeEdit::Kind::file;
    return TreeEdit{.path = delta.new_file.path,
                    .kind = kind,
                    .content = {static_cast<const char*>(git_blob_rawcontent(blob.get())),
                                static_cast<std::size_t>(git_blob_rawsize(blob.get()))}};
}

}  // namespace

GitResult<std::vector<TreeEdit>> list_edits(git_repository* repository, const std::string& from,
                                            const std::string& to, std::size_t most, std::size_t cap) {
    const auto before = find_tree(repository, from);
    const auto after = find_tree(repository, to);
    if (!before) return std::unexpected(before.error());
    if (!after) return std::unexpected(after.error());
    return list_edits(repository, before->get(), after->get(), most, cap);
}

GitResult<std::vector<TreeEdit>> list_edits(git_repository* repository, git_tree* before, git_tree* after,
                                            std::size_t most, std::size_t cap) {
    git_diff_options options = GIT_DIFF_OPTIONS_INIT;
    options.flags =
        GIT_DIFF_INCLUDE_TYPECHANGE | GIT_DIFF_SKIP_BINARY_CHECK | GIT_DIFF_DISABLE_PATHSPEC_MATCH;
    GitDiffHandle diff;
    if (take(diff, git_diff_tree_to_tree, repository, before, after, &options) < 0)
        return git_fail(GitError::Kind::storage, "comparing commits");
    const auto count = git_diff_num_deltas(diff.get());
    if (count > most)
        return std::unexpected(git_error(GitError::Kind::invalid, "the commits differ in too many files"));
    std::vector<TreeEdit> edits;
    std::size_t bytes = 0;
    for (std::size_t at = 0; at < count; ++at) {
        const auto* delta = git_diff_get_delta(diff.get(), at);
        bytes += static_cast<std::size_t>(delta->new_file.size);
        auto edit = edit_of(repository, *delta);
        if (!edit) return std::unexpected(edit.error());
        if (!*edit) continue;
        bytes += (*edit)->content.size();
        if (bytes > cap)
            return std::unexpected(
                git_error(GitError::Kind::invalid, "the commits differ by too many bytes"));
        edits.push_back(std::move(**edit));
    }
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
