#include <algorithm>
#include <cstdint>

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

}  // namespace

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
