// The hostile program: tries what a sandbox must not allow and prints one line per attempt, "name: result".
// A result is the errno's number, or "OPEN" where the attempt succeeded. Compiled statically by the tests.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef SYS_io_uring_setup
#define SYS_io_uring_setup 425
#endif
#ifndef SYS_clone3
#define SYS_clone3 435
#endif

static void tell(const char* name, long result) {
    if (result >= 0)
        printf("%s: OPEN\n", name);
    else
        printf("%s: %d\n", name, errno);
    fflush(stdout);
}

static void dial(const char* name, int type, const char* address, int port) {
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons((unsigned short)port)};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons((unsigned short)port)};
    const int is_v6 = strchr(address, ':') != NULL;
    inet_pton(is_v6 ? AF_INET6 : AF_INET, address, is_v6 ? (void*)&v6.sin6_addr : (void*)&v4.sin_addr);
    const int fd = socket(is_v6 ? AF_INET6 : AF_INET, type, 0);
    if (fd < 0) {
        tell(name, -1);
        return;
    }
    alarm(5);  // ends the probe: a black hole is not "unreachable"
    const struct sockaddr* to = is_v6 ? (void*)&v6 : (void*)&v4;
    const socklen_t size = is_v6 ? sizeof v6 : sizeof v4;
    tell(name, type == SOCK_STREAM ? connect(fd, to, size) : sendto(fd, "x", 1, 0, to, size));
    alarm(0);
    close(fd);
}

static void network(int port, const char* bridge) {
    dial("host", SOCK_STREAM, "127.0.0.1", port);
    dial("bridge", SOCK_STREAM, bridge, port);
    dial("metadata", SOCK_STREAM, "169.254.169.254", 80);
    dial("internet", SOCK_STREAM, "192.0.2.1", 443);
    dial("internet6", SOCK_STREAM, "2001:db8::1", 443);
    dial("udp", SOCK_DGRAM, "192.0.2.53", 53);
    dial("udp6", SOCK_DGRAM, "2001:db8::53", 53);
    tell("icmp", socket(AF_INET, SOCK_RAW, IPPROTO_ICMP));

    const int listener = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in own = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof own;
    bind(listener, (struct sockaddr*)&own, size);
    listen(listener, 1);
    getsockname(listener, (struct sockaddr*)&own, &size);
    tell("own loopback", connect(socket(AF_INET, SOCK_STREAM, 0), (struct sockaddr*)&own, size));
}

/// ADDRESS PORT ADDRESS PORT ...: each over TCP and UDP.
static void reach(int count, char** arguments) {
    char name[128];
    for (int i = 0; i + 1 < count; i += 2) {
        snprintf(name, sizeof name, "tcp %s", arguments[i]);
        dial(name, SOCK_STREAM, arguments[i], atoi(arguments[i + 1]));
        snprintf(name, sizeof name, "udp %s", arguments[i]);
        dial(name, SOCK_DGRAM, arguments[i], atoi(arguments[i + 1]));
    }
    tell("icmp", socket(AF_INET, SOCK_RAW, IPPROTO_ICMP));
    tell("icmp6", socket(AF_INET6, SOCK_RAW, IPPROTO_ICMPV6));
    static const char echo[8] = {8};
    struct sockaddr_in away = {.sin_family = AF_INET};
    inet_pton(AF_INET, "192.0.2.1", &away.sin_addr);
    const int ping = socket(AF_INET, SOCK_DGRAM, IPPROTO_ICMP);
    tell("icmp echo", ping < 0 ? ping : sendto(ping, echo, sizeof echo, 0, (struct sockaddr *)&away, sizeof away));
}

static int nothing(void* unused) {
    (void)unused;
    return 0;
}

static void calls(void) {
    static char stack[65536];
    char room[256] = {0};
    unsigned long long clone_args[11] = {CLONE_NEWUSER};
    tell("io_uring", syscall(SYS_io_uring_setup, 8, room));
    tell("vsock", socket(AF_VSOCK, SOCK_STREAM, 0));
    tell("alg", socket(AF_ALG, SOCK_SEQPACKET, 0));
    tell("packet", socket(AF_PACKET, SOCK_RAW, 0));
    tell("keyctl", syscall(SYS_keyctl, 0, -3, 1));
    tell("add_key", syscall(SYS_add_key, "user", "name", "x", 1, -3));
    tell("bpf", syscall(SYS_bpf, 0, room, sizeof room));
    tell("perf", syscall(SYS_perf_event_open, room, 0, -1, -1, 0));
    tell("userfaultfd", syscall(SYS_userfaultfd, 0));
    tell("unshare user", unshare(CLONE_NEWUSER));
    tell("unshare mount", unshare(CLONE_NEWNS));
    tell("unshare net", unshare(CLONE_NEWNET));
    tell("clone user", clone(nothing, stack + sizeof stack, CLONE_NEWUSER | SIGCHLD, NULL));
    tell("clone3 user", syscall(SYS_clone3, clone_args, sizeof clone_args));
    tell("setns", setns(open("/proc/self/ns/net", O_RDONLY), 0));
    tell("mount", mount("none", "/tmp", "tmpfs", 0, ""));
    tell("umount", umount2("/proc", MNT_DETACH));
    tell("chroot", chroot("/tmp"));
    tell("open_by_handle", syscall(SYS_open_by_handle_at, -1, room, O_RDONLY));
    tell("kexec", syscall(SYS_kexec_load, 0, 0, NULL, 0));
    tell("setuid", setuid(0));
    tell("device", mknod("/tmp/device", S_IFBLK | 0600, 8 << 8));
    tell("tiocsti", ioctl(0, TIOCSTI, "x"));
}

