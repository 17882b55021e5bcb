#include "sandbox/seccomp_part.hpp"

#include <fmt/format.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <span>
#include <stdexcept>

namespace sandbox {

namespace {

/// Memory, threads, clocks, and what is open already.
constexpr std::array always{"accept",
                            "accept4",
                            "arch_prctl",
                            "brk",
                            "capget",
                            "clock_getres",
                            "clock_gettime",
                            "clock_nanosleep",
                            "close",
                            "close_range",
                            "dup",
                            "dup2",
                            "dup3",
                            "epoll_create1",
                            "epoll_ctl",
                            "epoll_pwait",
                            "epoll_pwait2",
                            "epoll_wait",
                            "eventfd2",
                            "exit",
                            "exit_group",
                            "fcntl",
                            "fstat",
                            "futex",
                            "get_robust_list",
                            "getcpu",
                            "getegid",
                            "geteuid",
                            "getgid",
                            "getpeername",
                            "getpid",
                            "getppid",
                            "getpriority",
                            "getrandom",
                            "getresgid",
                            "getresuid",
                            "getrlimit",
                            "getrusage",
                            "getsockname",
                            "getsockopt",
                            "gettid",
                            "gettimeofday",
                            "getuid",
                            "lseek",
                            "madvise",
                            "membarrier",
                            "memfd_create",
                            "mincore",
                            "mmap",
                            "mremap",
                            "munmap",
                            "nanosleep",
                            "pipe2",
                            "poll",
                            "ppoll",
                            "pread64",
                            "preadv",
                            "preadv2",
                            "prlimit64",
                            "pselect6",
                            "pwrite64",
                            "pwritev",
                            "read",
                            "readv",
                            "recvfrom",
                            "recvmmsg",
                            "recvmsg",
                            "restart_syscall",
                            "rseq",
                            "rt_sigaction",
                            "rt_sigpending",
                            "rt_sigprocmask",
                            "rt_sigreturn",
                            "rt_sigsuspend",
                            "rt_sigtimedwait",
                            "sched_getaffinity",
                            "sched_getparam",
                            "sched_getscheduler",
                            "sched_yield",
                            "select",
                            "sendmmsg",
                            "sendmsg",
                            "sendto",
                            "set_robust_list",
                            "setpriority",
                            "setsockopt",
                            "shutdown",
                            "sigaltstack",
                            "sysinfo",
                            "tgkill",
                            "time",
                            "timerfd_create",
                            "timerfd_settime",
                            "times",
                            "uname",
                            "write",
                            "writev",
                            "mprotect"};

constexpr std::array beneath{"openat2",    "newfstatat", "fstatat64",  "statx",     "getdents64",
                             "readlinkat", "fgetxattr",  "flistxattr", "fadvise64", "fstatfs"};

constexpr std::array files{"open",       "openat",   "stat",   "lstat",     "access",   "faccessat",
                           "faccessat2", "readlink", "getcwd", "ftruncate", "fsync",    "fdatasync",
                           "flock",      "chdir",    "statfs", "getxattr",  "lgetxattr"};

constexpr std::array network{"socket", "socketpair", "connect", "bind", "listen"};

/// Well known and never for a part: EPERM, where calls that are not known here answer ENOSYS, so that the C
/// library falls back to older ones.
constexpr std::array never{"open",
                           "openat",
                           "openat2",
                           "creat",
                           "stat",
                           "lstat",
                           "access",
                           "faccessat",
                           "faccessat2",
                           "readlink",
                           "socket",
                           "socketpair",
                           "connect",
                           "bind",
                           "listen",
                           "execve",
                           "execveat",
                           "fork",
                           "vfork",
                           "kill",
                           "ptrace",
                           "process_vm_readv",
                           "process_vm_writev",
                           "mount",
                           "umount2",
                           "unshare",
                           "setns",
                           "chroot",
                           "pivot_root",
                           "open_by_handle_at",
                           "bpf",
                           "perf_event_open",
                           "keyctl",
                           "add_key",
                           "request_key",
                           "io_uring_setup",
                           "userfaultfd",
                           "unlink",
                           "unlinkat",
                           "rename",
                           "renameat",
                           "renameat2",
                           "mkdir",
                           "mkdirat",
                           "link",
                           "linkat",
                           "symlink",
                           "symlinkat",
                           "chmod",
                           "fchmod",
                           "fchmodat",
                           "chown",
                           "fchown",
                           "fchownat",
                           "lchown",
                           "truncate",
                           "setuid",
                           "setgid",
                           "setresuid",
                           "setresgid",
                           "capset",
                           "pidfd_open",
                           "pidfd_getfd",
                           "process_madvise",
                           "kcmp",
                           "getcwd",
                           "chdir",
                           "ftruncate",
                           "fsync",
                           "fdatasync",
                           "flock",
                           "statfs",
                           "getxattr",
                           "lgetxattr"};

class Filter {
 public:
    Filter() : context_(seccomp_init(SCMP_ACT_ERRNO(ENOSYS)), &seccomp_release) {
        if (!context_) throw std::runtime_error("system calls cannot be filtered: no memory");
    }

