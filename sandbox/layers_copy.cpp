#include <fcntl.h>
#include <fmt/format.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <ranges>
#include <vector>

#include "sandbox/layers_tree.hpp"

// Copying and settling whole trees. Both keep a list of folders to visit instead of recursing, and open each
// folder by its path beneath the top, so that the number of open files does not follow the depth of the tree.

namespace sandbox::tree {

namespace {

constexpr int read_folder = O_RDONLY | O_DIRECTORY;

/// One piece by hand, where the kernel does not copy between these two files.
ssize_t copy_piece(int from, off_t& in, int to, off_t& out, std::size_t most) {
    std::array<char, 65536> piece;
    const ssize_t got = ::pread(from, piece.data(), std::min(piece.size(), most), in);
    if (got <= 0) return got;
    const ssize_t put = ::pwrite(to, piece.data(), static_cast<std::size_t>(got), out);
    if (put > 0) {
        in += put;
        out += put;
    }
    return put;
}

std::expected<void, int> copy_extent(int from, int to, off_t start, off_t end) {
    off_t in = start;
    off_t out = start;
    while (in < end) {
        const auto most = static_cast<std::size_t>(end - in);
        ssize_t moved = ::copy_file_range(from, &in, to, &out, most, 0);
        if (moved < 0 &&
            (errno == EXDEV || errno == EINVAL || errno == EOPNOTSUPP || errno == ENOSYS || errno == EPERM))
            moved = copy_piece(from, in, to, out, most);
        if (moved < 0 && errno == EINTR) continue;
        if (moved < 0) return std::unexpected(errno);
        if (moved == 0) break;  // it became shorter beside us
    }
    return {};
}

}  // namespace

std::expected<void, int> copy_bytes(int from, int to) {
    if (::ioctl(to, FICLONE, from) == 0) return {};
    struct stat about{};
    if (::fstat(from, &about) != 0) return std::unexpected(errno);
    for (off_t at = 0; at < about.st_size;) {
        const off_t start = ::lseek(from, at, SEEK_DATA);
        if (start < 0 && errno == ENXIO) break;
        const off_t end = start < 0 ? -1 : ::lseek(from, start, SEEK_HOLE);
        if (end < 0) return std::unexpected(errno);
        if (auto done = copy_extent(from, to, start, end); !done) return done;
        at = end;
    }
    if (::ftruncate(to, about.st_size) != 0) return std::unexpected(errno);
    return {};
}

namespace {

Error too_many_folders() {
    return {Error::Kind::refused,
            "a tree has too many folders: their paths are longer than 32 MiB altogether"};
}

class Copying {
 public:
    Copying(int from, int to, Marks marks) : from_(from), to_(to), marks_(marks) {}

    std::expected<void, Error> all() {
        folders_.push_back({"", {}});
        for (std::size_t at = 0; at < folders_.size(); ++at)
            if (auto done = folder(at); !done) return done;
        return finish_folders();
    }

 private:
    struct Folder {
        std::string path;
        struct stat about;
    };

    std::expected<void, Error> folder(std::size_t at) {
        const std::string path = folders_[at].path;
        const Fd source = open_beneath(from_, path, read_folder);
        const Fd target = source ? open_beneath(to_, path, read_folder) : Fd{};
        if (!target || ::fstat(source.get(), &folders_[at].about) != 0) return wrong(path);
        if (marks_ == Marks::overlay && is_opaque(source.get()) &&
            ::fsetxattr(target.get(), "trusted.overlay.opaque", "y", 1, 0) != 0)
            return wrong(path);
        const auto names = names_in(source.get());
        if (!names) return std::unexpected(failed("cannot read", path, names.error()));
        for (const auto& name : *names) {
            struct stat about{};
            if (::fstatat(source.get(), name.c_str(), &about, AT_SYMLINK_NOFOLLOW) != 0)
                return wrong(path + name);
            if (auto done = entry(source.get(), target.get(), path, name, about); !done) return done;
        }
        return {};
    }

    std::expected<void, Error> entry(int source, int target, const std::string& path, const std::string& name,
                                     const struct stat& about) {
        const std::string inner = path + name;
        if (S_ISDIR(about.st_mode)) {
            if (inner.size() + 2 >= PATH_MAX)
                return std::unexpected(Error{Error::Kind::refused,
                                             "a folder lies too deep to be copied: its path is "
                                             "longer than 4,095 bytes"});
            if (!fresh(target, name, [&] { return ::mkdirat(target, name.c_str(), 0700); }, true))
                return wrong(inner);
            return queue(inner + "/");
        }
        if (S_ISREG(about.st_mode)) return file(source, target, inner, name, about);
        if (S_ISLNK(about.st_mode)) {
            std::array<char, PATH_MAX> text;
            const ssize_t size = ::readlinkat(source, name.c_str(), text.data(), text.size());
            if (size <= 0) return wrong(inner);
            const std::string points_at(text.data(), static_cast<std::size_t>(size));
            if (!fresh(
                    target, name, [&] { return ::symlinkat(points_at.c_str(), target, name.c_str()); },
                    false))
                return wrong(inner);
        } else if (marks_ == Marks::overlay && is_whiteout(about)) {
            if (!fresh(target, name, [&] { return ::mknodat(target, name.c_str(), S_IFCHR, 0); }, false))
                return wrong(inner);
            return {};
        } else {
            return {};
        }
        const timespec times[2] = {about.st_atim, about.st_mtim};
        ::utimensat(target, name.c_str(), times, AT_SYMLINK_NOFOLLOW);
        return give_name(target, name) ? std::expected<void, Error>{} : wrong(inner);
    }