static void files(void) {
    static const char* const writable[] = {"/proc/sys/kernel/core_pattern",
                                           "/proc/sysrq-trigger",
                                           "/sys/kernel/uevent_helper",
                                           "/etc/canary",
                                           "/canary",
                                           "/usr/canary",
                                           "/dev/canary",
                                           "/proc/sys/kernel/hostname",
                                           "/sys/fs/cgroup/memory/memory.limit_in_bytes",
                                           "/sys/fs/cgroup/canary"};
    static const char* const readable[] = {"/var/run/docker.sock",
                                           "/run/docker.sock",
                                           "/etc/shadow",
                                           "/root/.ssh",
                                           "/dev/vda",
                                           "/dev/sda",
                                           "/dev/kmsg",
                                           "/dev/mem",
                                           "/proc/kcore",
                                           "/dev/kvm"};
    char name[128];
    for (size_t i = 0; i < sizeof writable / sizeof *writable; ++i) {
        snprintf(name, sizeof name, "write %s", writable[i]);
        tell(name, open(writable[i], O_WRONLY | O_CREAT, 0600));
    }
    for (size_t i = 0; i < sizeof readable / sizeof *readable; ++i) {
        snprintf(name, sizeof name, "read %s", readable[i]);
        tell(name, open(readable[i], O_RDONLY));
    }
}

static void eat_heap(void) {
    for (;;) {
        char* block = malloc(16 << 20);
        if (block != NULL) memset(block, 1, 16 << 20);
    }
}

static void eat_memfd(void) {
    static char block[1 << 20];
    memset(block, 1, sizeof block);
    const int fd = memfd_create("bomb", 0);
    while (write(fd, block, sizeof block) > 0) {
    }
    pause();
}

/// Forks until it may no more, says how far it came, and leaves the children to the sandbox.
static void fork_bomb(void) {
    int count = 0;
    for (; count < 100000; ++count) {
        const pid_t pid = fork();
        if (pid == 0) {
            pause();
            _exit(0);
        }
        if (pid < 0) break;
    }
    printf("children: %d\n", count);
    fflush(stdout);
}

/// What the first process inside, of the same user, must not let be done to itself.
static void first_process(void) {
    static const char* const shut[] = {"mem", "environ", "maps", "auxv", "fd", "exe", "root", "cwd", "syscall"};
    char path[64], found[8] = {0};
    for (size_t i = 0; i < sizeof shut / sizeof *shut; ++i) {
        snprintf(path, sizeof path, "/proc/1/%s", shut[i]);
        tell(shut[i], open(path, O_RDONLY));
    }
    struct iovec own = {found, sizeof found}, its = {(void*)0x400000, sizeof found};
    tell("ptrace attach", ptrace(PTRACE_ATTACH, 1, NULL, NULL));
    tell("ptrace seize", ptrace(PTRACE_SEIZE, 1, NULL, NULL));
    tell("read memory", process_vm_readv(1, &own, 1, &its, 1, 0));
    tell("write memory", process_vm_writev(1, &own, 1, &its, 1, 0));
    tell("take descriptor", syscall(SYS_pidfd_getfd, syscall(SYS_pidfd_open, 1, 0), 0, 0));
}

/// Becomes a program that is owned by root and setuid.
static void setuid_program(const char* self) {
    char* const arguments[] = {(char*)self, "ids", NULL};
    execv(self, arguments);
    tell("setuid program", -1);
}

int main(int count, char** arguments) {
    const char* what = count > 1 ? arguments[1] : "";
    if (strcmp(what, "network") == 0 && count > 3) network(atoi(arguments[2]), arguments[3]);
    if (strcmp(what, "reach") == 0) reach(count - 2, arguments + 2);
    if (strcmp(what, "calls") == 0) calls();
    if (strcmp(what, "files") == 0) files();
    if (strcmp(what, "first") == 0) first_process();
    if (strcmp(what, "heap") == 0) eat_heap();
    if (strcmp(what, "memfd") == 0) eat_memfd();
    if (strcmp(what, "forks") == 0) fork_bomb();
    if (strcmp(what, "ids") == 0) printf("ids: %d %d %d %d\n", getuid(), geteuid(), getgid(), getegid());
    if (strcmp(what, "setuid") == 0 && count > 2) setuid_program(arguments[2]);
    if (strcmp(what, "exit") == 0 && count > 2) return atoi(arguments[2]);
    return 0;
}
