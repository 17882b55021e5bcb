#include "sandbox/init/program.hpp"

#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>

namespace init {

namespace {

constexpr int passed_on[] = {SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2};

/// A program that makes orphans as fast as they are reaped must not keep the loop from its other work.
constexpr int most_at_once = 256;

[[noreturn]] void become(char** argv) {
    ::setsid();
    sigset_t none;
    ::sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    ::execvp(argv[0], argv);
    const int code = errno;
    (void)::dprintf(STDERR_FILENO, "%s: %s\n", argv[0], std::strerror(code));
    ::_exit(code == ENOENT || code == ENOTDIR ? not_there : not_executable);
}

}  // namespace

int watch_signals() {
    sigset_t watched;
    ::sigemptyset(&watched);
    ::sigaddset(&watched, SIGCHLD);
    for (const int signal : passed_on) ::sigaddset(&watched, signal);
    if (::sigprocmask(SIG_SETMASK, &watched, nullptr) != 0) return -1;
    return ::signalfd(-1, &watched, SFD_CLOEXEC | SFD_NONBLOCK);
}

pid_t start(char** argv) {
    const pid_t pid = ::fork();
    if (pid == 0) become(argv);
    return pid;
}

Reaped reap(pid_t program) {
    for (int i = 0; i < most_at_once; ++i) {
        int status = 0;
        const pid_t pid = ::waitpid(-1, &status, WNOHANG);
        if (pid <= 0) return {};
        if (pid != program) continue;
        return {.status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status)};
    }
    return {.more = true};
}

void pass_on(pid_t program, int signal) {
    if (::kill(-program, signal) != 0) ::kill(program, signal);
}

}  // namespace init
