#include "sandbox/process.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>

namespace sandbox {

namespace {

/// Everything the child needs, made before the fork: after it only calls that are safe in a signal handler
/// are, because another thread may have held the allocator's lock at that moment.
struct Prepared {
    const ProcessPlan& plan;
    std::vector<char*> argv;
    std::vector<char*> environment;
    int input = -1;
    int report = -1;
    pid_t parent = 0;
};

[[noreturn]] void fail_start(int report) {
    const int code = errno;
    [[maybe_unused]] const auto written = ::write(report, &code, sizeof code);
    ::_exit(125);
}

void place_descriptors(Prepared& child) {
    const auto& plan = child.plan;
    const int count = 3 + static_cast<int>(plan.files.size());
    const auto source = [&](int target) {
        if (target == 0) return child.input;
        return target <= 2 ? plan.output : plan.files[static_cast<std::size_t>(target - 3)];
    };
    // First moved out of the way, so that none is overwritten before its turn.
    std::array<int, 16> parked{};
    const int report = ::fcntl(child.report, F_DUPFD_CLOEXEC, count + 1);
    for (int target = 0; target < count; ++target) {
        auto& place = parked.at(static_cast<std::size_t>(target));
        place = ::fcntl(source(target), F_DUPFD_CLOEXEC, count + 1);
        if (place < 0) fail_start(report);
    }
    for (int target = 0; target < count; ++target) {
        if (::dup2(parked.at(static_cast<std::size_t>(target)), target) < 0) fail_start(report);
    }
    if (::dup3(report, count, O_CLOEXEC) < 0) fail_start(report);
    child.report = count;
    // Linux 5.9; without it, descriptors of ours could stay open inside.
    if (::syscall(SYS_close_range, count + 1, ~0U, 0) != 0) fail_start(child.report);
}

void take_limits(const Prepared& child) {
    for (const auto& [resource, value] : child.plan.limits) {
        const rlimit limit{value, value};
        if (::prlimit(0, static_cast<__rlimit_resource>(resource), &limit, nullptr) != 0)
            fail_start(child.report);
    }
}

/// By raw calls: the C library's own would try to tell threads that this process does not have.
void take_user(const Prepared& child) {
    if (!child.plan.user) return;
    const auto id = *child.plan.user;
    if (::syscall(SYS_setgroups, 0, nullptr) != 0 || ::syscall(SYS_setresgid, id, id, id) != 0 ||
        ::syscall(SYS_setresuid, id, id, id) != 0) {
        fail_start(child.report);
    }
}

[[noreturn]] void become(Prepared& child) {
    for (int signal = 1; signal < NSIG; ++signal) (void)::signal(signal, SIG_DFL);
    for (const int group : child.plan.cgroups) {
        if (::write(group, "0", 1) != 1) fail_start(child.report);
    }
    place_descriptors(child);
    ::setsid();
    take_limits(child);
    take_user(child);
    // After the change of user, which clears it; and the parent may be gone already.
    if (::prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) fail_start(child.report);
    if (::getppid() != child.parent) ::_exit(125);
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) fail_start(child.report);
    sigset_t held;
    ::sigemptyset(&held);
    for (const int signal : child.plan.held_signals) ::sigaddset(&held, signal);
    ::sigprocmask(SIG_SETMASK, &held, nullptr);
    const auto& program = child.plan.program;
    ::execve(program.empty() ? child.argv[0] : program.c_str(), child.argv.data(), child.environment.data());
    fail_start(child.report);
}

/// As execve wants them.
std::vector<char*> pointers(const std::vector<std::string>& texts) {
    std::vector<char*> found;
    for (const auto& text : texts) found.push_back(const_cast<char*>(text.c_str()));
    found.push_back(nullptr);
    return found;
}

std::unexpected<Error> refused(const std::string& program, int code) {
    return std::unexpected(
        Error{Error::Kind::refused, fmt::format("cannot start {}: {}", program, std::strerror(code))});
}

}  // namespace

Descriptor open_process(pid_t pid) { return Descriptor(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))); }

std::expected<Process, Error> Process::start(const ProcessPlan& plan) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) return refused(plan.argv.front(), errno);
    const Descriptor reading(ends[0]);
    Descriptor writing(ends[1]);
    const Descriptor nothing(plan.input < 0 ? ::open("/dev/null", O_RDONLY | O_CLOEXEC) : -1);
    Prepared child{.plan = plan,
                   .argv = pointers(plan.argv),
                   .environment = pointers(plan.environment),
                   .input = plan.input < 0 ? nothing.get() : plan.input,
                   .report = writing.get(),
                   .parent = ::getpid()};

    // No handler of ours may run in the child.
    sigset_t all, before;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before);
    const pid_t pid = ::fork();
    if (pid == 0) become(child);
    const int code = errno;
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    if (pid < 0) return refused(plan.argv.front(), code);

    Process process(pid, open_process(pid));
    writing.close();
    int failure = 0;
    ssize_t n = 0;
    while ((n = ::read(reading.get(), &failure, sizeof failure)) < 0 && errno == EINTR) {
    }
    if (n > 0) return refused(plan.argv.front(), failure);
    if (!process.handle_) return refused("a process handle (Linux 5.3 or newer)", ENOSYS);
    return process;
}

Process::~Process() {
    if (pid_ < 0) return;
    kill();
    reap();
}

void Process::kill() const {
    if (pid_ > 0) ::kill(pid_, SIGKILL);
}

int Process::reap() {
    int status = 0;
    while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
    pid_ = -1;
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

}  // namespace sandbox
