#include "sandbox/mount.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/loop.h>
#include <linux/stat.h>
#include <spawn.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <string>
#include <thread>

#include "sandbox/layers_tree.hpp"

// Why a loop image: it is the only quota on bytes and files that needs nothing of the host's file system, and
// removing it costs the same whatever a run wrote into it.
//
// The image has no journal, no barriers and no lazily filled inode table: nobody relies on it after a crash
// of the machine, and so the daemon never waits for the disk when a run ends. `assume_storage_prezeroed`
// holds because the image starts as one hole.

namespace sandbox::mount {

namespace {

namespace fs = std::filesystem;
using tree::failed;
using tree::Fd;

constexpr std::uint64_t inode_bytes = 256;
constexpr std::uint64_t block_bytes = 4096;

/// A tool of e2fsprogs, found where Debian and others put it: a service's PATH often lacks sbin.
fs::path e2fs_tool(std::string_view name) {
    for (const char* folder : {"/usr/sbin", "/sbin", "/usr/bin", "/usr/local/sbin"})
        if (fs::path path = fs::path(folder) / name; ::access(path.c_str(), X_OK) == 0) return path;
    return {};
}

struct Finished {
    int status = -1;     ///< exit status
    std::string output;  ///< the first 4 KB of both streams
};

std::expected<Finished, Error> run_tool(const fs::path& program, std::vector<std::string> arguments) {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) return std::unexpected(failed("cannot start", program));
    const Fd reading{ends[0]};
    Fd writing{ends[1]};
    std::vector<char*> argv;
    arguments.insert(arguments.begin(), program.string());
    for (auto& argument : arguments) argv.push_back(argument.data());
    argv.push_back(nullptr);
    std::string locale = "LC_ALL=C";
    std::array<char*, 2> environment{locale.data(), nullptr};
    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    ::posix_spawn_file_actions_adddup2(&actions, writing.get(), 1);
    ::posix_spawn_file_actions_adddup2(&actions, writing.get(), 2);
    pid_t child = 0;
    const int refused =
        ::posix_spawn(&child, program.c_str(), &actions, nullptr, argv.data(), environment.data());
    ::posix_spawn_file_actions_destroy(&actions);
    writing = Fd{};
    if (refused != 0) return std::unexpected(failed("cannot start", program, refused));
    Finished finished;
    std::array<char, 1024> piece;
    for (ssize_t got = 0; (got = ::read(reading.get(), piece.data(), piece.size())) > 0;)
        if (finished.output.size() < 4096)
            finished.output.append(piece.data(), static_cast<std::size_t>(got));
    int status = 0;
    while (::waitpid(child, &status, 0) < 0 && errno == EINTR) continue;
    finished.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128;
    while (!finished.output.empty() && finished.output.back() == '\n') finished.output.pop_back();
    return finished;
}

std::expected<void, Error> format_image(const fs::path& image, Size size) {
    const fs::path mke2fs = e2fs_tool("mke2fs");
    if (mke2fs.empty())
        return std::unexpected(Error{Error::Kind::unenforceable, "mke2fs is not there: install e2fsprogs"});
    const std::uint64_t tables = size.inodes * inode_bytes;
    const std::uint64_t blocks = (size.bytes + tables + (1U << 20U)) / block_bytes;
    const Fd file{::open(image.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600)};
    if (!file || ::ftruncate(file.get(), static_cast<off_t>(blocks * block_bytes)) != 0)
        return std::unexpected(failed("cannot make", image));
    const auto made = run_tool(
        mke2fs,
        {"-q", "-F", "-t", "ext4", "-b", std::to_string(block_bytes), "-I", std::to_string(inode_bytes), "-m",
         "0", "-N", std::to_string(size.inodes), "-O", "^has_journal,^resize_inode", "-E",
         "nodiscard,lazy_itable_init=1,assume_storage_prezeroed=1,root_owner=0:0", image.string()});
    if (!made) return std::unexpected(made.error());
    if (made->status == 0) return {};
    return std::unexpected(Error{Error::Kind::unenforceable,
                                 fmt::format("no file system of {} bytes and {} files can be made: {}",
                                             size.bytes, size.inodes, made->output)});
}

}  // namespace

std::expected<void, Error> make_image(const fs::path& templates, const fs::path& image, Size size) {
    static std::atomic<unsigned> serial{0};
    const fs::path pattern = templates / fmt::format("{}-{}.ext4", size.bytes, size.inodes);
    if (!fs::exists(pattern)) {
        // Two threads may both make it; the second rename replaces one empty image by another.
        const fs::path making =
            templates / fmt::format("{}.making-{}-{}", pattern.filename().string(), ::getpid(), serial++);
        auto made = format_image(making, size);
        if (made && ::rename(making.c_str(), pattern.c_str()) != 0)
            made = std::unexpected(failed("cannot make", pattern));
        if (!made) {
            ::unlink(making.c_str());
            return made;
        }
    }
    const Fd from{::open(pattern.c_str(), O_RDONLY | O_CLOEXEC)};
    const Fd to{::open(image.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600)};
    if (!from || !to) return std::unexpected(failed("cannot make", image));
    if (auto copied = tree::copy_bytes(from.get(), to.get()); !copied)
        return std::unexpected(failed("cannot make", image, copied.error()));
    return {};
}

