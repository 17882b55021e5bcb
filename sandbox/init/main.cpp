// The first process inside every sandbox:
//
//   shopfloor-init [--door SOCKET --port PORT] -- PROGRAM [ARGUMENT...]
//
// It starts the program, passes signals on to it, reaps what the program leaves behind, and ends with the
// program's exit status. With it ends everything else inside: the kernel sees to that when the first process
// of a process namespace is gone, and lets it be gone only after all others are. With a door, a port of
// 127.0.0.1 leads to a Unix socket, and the environment tells the program so.
//
// The program is hostile and runs under the same user. This process therefore cannot be looked into (it is
// not dumpable), gives on no descriptor, keeps none of the program's, and does all its work in one loop in
// which every wait and every buffer has a bound. Signals from inside do it no harm: the kernel drops those
// that a first process does not ask for.
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <initializer_list>

#include "sandbox/init/program.hpp"
#include "sandbox/init/relay.hpp"

namespace {

struct Arguments {
    const char* door = nullptr;
    int port = 0;
    char** program = nullptr;
};

[[noreturn]] void fail(const char* what) {
    (void)std::fprintf(stderr, "shopfloor-init: %s: %s\n", what, std::strerror(errno));
    std::_Exit(init::broken);
}

[[noreturn]] void refuse(const char* why) {
    (void)std::fprintf(stderr, "shopfloor-init: %s\n", why);
    std::_Exit(init::broken);
}

Arguments read_arguments(char** argv) {
    Arguments arguments;
    for (++argv; *argv != nullptr; ++argv) {
        if (std::strcmp(*argv, "--") == 0) {
            arguments.program = argv + 1;
            break;
        }
        if (argv[1] == nullptr) break;
        if (std::strcmp(*argv, "--door") == 0) arguments.door = *++argv;
        if (std::strcmp(*argv, "--port") == 0) {
            arguments.port = static_cast<int>(std::strtol(*++argv, nullptr, 10));
        }
    }
    if (arguments.program == nullptr || *arguments.program == nullptr) {
        refuse("usage: shopfloor-init [--door SOCKET --port PORT] -- PROGRAM [ARGUMENT...]");
    }
    if (arguments.door != nullptr && (arguments.port < 1 || arguments.port > 65535)) {
        refuse("--door wants a --port from 1 to 65535");
    }
    return arguments;
}

void close_inherited() {
    if (::syscall(SYS_close_range, 3, ~0U, 0) == 0) return;
    const auto most = ::sysconf(_SC_OPEN_MAX);  // Linux before 5.9
    for (int descriptor = 3; descriptor < most; ++descriptor) ::close(descriptor);
}

/// What is set already was meant so.
void tell_of_door(int port) {
    char address[32];
    (void)std::snprintf(address, sizeof address, "http://127.0.0.1:%d", port);
    for (const char* name : {"HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"}) {
        if (::setenv(name, address, 0) != 0) fail("cannot set the environment");
    }
    for (const char* name : {"NO_PROXY", "no_proxy"}) {
        if (::setenv(name, "127.0.0.1,localhost,::1", 0) != 0) fail("cannot set the environment");
    }
}

/// So that the program alone decides when its input and output are closed.
void leave_standard_descriptors() {
    const int nowhere = ::open("/dev/null", O_RDWR | O_CLOEXEC);
    if (nowhere < 0) return;
    for (int descriptor = 0; descriptor < 3; ++descriptor) ::dup2(nowhere, descriptor);
    ::close(nowhere);
}

/// Whether a child has ended; the rest is passed on.
bool take_signals(int signals, pid_t program) {
    signalfd_siginfo told[16];
    const auto n = ::read(signals, told, sizeof told);
    bool child = false;
    for (std::size_t i = 0; n > 0 && i < static_cast<std::size_t>(n) / sizeof *told; ++i) {
        if (told[i].ssi_signo == SIGCHLD) {
            child = true;
        } else {
            init::pass_on(program, static_cast<int>(told[i].ssi_signo));
        }
    }
    return child;
}

/// The exit status of the program.
int attend(int epoll, int signals, pid_t program, init::Relay* relay) {
    bool children = false;
    for (int patience = -1;;) {
        epoll_event events[64];
        const int count = ::epoll_wait(epoll, events, 64, patience);
        for (int i = 0; i < count; ++i) {
            if (events[i].data.ptr != nullptr) {
                relay->take(events[i].data.ptr);
            } else {
                children = take_signals(signals, program) || children;
            }
        }
        if (children) {
            const auto reaped = init::reap(program);
            if (reaped.status >= 0) return reaped.status;
            children = reaped.more;
        }
        patience = relay != nullptr ? relay->turn() : -1;
        if (children) patience = 0;
    }
}

}  // namespace

int main(int, char** argv) {
    if (::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) fail("cannot shut itself from view");
    const auto arguments = read_arguments(argv);
    if (::getpid() != 1) refuse("it is the first process of a sandbox and nothing else");
    close_inherited();

    const int signals = init::watch_signals();
    if (signals < 0) fail("cannot watch signals");
    const int epoll = ::epoll_create1(EPOLL_CLOEXEC);
    epoll_event event{.events = EPOLLIN, .data = {.ptr = nullptr}};
    if (epoll < 0 || ::epoll_ctl(epoll, EPOLL_CTL_ADD, signals, &event) != 0) fail("cannot watch anything");

    static init::Relay relay;
    if (arguments.door != nullptr) {
        if (!relay.open(arguments.door, arguments.port, epoll)) fail("cannot lead a port to the door");
        tell_of_door(arguments.port);
    }
    const pid_t program = init::start(arguments.program);
    if (program < 0) fail("cannot start a process");
    leave_standard_descriptors();
    std::_Exit(attend(epoll, signals, program, arguments.door != nullptr ? &relay : nullptr));
}
