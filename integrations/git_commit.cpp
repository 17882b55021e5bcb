// A commit from a parent and a handful of edits. Only the folders on the way to an edit are rebuilt, so the
// cost follows the change. Nothing is believed afterwards: the new tree is compared with the parent's, and
// every difference must be an edit and every edit must be there (git's own plumbing drops paths it does not
// like with status 0).
#include <algorithm>
#include <chrono>
#include <map>
#include <optional>
#include <ranges>
#include <string_view>
#include <utility>

#include "config/characters.hpp"
#include "integrations/git_objects.hpp"

namespace integrations {

namespace {

using Kind = GitError::Kind;

/// One name on the way to the edits.
struct Branching {
    std::map<std::string, Branching> below;
    const TreeEdit* edit = nullptr;
    git_oid blob = {};
};

git_filemode_t mode_of(TreeEdit::Kind kind) {
    switch (kind) {
        case TreeEdit::Kind::file:
            return GIT_FILEMODE_BLOB;
        case TreeEdit::Kind::executable:
            return GIT_FILEMODE_BLOB_EXECUTABLE;
        case TreeEdit::Kind::link:
            return GIT_FILEMODE_LINK;
        case TreeEdit::Kind::removed:
            break;
    }
    return GIT_FILEMODE_UNREADABLE;
}

std::unexpected<GitError> invalid(const std::string& path, std::string_view why) {
    return std::unexpected(git_error(Kind::invalid, config::excerpt(path) + ": " + std::string(why)));
}

bool writes(const Branching& node) {
    return node.edit != nullptr && node.edit->kind != TreeEdit::Kind::removed;
}

bool writes_anywhere(const Branching& node) {
    return writes(node) ||
           std::ranges::any_of(node.below, [](const auto& child) { return writes_anywhere(child.second); });
}

GitResult<void> plant(git_repository* repository, Branching& root, const TreeEdit& edit) {
    if (edit.path.size() > 4000) return invalid(edit.path, "too long");
    auto* node = &root;
    std::string_view rest = edit.path;
    for (bool more = true; more;) {
        const auto slash = rest.find('/');
        const auto name = rest.substr(0, slash);
        if (const auto why = unfit_name(name); !why.empty()) return invalid(edit.path, why);
        if (writes(*node)) return invalid(edit.path, "lies below a file");
        node = &node->below[std::string(name)];
        more = slash != std::string_view::npos;
        if (more) rest.remove_prefix(slash + 1);
    }
    if (node->edit != nullptr) return invalid(edit.path, "is named twice");
    node->edit = &edit;
    if (writes(*node) && !node->below.empty()) return invalid(edit.path, "is a file and a folder");
    if (!writes(*node)) return {};
    if (edit.kind == TreeEdit::Kind::link &&
        (edit.content.empty() || edit.content.find('\0') != std::string::npos))
        return invalid(edit.path, "a link to nowhere");
    // git itself refuses to follow these, and forges refuse the push (fsck: gitmodulesSymlink).
    if (edit.kind == TreeEdit::Kind::link && edit.path == ".gitmodules")
        return invalid(edit.path, "must not be a link");
    if (git_blob_create_from_buffer(&node->blob, repository, edit.content.data(), edit.content.size()) < 0)
        return git_fail(Kind::storage, "storing " + config::excerpt(edit.path));
    return {};
}

/// Rebuilds one folder; nullopt when nothing is left in it. `before`: the folder as the parent has it, may be
/// null.
GitResult<std::optional<git_oid>> build(git_repository* repository, const git_tree* before,
                                        const Branching& node, const std::string& prefix) {
    GitTreeBuilderHandle folder;
    if (take(folder, git_treebuilder_new, repository, before) < 0)
        return git_fail(Kind::storage, "building a folder");
    for (const auto& [name, child] : node.below) {
        const auto path = prefix + name;
        const auto* entry = git_treebuilder_get(folder.get(), name.c_str());
        const auto mode = entry == nullptr ? GIT_FILEMODE_UNREADABLE : git_tree_entry_filemode(entry);
        int code = 0;
        if (writes(child)) {
            if (mode == GIT_FILEMODE_COMMIT) return invalid(path, "is a submodule");
            code = git_treebuilder_insert(nullptr, folder.get(), name.c_str(), &child.blob,
                                          mode_of(child.edit->kind));
        } else if (child.below.empty()) {
            const bool there = entry != nullptr && mode != GIT_FILEMODE_COMMIT;
            code = there ? git_treebuilder_remove(folder.get(), name.c_str()) : 0;
        } else if (child.edit != nullptr || mode == GIT_FILEMODE_TREE || writes_anywhere(child)) {
            if (mode == GIT_FILEMODE_COMMIT) return invalid(path, "is a submodule");
            GitTreeHandle inner;
            const bool keeps = mode == GIT_FILEMODE_TREE && child.edit == nullptr;
            if (keeps && take(inner, git_tree_lookup, repository, git_tree_entry_id(entry)) < 0)
                return git_fail(Kind::storage, "reading " + config::excerpt(path));
            const auto made = build(repository, inner.get(), child, path + '/');
            if (!made) return made;
            if (*made)
                code =
                    git_treebuilder_insert(nullptr, folder.get(), name.c_str(), &**made, GIT_FILEMODE_TREE);
            else if (entry != nullptr)
                code = git_treebuilder_remove(folder.get(), name.c_str());
        }
        if (code < 0) return git_fail(Kind::invalid, config::excerpt(path));
    }
    if (git_treebuilder_entrycount(folder.get()) == 0 && !prefix.empty()) return std::nullopt;
    git_oid id;
    if (git_treebuilder_write(&id, folder.get()) < 0) return git_fail(Kind::storage, "storing a folder");
    return id;
}

/// The names along a path, as far as edits know them: calls `visit` for each, and tells whether the whole
/// path is known.
template <typename Visit>
bool follow(const Branching& root, std::string_view path, const Visit& visit) {
    const auto* node = &root;
    for (bool more = true; more;) {
        const auto slash = path.find('/');
        const auto child = node->below.find(std::string(path.substr(0, slash)));
        if (child == node->below.end()) return false;
        node = &child->second;
        visit(*node);
        more = slash != std::string_view::npos;
        if (more) path.remove_prefix(slash + 1);
    }
    return true;
}

/// A disappearance is ours when an edit takes the path or a folder above it away, or puts a folder where it
/// was.
bool may_vanish(const Branching& root, std::string_view path) {
    bool taken = false;
    const bool known =
        follow(root, path, [&](const Branching& node) { taken = taken || node.edit != nullptr; });
    return known || taken;
}

const Branching* find(const Branching& root, std::string_view path) {
    const Branching* last = nullptr;
    return follow(root, path, [&](const Branching& node) { last = &node; }) ? last : nullptr;
}

bool is_ours(const Branching& root, const git_diff_delta& delta) {
    if (delta.status == GIT_DELTA_DELETED) return may_vanish(root, delta.old_file.path);
    const auto* node = find(root, delta.new_file.path);
    return node != nullptr && writes(*node) && git_oid_equal(&node->blob, &delta.new_file.id) != 0 &&
           mode_of(node->edit->kind) == delta.new_file.mode;
}

bool is_done(git_tree* tree, const Branching& root, const TreeEdit& edit) {
    GitTreeEntryHandle entry;
    const int code = take(entry, git_tree_entry_bypath, tree, edit.path.c_str());
    const auto& node = *find(root, edit.path);
    const auto mode = code == 0 ? git_tree_entry_filemode(entry.get()) : GIT_FILEMODE_UNREADABLE;
    if (edit.kind != TreeEdit::Kind::removed)
        return mode == mode_of(edit.kind) && git_oid_equal(git_tree_entry_id(entry.get()), &node.blob) != 0;
    return code == GIT_ENOTFOUND || mode == GIT_FILEMODE_COMMIT ||
           (mode == GIT_FILEMODE_TREE && writes_anywhere(node));
}

GitResult<void> verify(git_repository* repository, git_tree* before, git_tree* after, const Branching& root,
                       const std::vector<TreeEdit>& edits) {
    git_diff_options options = GIT_DIFF_OPTIONS_INIT;
    options.flags =
        GIT_DIFF_INCLUDE_TYPECHANGE | GIT_DIFF_SKIP_BINARY_CHECK | GIT_DIFF_DISABLE_PATHSPEC_MATCH;
    GitDiffHandle diff;
    if (take(diff, git_diff_tree_to_tree, repository, before, after, &options) < 0)
        return git_fail(Kind::storage, "checking the commit");
    for (std::size_t at = 0; at < git_diff_num_deltas(diff.get()); ++at) {
        const auto* delta = git_diff_get_delta(diff.get(), at);
        if (!is_ours(root, *delta))
            return invalid(delta->new_file.path, "changed although nobody asked for it");
    }
    for (const auto& edit : edits)
        if (!is_done(after, root, edit)) return invalid(edit.path, "did not arrive in the commit");
    return {};
}

/// Nothing may drop the commit before it is pushed, whoever tidies the object store.
GitResult<void> anchor(git_repository* repository, const git_oid& commit) {
    const auto name = "refs/shopfloor/commits/" + hex(commit);
    GitReferenceHandle reference;
    if (take(reference, git_reference_create, repository, name.c_str(), &commit, 1,
             static_cast<const char*>(nullptr)) == 0)
        return {};
    auto failure = git_failure(Kind::storage, "holding the commit");
    // Two threads may make the same commit at once.
    if (git_oid there; git_reference_name_to_id(&there, repository, name.c_str()) == 0) return {};
    return std::unexpected(std::move(failure));
}

}  // namespace

GitResult<std::string> build_commit(git_repository* repository, const std::string& parent,
                                    const std::vector<TreeEdit>& edits, const CommitText& text) {
    const auto base = find_commit(repository, parent);
    const auto before = find_tree(repository, parent);
    if (!base) return std::unexpected(base.error());
    if (!before) return std::unexpected(before.error());
    const auto is_control = [](unsigned char c) { return c < ' '; };
    if (text.message.find('\0') != std::string::npos ||
        std::ranges::any_of(text.author_name + text.author_email, is_control))
        return std::unexpected(git_error(Kind::invalid, "a control character in the commit's text"));

    Branching root;
    for (const auto& edit : edits)
        if (auto planted = plant(repository, root, edit); !planted) return std::unexpected(planted.error());
    const auto made = build(repository, before->get(), root, {});
    if (!made) return std::unexpected(made.error());
    GitTreeHandle after;
    if (take(after, git_tree_lookup, repository, &**made) < 0)
        return git_fail(Kind::storage, "reading the new tree");
    if (auto sound = verify(repository, before->get(), after.get(), root, edits); !sound)
        return std::unexpected(sound.error());
    if (git_oid_equal(git_tree_id(after.get()), git_tree_id(before->get())) != 0) return parent;

    GitSignatureHandle author;
    const auto seconds =
        std::chrono::duration_cast<std::chrono::seconds>(text.when.time_since_epoch()).count();
    if (take(author, git_signature_new, text.author_name.c_str(), text.author_email.c_str(),
             git_time_t{seconds}, 0) < 0)
        return git_fail(Kind::invalid, "the author");
    git_oid id;
    const git_commit* parents[] = {base->get()};
    if (git_commit_create(&id, repository, nullptr, author.get(), author.get(), nullptr, text.message.c_str(),
                          after.get(), 1, parents) < 0)
        return git_fail(Kind::storage, "storing the commit");
    if (auto kept = anchor(repository, id); !kept) return std::unexpected(kept.error());
    return hex(id);
}

}  // namespace integrations
