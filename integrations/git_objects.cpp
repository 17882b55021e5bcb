#include "integrations/git_objects.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <mutex>
#include <utility>

#include "config/characters.hpp"
#include "integrations/git_stream.hpp"

namespace integrations {

namespace {

/// A path of 4,096 bytes is the longest that Linux takes; it bounds the depth as well.
constexpr std::size_t longest_tree_path = 4000;

/// GitHub refuses files of more than 100 MiB.
/// https://docs.github.com/en/repositories/working-with-files/managing-large-files/about-large-files-on-github
constexpr std::size_t largest_file = std::size_t{128} << 20;

/// Code points that HFS+ leaves out when it compares names (git's utf8.c, next_hfs_char).
std::string without_hfs_ignored(std::string_view name) {
    std::string kept;
    for (std::size_t at = 0; at < name.size();) {
        const auto three = name.substr(at, 3);
        const bool ignored = (three >= "\u200c" && three <= "\u200f") ||
                             (three >= "\u202a" && three <= "\u202e") ||
                             (three >= "\u206a" && three <= "\u206f") || three == "\ufeff";
        if (ignored && three.size() == 3) {
            at += 3;
        } else {
            kept += name[at++];
        }
    }
    return kept;
}

bool names_dot_git(std::string_view name) {
    auto folded = without_hfs_ignored(name);
    std::ranges::transform(folded, folded.begin(),
                           [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    // NTFS: what follows a ':' is a stream, and dots and spaces at the end are dropped; Windows takes '\' as
    // '/'.
    folded.resize(std::min(folded.size(), folded.find_first_of(":\\")));
    folded.resize(folded.find_last_not_of(" .") + 1);
    return folded == ".git" || folded == "git~1";
}

struct Walk {
    git_repository* repository;
    std::uint64_t entries_left;
    const std::function<GitResult<void>(const TreeItem&)>& visit;

    GitResult<void> folder(const git_tree* tree, const std::string& prefix) {
        const auto count = git_tree_entrycount(tree);
        for (std::size_t at = 0; at < count; ++at) {
            const auto* entry = git_tree_entry_byindex(tree, at);
            const std::string_view name = git_tree_entry_name(entry);
            const TreeItem item{.path = prefix + std::string(name),
                                .mode = git_tree_entry_filemode(entry),
                                .id = *git_tree_entry_id(entry)};
            if (const auto why = unfit_name(name); !why.empty())
                return std::unexpected(
                    git_error(GitError::Kind::invalid, config::excerpt(item.path) + ": " + std::string(why)));
            if (item.path.size() > longest_tree_path)
                return std::unexpected(
                    git_error(GitError::Kind::invalid, config::excerpt(item.path) + ": too deep"));
            if (entries_left-- == 0)
                return std::unexpected(git_error(GitError::Kind::storage, "too many files"));
            if (auto done = visit(item); !done) return done;
            if (item.mode != GIT_FILEMODE_TREE) continue;
            GitTreeHandle inner;
            if (take(inner, git_tree_lookup, repository, &item.id) < 0)
                return git_fail(GitError::Kind::invalid, "reading folder " + config::excerpt(item.path));
            if (auto done = folder(inner.get(), item.path + '/'); !done) return done;
        }
        return {};
    }
};

}  // namespace

void start_libgit2() {
    static std::once_flag started;
    std::call_once(started, [] {
        git_libgit2_init();
        for (const auto level : {GIT_CONFIG_LEVEL_PROGRAMDATA, GIT_CONFIG_LEVEL_SYSTEM, GIT_CONFIG_LEVEL_XDG,
                                 GIT_CONFIG_LEVEL_GLOBAL})
            git_libgit2_opts(GIT_OPT_SET_SEARCH_PATH, static_cast<int>(level), "");
        git_libgit2_opts(GIT_OPT_ENABLE_STRICT_OBJECT_CREATION, 1);
        git_libgit2_opts(GIT_OPT_ENABLE_STRICT_SYMBOLIC_REF_CREATION, 1);
        git_libgit2_opts(GIT_OPT_ENABLE_STRICT_HASH_VERIFICATION, 1);
        git_libgit2_opts(GIT_OPT_SET_OWNER_VALIDATION, 1);
        // A loose object torn by a power cut would be taken for written for ever after.
        git_libgit2_opts(GIT_OPT_ENABLE_FSYNC_GITDIR, 1);
        git_libgit2_opts(GIT_OPT_SET_PACK_MAX_OBJECTS, std::size_t{20'000'000});
        // Small packs unpack to large objects; forges refuse files far below this.
        git_libgit2_opts(GIT_OPT_SET_PACK_MAX_OBJECT_SIZE, largest_file);
        git_libgit2_opts(GIT_OPT_SET_USER_AGENT, "shopfloor");
        register_git_stream();
    });
}

GitError git_error(GitError::Kind kind, std::string message) {
    return {.kind = kind, .message = std::move(message)};
}

GitError git_failure(GitError::Kind kind, const std::string& doing) {
    const auto* last = git_error_last();
    return git_error(kind,
                     last == nullptr || last->message == nullptr ? doing : doing + ": " + last->message);
}

std::unexpected<GitError> git_fail(GitError::Kind kind, const std::string& doing) {
    return std::unexpected(git_failure(kind, doing));
}

std::string hex(const git_oid& id) {
    std::array<char, GIT_OID_HEXSZ + 1> digits{};
    git_oid_tostr(digits.data(), digits.size(), &id);
    return digits.data();
}

GitResult<GitRepositoryHandle> open_repository(const std::filesystem::path& directory) {
    GitRepositoryHandle repository;
    if (take(repository, git_repository_open_bare, directory.c_str()) < 0)
        return git_fail(GitError::Kind::storage, "opening the mirror");
    return repository;
}

GitResult<GitCommitHandle> find_commit(git_repository* repository, const std::string& id) {
    git_oid oid;
    if (id.size() != GIT_OID_HEXSZ || git_oid_fromstr(&oid, id.c_str()) < 0)
        return std::unexpected(
            git_error(GitError::Kind::no_such_ref, "not a commit id: " + config::excerpt(id)));
    GitCommitHandle commit;
    const int code = take(commit, git_commit_lookup, repository, &oid);
    if (code == GIT_ENOTFOUND)
        return std::unexpected(git_error(GitError::Kind::no_such_ref, "no commit " + id));
    if (code < 0) return git_fail(GitError::Kind::storage, "reading commit " + id);
    return commit;
}

GitResult<bool> is_in_history(git_repository* repository, const std::string& commit,
                              const std::string& head) {
    if (commit == head) return true;
    const auto newest = find_commit(repository, head);
    if (!newest) return std::unexpected(newest.error());
    const auto found = find_commit(repository, commit);
    if (!found && found.error().kind == GitError::Kind::no_such_ref) return false;  // all history is here
    if (!found) return std::unexpected(found.error());
    const int below =
        git_graph_descendant_of(repository, git_commit_id(newest->get()), git_commit_id(found->get()));
    if (below < 0) return git_fail(GitError::Kind::storage, "reading the history of " + head);
    return below == 1;
}

GitResult<GitTreeHandle> find_tree(git_repository* repository, const std::string& commit) {
    const auto found = find_commit(repository, commit);
    if (!found) return std::unexpected(found.error());
    GitTreeHandle tree;
    if (take(tree, git_commit_tree, found->get()) < 0)
        return git_fail(GitError::Kind::storage, "reading the files of " + commit);
    return tree;
}

GitResult<std::string> read_file(git_repository* repository, const std::string& commit,
                                 const std::string& path, std::size_t cap) {
    const auto tree = find_tree(repository, commit);
    if (!tree) return std::unexpected(tree.error());
    GitTreeEntryHandle entry;
    const bool sound = !path.empty() && path.find('\0') == std::string::npos;
    const int code = sound ? take(entry, git_tree_entry_bypath, tree->get(), path.c_str()) : GIT_ENOTFOUND;
    if (code < 0 && code != GIT_ENOTFOUND)
        return git_fail(GitError::Kind::storage, "reading " + config::excerpt(path));
    const auto mode = entry ? git_tree_entry_filemode(entry.get()) : GIT_FILEMODE_UNREADABLE;
    if (!entry)
        return std::unexpected(git_error(GitError::Kind::no_such_ref, "no file " + config::excerpt(path)));
    if (mode != GIT_FILEMODE_BLOB && mode != GIT_FILEMODE_BLOB_EXECUTABLE)
        return std::unexpected(
            git_error(GitError::Kind::invalid, config::excerpt(path) + " is not a plain file"));
    GitOdbHandle odb;
    std::size_t size = 0;
    git_object_t type = GIT_OBJECT_INVALID;
    if (take(odb, git_repository_odb, repository) < 0 ||
        git_odb_read_header(&size, &type, odb.get(), git_tree_entry_id(entry.get())) < 0)
        return git_fail(GitError::Kind::storage, "reading " + config::excerpt(path));
    if (size > std::min(cap, largest_file))
        return std::unexpected(git_error(GitError::Kind::invalid, config::excerpt(path) + " is too large"));
    GitOdbObjectHandle object;
    if (take(object, git_odb_read, odb.get(), git_tree_entry_id(entry.get())) < 0)
        return git_fail(GitError::Kind::storage, "reading " + config::excerpt(path));
    return std::string(static_cast<const char*>(git_odb_object_data(object.get())),
                       git_odb_object_size(object.get()));
}

std::string_view unfit_name(std::string_view name) {
    if (name.empty()) return "an empty name";
    if (name == "." || name == "..") return "a name that leaves its folder";
    if (name.find('/') != std::string_view::npos || name.find('\0') != std::string_view::npos)
        return "a name that is more than one";
    if (names_dot_git(name)) return "a name that is .git in disguise";
    return {};
}

GitResult<void> walk_tree(git_repository* repository, const git_tree* tree, std::uint64_t most_entries,
                          const std::function<GitResult<void>(const TreeItem&)>& visit) {
    return Walk{.repository = repository, .entries_left = most_entries, .visit = visit}.folder(tree, {});
}

}  // namespace integrations