namespace {

bool attach(int loop, int file) {
    loop_config config{};
    config.fd = static_cast<std::uint32_t>(file);
    config.info.lo_flags = LO_FLAGS_AUTOCLEAR;
    if (::ioctl(loop, LOOP_CONFIGURE, &config) == 0) return true;
    if (errno != EINVAL && errno != ENOTTY && errno != ENOSYS) return false;
    // Before Linux 5.8: two steps.
    if (::ioctl(loop, LOOP_SET_FD, file) != 0) return false;
    if (::ioctl(loop, LOOP_SET_STATUS64, &config.info) == 0) return true;
    const int number = errno;
    ::ioctl(loop, LOOP_CLR_FD, 0);
    errno = number;
    return false;
}

/// A free loop device with the file attached; it lets go of the file when its last user goes.
std::expected<std::pair<Fd, std::string>, Error> attach_loop(const fs::path& image) {
    const Fd file{::open(image.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW)};
    if (!file) return std::unexpected(failed("cannot open", image));
    const Fd control{::open("/dev/loop-control", O_RDWR | O_CLOEXEC)};
    if (!control) return std::unexpected(failed("cannot open", "/dev/loop-control"));
    for (int attempt = 0;; ++attempt) {
        const int number = ::ioctl(control.get(), LOOP_CTL_GET_FREE);
        if (number < 0) return std::unexpected(failed("no free loop device at", "/dev/loop-control"));
        std::string device = fmt::format("/dev/loop{}", number);
        Fd loop{::open(device.c_str(), O_RDWR | O_CLOEXEC)};
        if (loop && attach(loop.get(), file.get())) return std::pair{std::move(loop), std::move(device)};
        // EBUSY: somebody else took the number between the two calls. ENXIO, ENOENT: the device is only just
        // coming.
        if (attempt >= 200 || (errno != EBUSY && errno != ENXIO && errno != ENOENT))
            return std::unexpected(failed("cannot attach an image to", device));
        std::this_thread::sleep_for(std::chrono::milliseconds(std::min(attempt, 20)));
    }
}

}  // namespace

std::expected<void, Error> mount_image(const fs::path& image, const fs::path& target) {
    const auto loop = attach_loop(image);
    if (!loop) return std::unexpected(loop.error());
    if (::mount(loop->second.c_str(), target.c_str(), "ext4", MS_NOSUID | MS_NODEV | MS_NOATIME,
                "nobarrier,noinit_itable,errors=remount-ro") != 0)
        return std::unexpected(failed("cannot mount a disk image at", target));
    return {};
}

std::expected<void, Error> mount_overlay(const Overlay& overlay) {
    std::string options = "lowerdir=";
    for (auto layer = overlay.layers.rbegin(); layer != overlay.layers.rend(); ++layer) {
        if (layer != overlay.layers.rbegin()) options += ':';
        options += layer->string();
    }
    options += fmt::format(",upperdir={},workdir={},redirect_dir=nofollow,metacopy=off,index=off,xino=off",
                           overlay.upper.string(), overlay.work.string());
    // mount(2) reads one page of options.
    if (options.size() >= static_cast<std::size_t>(::sysconf(_SC_PAGESIZE)))
        return std::unexpected(
            Error{Error::Kind::refused,
                  fmt::format("{} layers are too many for one workspace here", overlay.layers.size())});
    if (::mount("shopfloor", overlay.target.c_str(), "overlay", MS_NOSUID | MS_NODEV | MS_NOATIME,
                options.c_str()) != 0)
        return std::unexpected(failed("cannot mount an overlay at", overlay.target));
    return {};
}

bool is_mounted(const fs::path& target) {
    struct statx about{};
    return ::statx(AT_FDCWD, target.c_str(), AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT, 0, &about) == 0 &&
           (about.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
}

void abandon(const fs::path& target) {
    constexpr unsigned loop_major = 7;  // Documentation/admin-guide/devices.txt
    const auto shut_down =
        _IOR('X', 125, __u32);  // EXT4_IOC_SHUTDOWN, in no header of glibc or linux-libc-dev
    const Fd folder = tree::open_folder(target);
    struct statx about{};
    // By the open folder itself: the host's file system must never be taken for an image.
    if (!folder || ::statx(folder.get(), "", AT_EMPTY_PATH, STATX_BASIC_STATS, &about) != 0) return;
    if ((about.stx_attributes & STATX_ATTR_MOUNT_ROOT) == 0 || about.stx_dev_major != loop_major) return;
    __u32 without_writing = 2;  // EXT4_GOING_FLAGS_NOLOGFLUSH
    ::ioctl(folder.get(), shut_down, &without_writing);
}

std::expected<void, Error> unmount(const fs::path& target) {
    struct stat about{};
    if (::geteuid() != 0 || (::lstat(target.c_str(), &about) != 0 && errno == ENOENT)) return {};
    for (int attempt = 0;;) {
        if (::umount2(target.c_str(), UMOUNT_NOFOLLOW) == 0) continue;  // there may be another below
        if (errno == EINVAL) return {};                                 // no mount point
        if (errno != EBUSY) return std::unexpected(failed("cannot unmount", target));
        // Somebody looks at it (a file indexer, a dying process). It soon goes, or it keeps only what it
        // holds.
        if (++attempt <= 5)
            std::this_thread::sleep_for(std::chrono::milliseconds(10));
        else if (::umount2(target.c_str(), UMOUNT_NOFOLLOW | MNT_DETACH) != 0)
            return std::unexpected(failed("cannot unmount", target));
    }
}

}  // namespace sandbox::mount
