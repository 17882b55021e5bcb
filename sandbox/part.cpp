#include "sandbox/part.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/mount.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <stdexcept>
#include <utility>

#include "sandbox/seccomp_part.hpp"

namespace sandbox {

namespace {

void must(bool done, std::string_view what) {
    if (!done) throw std::runtime_error(fmt::format("{}: {}", what, std::strerror(errno)));
}

/// What an operator may set for the daemon and a part needs as well. Secrets come by environment too, so it
/// is never passed on as a whole.
constexpr std::array passed_on{"TZ",           "LANG",         "SSL_CERT_FILE", "SSL_CERT_DIR",
                               "ASAN_OPTIONS", "TSAN_OPTIONS", "UBSAN_OPTIONS"};

using Capabilities = std::array<__user_cap_data_struct, 2>;

bool has(const Capabilities& sets, unsigned one) {
    return (sets.at(one / 32).permitted & (1U << (one % 32))) != 0;
}

/// Of these, what we have; a daemon in a container may have fewer.
void keep_capabilities(const Capabilities& present, std::initializer_list<unsigned> wanted) {
    Capabilities kept{};
    for (const auto one : wanted) {
        if (!has(present, one)) continue;
        kept.at(one / 32).effective |= 1U << (one % 32);
        kept.at(one / 32).permitted |= 1U << (one % 32);
    }
    __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
    must(::syscall(SYS_capset, &header, kept.data()) == 0, "capabilities cannot be given up");
}

Capabilities present_capabilities() {
    Capabilities sets{};
    __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
    must(::syscall(SYS_capget, &header, sets.data()) == 0, "capabilities cannot be read");
    return sets;
}

void take_part_user(const Walls& walls) {
    const auto id = walls.user.value();
    const auto present = present_capabilities();
    must(::prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) == 0, "capabilities cannot be kept");
    must(::setgroups(0, nullptr) == 0 && ::setresgid(id, id, id) == 0 && ::setresuid(id, id, id) == 0,
         fmt::format("the user id {} cannot be taken on", id));
    if (!walls.reads_any_file) return keep_capabilities(present, {});
    // The second for files, where the first is not had; the third for the overlay's marks on folders.
    if (has(present, CAP_DAC_READ_SEARCH))
        return keep_capabilities(present, {CAP_DAC_READ_SEARCH, CAP_SYS_ADMIN});
    keep_capabilities(present, {CAP_DAC_OVERRIDE, CAP_SYS_ADMIN});
}

}  // namespace

void wall_in(const Walls& walls) {
    ::tzset();  // while there is a file to read it from
    const auto parent = ::getppid();
    must(::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0, "new privileges cannot be refused");
    if (::geteuid() == 0) {
        if (walls.root) {
            must(::fchdir(*walls.root) == 0 && ::chroot(".") == 0, "an empty folder cannot be made the root");
        }
        if (walls.user) take_part_user(walls);
    }
    // A change of user clears this one and sets the next.
    must(::prctl(PR_SET_PDEATHSIG, SIGKILL) == 0, "the end of the keeper cannot be shared");
    if (::getppid() != parent) ::_exit(0);
    const rlimit none{0, 0};
    must(::setrlimit(RLIMIT_CORE, &none) == 0, "cores cannot be switched off");
    // Without root this would close /proc/self to the programs that a part starts.
    if (::geteuid() == 0 || !walls.any_call)
        must(::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0, "debuggers cannot be kept out");
    if (!walls.any_call) filter_own_calls(walls.rights);
}

bool leave_network() { return ::unshare(CLONE_NEWNET) == 0; }

ProcessPlan part_plan(const std::filesystem::path& program, std::string_view name, std::vector<int> files) {
    ProcessPlan plan{.argv = {"shopfloor", "part", std::string(name)},
                     .program = program.string(),
                     .input = -1,
                     .output = STDERR_FILENO,
                     .files = std::move(files)};
    for (const auto* variable : passed_on)
        if (const char* value = std::getenv(variable); value != nullptr)
            plan.environment.push_back(fmt::format("{}={}", variable, value));
    return plan;
}

Descriptor channel_to_keeper() {
    ucred who{};
    socklen_t size = sizeof who;
    if (::getsockopt(part_channel, SOL_SOCKET, SO_PEERCRED, &who, &size) != 0 || who.pid != ::getppid())
        throw std::runtime_error("`shopfloor part` is started by `shopfloor serve`, not by hand");
    ::fcntl(part_channel, F_SETFD, FD_CLOEXEC);
    return Descriptor(part_channel);
}

Descriptor view_of(const std::filesystem::path& folder) {
    Descriptor view(static_cast<int>(::syscall(SYS_open_tree, AT_FDCWD, folder.c_str(),
                                               OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_SYMLINK_NOFOLLOW)));
    if (!view) return Descriptor(::open(folder.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    mount_attr read_only{};
    read_only.attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;
    if (::syscall(SYS_mount_setattr, view.get(), "", AT_EMPTY_PATH, &read_only, sizeof read_only) != 0)
        return {};
    return view;
}

}  // namespace sandbox
