// A checkout without git's working-tree machinery: the folder is fresh and ours alone, every path in it is
// made by us with O_EXCL, so no link of a hostile tree is ever followed, no filter or attribute is looked at,
// and one pass writes the bytes, the owner and the index entry. All files carry the commit's time: a layer is
// the same whenever it is made, an edit always looks newer, and `git status` trusts the index without reading
// a file again.
//
// The small `.git` is shallow: one commit, its trees and blobs in one pack.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <fstream>
#include <string>
#include <string_view>
#include <utility>

#include "config/characters.hpp"
#include "integrations/git_objects.hpp"

namespace integrations {

namespace {

namespace fs = std::filesystem;
using Kind = GitError::Kind;

constexpr const char* work_branch = "work";

class Descriptor {
 public:
    explicit Descriptor(int fd) : fd_(fd) {}
    ~Descriptor() {
        if (fd_ >= 0) close(fd_);
    }
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    [[nodiscard]] int get() const { return fd_; }

 private:
    int fd_;
};

/// EEXIST says that the tree names a path twice (or once as a link and once as a folder); the rest is our
/// disk.
std::unexpected<GitError> write_error(const std::string& path) {
    const int error = errno;
    const bool hostile = error == EEXIST || error == ENAMETOOLONG || error == ENOTDIR || error == EINVAL;
    return std::unexpected(git_error(hostile ? Kind::invalid : Kind::storage,
                                     "writing " + config::excerpt(path) + ": " + std::strerror(error)));
}

class Writer {
 public:
    Writer(git_odb* odb, git_index* index, int root, unsigned uid, std::int64_t commit_time,
           std::uint64_t most_bytes)
        : odb_(odb),
          index_(index),
          root_(root),
          uid_(uid),
          give_away_(uid != geteuid()),
          bytes_left_(most_bytes) {
        // A time still to come, or the present second, would make git doubt its index.
        const auto latest = std::time(nullptr) - 60;
        times_[0] = times_[1] = {.tv_sec = std::clamp<std::int64_t>(commit_time, 0, latest), .tv_nsec = 0};
    }

    GitResult<void> write(const TreeItem& item) {
        if (item.mode == GIT_FILEMODE_TREE) return folder(item.path);
        if (item.mode == GIT_FILEMODE_COMMIT) {  // a submodule is an empty folder to git as well
            if (auto made = folder(item.path); !made) return made;
            return enter(item, {});
        }
        std::size_t size = 0;
        git_object_t type = GIT_OBJECT_INVALID;
        if (git_odb_read_header(&size, &type, odb_, &item.id) < 0 || type != GIT_OBJECT_BLOB)
            return git_fail(Kind::invalid, "reading " + config::excerpt(item.path));
        if (size > bytes_left_)
            return std::unexpected(git_error(Kind::storage, "the files of the commit are too large"));
        bytes_left_ -= size;
        GitOdbObjectHandle object;
        if (take(object, git_odb_read, odb_, &item.id) < 0)
            return git_fail(Kind::storage, "reading " + config::excerpt(item.path));
        const std::string_view content(static_cast<const char*>(git_odb_object_data(object.get())), size);
        return item.mode == GIT_FILEMODE_LINK ? link(item, content) : file(item, content);
    }

 private:
    GitResult<void> folder(const std::string& path) {
        if (mkdirat(root_, path.c_str(), 0755) < 0 || fchmodat(root_, path.c_str(), 0755, 0) < 0 ||
            (give_away_ && fchownat(root_, path.c_str(), uid_, uid_, AT_SYMLINK_NOFOLLOW) < 0))
            return write_error(path);
        return {};
    }

    GitResult<void> link(const TreeItem& item, std::string_view content) {
        const std::string target(content);
        if (target.empty() || target.find('\0') != std::string::npos)
            return std::unexpected(
                git_error(Kind::invalid, config::excerpt(item.path) + ": a link to nowhere"));
        struct stat now{};
        if (symlinkat(target.c_str(), root_, item.path.c_str()) < 0 ||
            (give_away_ && fchownat(root_, item.path.c_str(), uid_, uid_, AT_SYMLINK_NOFOLLOW) < 0) ||
            utimensat(root_, item.path.c_str(), times_, AT_SYMLINK_NOFOLLOW) < 0 ||
            fstatat(root_, item.path.c_str(), &now, AT_SYMLINK_NOFOLLOW) < 0)
            return write_error(item.path);
        return enter(item, now);
    }