    std::expected<void, Error> queue(std::string path) {
        folder_bytes_ += path.size();
        if (folder_bytes_ > most_folder_bytes) return std::unexpected(too_many_folders());
        folders_.push_back({std::move(path), {}});
        return {};
    }

    std::expected<void, Error> file(int source, int target, const std::string& inner, const std::string& name,
                                    const struct stat& about) {
        const Fd in = open_beneath(source, name, O_RDONLY | O_NONBLOCK);
        struct stat opened{};
        if (!in || ::fstat(in.get(), &opened) != 0) return wrong(inner);
        if (!S_ISREG(opened.st_mode)) return {};
        Fd out;
        const auto create = [&] {
            out = open_beneath(target, name, O_WRONLY | O_CREAT | O_EXCL, 0600);
            return out ? 0 : -1;
        };
        if (!fresh(target, name, create, false)) return wrong(inner);
        if (auto done = copy_bytes(in.get(), out.get()); !done)
            return std::unexpected(failed("cannot copy", inner, done.error()));
        const timespec times[2] = {about.st_atim, about.st_mtim};
        if (!give(out.get()) || ::fchmod(out.get(), about.st_mode & 0777) != 0 ||
            ::futimens(out.get(), times) != 0)
            return wrong(inner);
        return {};
    }

    /// Makes a name; what a lower layer put there goes first, unless both are folders.
    template <class Make>
    bool fresh(int target, const std::string& name, Make make, bool folder) {
        if (make() == 0) return true;
        if (errno != EEXIST) return false;
        struct stat there{};
        if (::fstatat(target, name.c_str(), &there, AT_SYMLINK_NOFOLLOW) != 0) return false;
        if (folder && S_ISDIR(there.st_mode)) return true;
        return remove(target, name) && make() == 0;
    }

    /// Modes and times of folders last: filling a folder changes its time, and may need a right it does not
    /// give.
    std::expected<void, Error> finish_folders() {
        for (const auto& folder : folders_ | std::views::reverse) {
            const Fd target = open_beneath(to_, folder.path, read_folder);
            const timespec times[2] = {folder.about.st_atim, folder.about.st_mtim};
            if (!target || !give(target.get()) || ::fchmod(target.get(), folder.about.st_mode & 0777) != 0 ||
                ::futimens(target.get(), times) != 0)
                return wrong(folder.path);
        }
        return {};
    }

    static std::expected<void, Error> wrong(const std::string& path) {
        return std::unexpected(failed("cannot copy", path.empty() ? "the root folder" : path));
    }

    int from_;
    int to_;
    Marks marks_;
    std::vector<Folder> folders_;
    std::size_t folder_bytes_ = 0;
};

}  // namespace

std::expected<void, Error> copy_into(int from, int to, Marks marks) { return Copying{from, to, marks}.all(); }

std::expected<std::uint64_t, Error> settle(int top) {
    std::vector<std::string> folders{""};
    std::uint64_t bytes = 0;
    std::size_t folder_bytes = 0;
    for (std::size_t at = 0; at < folders.size(); ++at) {
        const std::string path = folders[at];
        const Fd folder = open_beneath(top, path, read_folder);
        if (!folder) return std::unexpected(failed("cannot open", path));
        if (at == 0 && (!give(folder.get()) || ::fchmod(folder.get(), 0755) != 0))
            return std::unexpected(failed("cannot change", "the root folder"));
        const auto names = names_in(folder.get());
        if (!names) return std::unexpected(failed("cannot read", path, names.error()));
        for (const auto& name : *names) {
            struct stat about{};
            if (::fstatat(folder.get(), name.c_str(), &about, AT_SYMLINK_NOFOLLOW) != 0 ||
                (about.st_uid != sandbox_uid() && !give_name(folder.get(), name)))
                return std::unexpected(failed("cannot change", path + name));
            // An empty file takes an inode, and a small one may lie in it.
            bytes += std::max<std::uint64_t>(static_cast<std::uint64_t>(about.st_blocks) * 512, 4096);
            const bool set_id = (about.st_mode & (S_ISUID | S_ISGID)) != 0;
            if (set_id && !S_ISLNK(about.st_mode))
                ::fchmodat(folder.get(), name.c_str(), about.st_mode & 0777, 0);
            if (!S_ISDIR(about.st_mode)) continue;
            folders.push_back(path + name + "/");
            folder_bytes += folders.back().size();
            if (folder_bytes > most_folder_bytes) return std::unexpected(too_many_folders());
        }
    }
    return bytes;
}

}  // namespace sandbox::tree
