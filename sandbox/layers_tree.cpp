#include "sandbox/layers_tree.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>
#include <random>
#include <system_error>

namespace sandbox::tree {

Error failed(std::string_view what, const std::filesystem::path& path, int number) {
    static constexpr std::array passing{ENOSPC, EDQUOT, EMFILE, ENFILE, ENOMEM, EIO};
    return {
        .kind = std::ranges::find(passing, number) != passing.end() ? Error::Kind::unavailable
                                                                    : Error::Kind::refused,
        .message = fmt::format("{} {}: {}", what, path.string(), std::generic_category().message(number))};
}

Error failed(std::string_view what, const std::filesystem::path& path) { return failed(what, path, errno); }

Fd open_folder(const std::filesystem::path& path) {
    return Fd{::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)};
}

Fd open_beneath(int folder, const std::string& relative, int flags, mode_t mode) {
    open_how how{};
    how.flags = static_cast<std::uint64_t>(flags | O_CLOEXEC | O_NOFOLLOW);
    how.mode = mode;
    how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV | RESOLVE_NO_MAGICLINKS;
    const char* path = relative.empty() ? "." : relative.c_str();
    long number = -1;
    do {  // EAGAIN: a rename beside us; the kernel could not vouch for "beneath" and asks to try again
        number = ::syscall(SYS_openat2, folder, path, &how, sizeof how);
    } while (number < 0 && (errno == EINTR || errno == EAGAIN));
    return Fd{static_cast<int>(number)};
}

bool have_openat2() {
    const Fd top = open_folder("/");
    return top && open_beneath(top.get(), ".", O_RDONLY | O_DIRECTORY);
}

std::expected<std::vector<std::string>, int> names_in(int folder) {
    auto own = open_beneath(folder, "", O_RDONLY | O_DIRECTORY);
    if (!own) return std::unexpected(errno);
    const std::unique_ptr<DIR, int (*)(DIR*)> stream(::fdopendir(own.get()), ::closedir);
    if (!stream) return std::unexpected(errno);
    std::ignore = own.release();
    std::vector<std::string> names;
    errno = 0;
    while (const dirent* entry = ::readdir(stream.get())) {
        const std::string_view name = entry->d_name;
        if (name != "." && name != "..") names.emplace_back(name);
        errno = 0;
    }
    if (errno != 0) return std::unexpected(errno);
    std::ranges::sort(names);
    return names;
}

bool is_whiteout(const struct stat& about) {
    return S_ISCHR(about.st_mode) && about.st_rdev == makedev(0, 0);
}

bool is_opaque(int folder) {
    std::array<char, 4> value{};
    const ssize_t size = ::fgetxattr(folder, "trusted.overlay.opaque", value.data(), value.size());
    return size == 1 && value[0] == 'y';
}

namespace {

/// Removes what is below one folder. A tree may be deeper than we can hold open folders for: from a certain
/// depth on its folders are hung directly below the top, and the top is gone through again.
class Removal {
 public:
    explicit Removal(int top) : top_(top), salt_(std::random_device{}()) {}

    std::expected<void, Error> empty() {
        do {
            flattened_ = false;
            if (auto done = empty(top_, 0); !done) return done;
        } while (flattened_);
        return {};
    }

 private:
    static constexpr int depth_held_open = 64;

    std::expected<void, Error> empty(int folder, int depth) {
        const auto names = names_in(folder);
        if (!names) return std::unexpected(failed("cannot read", "a folder to be removed", names.error()));
        for (const auto& name : *names)
            if (auto done = one(folder, name, depth); !done) return done;
        return {};
    }

    std::expected<void, Error> one(int parent, const std::string& name, int depth) {
        if (::unlinkat(parent, name.c_str(), 0) == 0 || errno == ENOENT) return {};
        if (errno != EISDIR) return std::unexpected(failed("cannot remove", name));
        if (::unlinkat(parent, name.c_str(), AT_REMOVEDIR) == 0) return {};
        // Root needs no permission; anyone else owns what is here and may lack only the bits.
        if (::geteuid() != 0) ::fchmodat(parent, name.c_str(), 0700, 0);
        if (depth >= depth_held_open) {
            const std::string higher = fmt::format(".removing-{:x}-{}", salt_, serial_++);
            if (::renameat(parent, name.c_str(), top_, higher.c_str()) == 0) {
                flattened_ = true;
                return {};
            }  // an overlay does not move folders of its lower layers (EXDEV); those are not deeper than
               // PATH_MAX
        }
        {
            const Fd folder = open_beneath(parent, name, O_RDONLY | O_DIRECTORY);
            if (!folder) return std::unexpected(failed("cannot remove", name));
            if (auto done = empty(folder.get(), depth + 1); !done) return done;
        }
        if (::unlinkat(parent, name.c_str(), AT_REMOVEDIR) == 0 || errno == ENOENT) return {};
        return std::unexpected(failed("cannot remove", name));
    }

    int top_;
    unsigned salt_;
    int serial_ = 0;
    bool flattened_ = false;
};

}  // namespace

std::expected<void, Error> remove(int parent, const std::string& name) {
    if (::unlinkat(parent, name.c_str(), 0) == 0 || errno == ENOENT) return {};
    if (errno != EISDIR) return std::unexpected(failed("cannot remove", name));
    if (::geteuid() != 0) ::fchmodat(parent, name.c_str(), 0700, 0);
    {
        const Fd top = open_beneath(parent, name, O_RDONLY | O_DIRECTORY);
        if (!top) return std::unexpected(failed("cannot remove", name));
        if (auto done = Removal{top.get()}.empty(); !done) return done;
    }
    if (::unlinkat(parent, name.c_str(), AT_REMOVEDIR) == 0 || errno == ENOENT) return {};
    return std::unexpected(failed("cannot remove", name));
}

bool give(int file) { return ::geteuid() != 0 || ::fchown(file, sandbox_uid(), sandbox_uid()) == 0; }

bool give_name(int parent, const std::string& name) {
    return ::geteuid() != 0 ||
           ::fchownat(parent, name.c_str(), sandbox_uid(), sandbox_uid(), AT_SYMLINK_NOFOLLOW) == 0;
}

std::expected<Fd, Error> make_folders(int root, const std::string& relative) {
    Fd folder = open_beneath(root, ".", O_RDONLY | O_DIRECTORY);
    if (!folder) return std::unexpected(failed("cannot open", relative));
    for (std::size_t at = 0; at < relative.size();) {
        const auto end = std::min(relative.find('/', at), relative.size());
        const std::string name = relative.substr(at, end - at);
        at = end + 1;
        Fd next = open_beneath(folder.get(), name, O_RDONLY | O_DIRECTORY);
        if (!next) {
            if (errno != ENOENT)
                if (auto gone = remove(folder.get(), name); !gone) return std::unexpected(gone.error());
            if (::mkdirat(folder.get(), name.c_str(), 0755) != 0)
                return std::unexpected(failed("cannot make", relative));
            next = open_beneath(folder.get(), name, O_RDONLY | O_DIRECTORY);
            if (!next || ::fchmod(next.get(), 0755) != 0 || !give(next.get()))
                return std::unexpected(failed("cannot make", relative));
        }
        folder = std::move(next);
    }
    return folder;
}

}  // namespace sandbox::tree