    GitResult<void> file(const TreeItem& item, std::string_view content) {
        const mode_t mode = item.mode == GIT_FILEMODE_BLOB_EXECUTABLE ? 0755 : 0644;
        const Descriptor out(
            openat(root_, item.path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode));
        if (out.get() < 0) return write_error(item.path);
        while (!content.empty()) {
            const auto count = ::write(out.get(), content.data(), content.size());
            if (count < 0 && errno == EINTR) continue;
            if (count < 0) return write_error(item.path);
            content.remove_prefix(static_cast<std::size_t>(count));
        }
        struct stat now{};
        if (fchmod(out.get(), mode) < 0 || (give_away_ && fchown(out.get(), uid_, uid_) < 0) ||
            futimens(out.get(), times_) < 0 || fstat(out.get(), &now) < 0)
            return write_error(item.path);
        return enter(item, now);
    }

    GitResult<void> enter(const TreeItem& item, const struct stat& now) {
        git_index_entry entry = {};
        entry.ctime.seconds = static_cast<std::int32_t>(now.st_ctim.tv_sec);
        entry.mtime.seconds = static_cast<std::int32_t>(now.st_mtim.tv_sec);
        entry.dev = static_cast<std::uint32_t>(now.st_dev);
        entry.ino = static_cast<std::uint32_t>(now.st_ino);
        entry.uid = uid_;
        entry.gid = uid_;
        entry.mode = item.mode;
        entry.file_size = static_cast<std::uint32_t>(now.st_size);
        entry.id = item.id;
        entry.path = item.path.c_str();
        if (git_index_add(index_, &entry) < 0) return git_fail(Kind::invalid, config::excerpt(item.path));
        return {};
    }

    git_odb* odb_;
    git_index* index_;
    int root_;
    unsigned uid_;
    bool give_away_;
    std::uint64_t bytes_left_;
    timespec times_[2] = {};
};

GitResult<GitRepositoryHandle> make_dot_git(const fs::path& directory) {
    git_repository_init_options options = GIT_REPOSITORY_INIT_OPTIONS_INIT;
    options.flags = GIT_REPOSITORY_INIT_NO_REINIT;
    options.initial_head = work_branch;
    GitRepositoryHandle repository;
    if (take(repository, git_repository_init_ext, directory.c_str(), &options) < 0)
        return git_fail(Kind::storage, "making .git");
    return repository;
}

/// What the agent's git reads. Layers give files new inode numbers and change times; git is told to look at
/// size and modification time only.
GitResult<void> settle_config(const fs::path& dot_git) {
    std::ofstream settings(dot_git / "config", std::ios::app);
    settings << "[core]\n\tcheckStat = minimal\n\ttrustctime = false\n[gc]\n\tauto = 0\n";
    settings.close();
    if (!settings) return std::unexpected(git_error(Kind::storage, "writing .git/config"));
    return {};
}

/// Gathers what the pack builder prints: the indexer maps and unmaps the file at every append, however small.
struct PackStream {
    GitIndexerHandle indexer;
    git_indexer_progress progress = {};
    std::string waiting;