    void allow(std::span<const char* const> names) {
        for (const auto* name : names) add(SCMP_ACT_ALLOW, name);
    }
    void add(std::uint32_t action, const char* name) {
        const int number = seccomp_syscall_resolve_name(name);
        if (number == __NR_SCMP_ERROR) return;  // a call of other architectures
        check(seccomp_rule_add(context_.get(), action, number, 0), name);
    }
    void add(std::uint32_t action, const char* name, const scmp_arg_cmp& condition) {
        const int number = seccomp_syscall_resolve_name(name);
        if (number == __NR_SCMP_ERROR) return;
        check(seccomp_rule_add_array(context_.get(), action, number, 1, &condition), name);
    }
    /// As the last word on calls that no rule allows.
    void refuse(const char* name) {
        const int number = seccomp_syscall_resolve_name(name);
        if (number == __NR_SCMP_ERROR) return;
        const int code = seccomp_rule_add(context_.get(), SCMP_ACT_ERRNO(EPERM), number, 0);
        if (code != -EEXIST && code != -EACCES) check(code, name);
    }
    void load() { check(seccomp_load(context_.get()), "the filter"); }

 private:
    static void check(int code, const char* what) {
        if (code < 0)
            throw std::runtime_error(
                fmt::format("system calls cannot be filtered: {}: {}", what, std::strerror(-code)));
    }

    std::unique_ptr<void, void (*)(scmp_filter_ctx)> context_;
};

}  // namespace

void filter_own_calls(const std::set<Right>& rights) {
    Filter filter;
    filter.allow(always);
    // A thread, never a process; clone3 hides its flags in memory and answers ENOSYS, so that clone is taken.
    filter.add(SCMP_ACT_ALLOW, "clone", SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD));
    filter.add(SCMP_ACT_ALLOW, "ioctl", SCMP_A1(SCMP_CMP_EQ, FIONREAD));
    filter.add(SCMP_ACT_ALLOW, "ioctl", SCMP_A1(SCMP_CMP_EQ, FIONBIO));
    filter.add(SCMP_ACT_ALLOW, "prctl", SCMP_A0(SCMP_CMP_EQ, 15 /* PR_SET_NAME */));
    std::set<std::string_view> allowed;
    const auto grant = [&](std::span<const char* const> names) {
        filter.allow(names);
        allowed.insert(names.begin(), names.end());
    };
    if (rights.contains(Right::beneath) || rights.contains(Right::files)) grant(beneath);
    if (rights.contains(Right::files)) grant(files);
    if (rights.contains(Right::network)) grant(network);
    for (const auto* name : never)
        if (!allowed.contains(name)) filter.refuse(name);
    filter.load();
}

}  // namespace sandbox