    int append(std::string_view bytes, std::size_t keep) {
        waiting += bytes;
        if (waiting.size() <= keep) return 0;
        const int code = git_indexer_append(indexer.get(), waiting.data(), waiting.size(), &progress);
        waiting.clear();
        return code;
    }
};

int append_to_pack(void* bytes, std::size_t size, void* payload) {
    constexpr std::size_t at_once = 4 << 20;
    return static_cast<PackStream*>(payload)->append({static_cast<const char*>(bytes), size}, at_once);
}

/// libgit2 looks for deltas unless objects pass its big-file threshold, which 1.5 reads from
/// pack.deltaCacheSize (src/libgit2/pack-objects.c, packbuilder_config). Nobody fetches this pack: deltas are
/// not worth the seconds.
GitResult<void> write_pack(git_repository* own, git_odb* objects, const fs::path& dot_git,
                           const git_commit* commit) {
    GitConfigHandle settings;
    GitPackBuilderHandle pack;
    PackStream stream;
    if (take(settings, git_repository_config, own) < 0 ||
        git_config_set_int64(settings.get(), "pack.deltaCacheSize", 1) < 0 ||
        take(pack, git_packbuilder_new, own) < 0 ||
        git_config_delete_entry(settings.get(), "pack.deltaCacheSize") < 0 ||
        git_packbuilder_insert(pack.get(), git_commit_id(commit), nullptr) < 0 ||
        git_packbuilder_insert_tree(pack.get(), git_commit_tree_id(commit)) < 0 ||
        take(stream.indexer, git_indexer_new, (dot_git / "objects/pack").c_str(), 0U, objects,
             static_cast<git_indexer_options*>(nullptr)) < 0 ||
        git_packbuilder_foreach(pack.get(), append_to_pack, &stream) < 0 || stream.append({}, 0) < 0 ||
        git_indexer_commit(stream.indexer.get(), &stream.progress) < 0)
        return git_fail(Kind::storage, "writing the pack of .git");
    return {};
}

GitResult<void> write_heads(git_repository* own, const fs::path& dot_git, const git_oid& commit) {
    std::ofstream shallow(dot_git / "shallow");
    shallow << hex(commit) << '\n';
    shallow.close();
    GitReferenceHandle head;
    const auto name = std::string("refs/heads/") + work_branch;
    if (!shallow || take(head, git_reference_create, own, name.c_str(), &commit, 0,
                         static_cast<const char*>(nullptr)) < 0)
        return git_fail(Kind::storage, "writing .git");
    std::error_code ignored;
    fs::remove_all(dot_git / "logs", ignored);  // would say who made it and when
    return {};
}

GitResult<void> give_away(const fs::path& directory, unsigned uid) {
    if (uid == geteuid()) return {};
    std::error_code error;
    for (auto at = fs::recursive_directory_iterator(directory / ".git", error); !error && at != fs::end(at);
         at.increment(error))
        if (lchown(at->path().c_str(), uid, uid) < 0) return write_error(at->path());
    if (error) return std::unexpected(git_error(Kind::storage, "walking .git: " + error.message()));
    if (lchown((directory / ".git").c_str(), uid, uid) < 0 || lchown(directory.c_str(), uid, uid) < 0)
        return write_error(".git");
    return {};
}

}  // namespace

GitResult<void> write_checkout(git_repository* repository, const std::string& commit,
                               const fs::path& directory, unsigned uid, const MirrorLimits& limits) {
    const auto found = find_commit(repository, commit);
    const auto tree = find_tree(repository, commit);
    if (!found) return std::unexpected(found.error());
    if (!tree) return std::unexpected(tree.error());
    std::error_code error;
    if (!fs::is_empty(directory, error) || error)
        return std::unexpected(git_error(Kind::storage, "the folder of a checkout must be there and empty"));
    const Descriptor root(open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (root.get() < 0) return write_error(directory);

    auto own = make_dot_git(directory);
    if (!own) return std::unexpected(own.error());
    const auto dot_git = directory / ".git";
    GitOdbHandle from, to;
    GitIndexHandle index;  // one without a repository: its objects need not be there yet
    if (take(from, git_repository_odb, repository) < 0 || take(to, git_repository_odb, own->get()) < 0 ||
        git_odb_add_disk_alternate(to.get(),
                                   (fs::path(git_repository_path(repository)) / "objects").c_str()) < 0 ||
        take(index, git_index_open, (dot_git / "index").c_str()) < 0)
        return git_fail(Kind::storage, "making .git");

    Writer writer(from.get(), index.get(), root.get(), uid, git_commit_time(found->get()),
                  limits.checkout_bytes);
    auto done = walk_tree(repository, tree->get(), limits.tree_entries,
                          [&writer](const TreeItem& item) { return writer.write(item); });
    if (!done) return done;
    if (git_index_write(index.get()) < 0) return git_fail(Kind::storage, "writing .git/index");
    if (auto packed = write_pack(own->get(), to.get(), dot_git, found->get()); !packed) return packed;
    if (auto named = write_heads(own->get(), dot_git, *git_commit_id(found->get())); !named) return named;
    if (auto settled = settle_config(dot_git); !settled) return settled;
    return give_away(directory, uid);
}

}  // namespace integrations
