#include "tests/bot/inside.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <stdexcept>

#include "sandbox/descriptor.hpp"

namespace {

[[noreturn]] void fail(const char* what) {
    throw std::runtime_error(std::string(what) + ": " + std::strerror(errno));
}

void wait_until_stopped(pid_t process) {
    int status = 0;
    if (::waitpid(process, &status, __WALL) != process) fail("it cannot be waited for");
    if (!WIFSTOPPED(status)) throw std::runtime_error("it ended instead of stopping");
}

}  // namespace

bool Inside::can_look() {
#if defined(__x86_64__)
    if (::geteuid() == 0) return true;
    if (std::getenv("CI") != nullptr) FAIL("only root may look inside another user's process");
    MESSAGE("SKIPPED: only root may look inside another user's process");
#else
    MESSAGE("SKIPPED: registers are known for x86-64 only");
#endif
    return false;
}

Inside::Inside(pid_t process) : process_(process) {
    if (::ptrace(PTRACE_ATTACH, process_, nullptr, nullptr) != 0) fail("it cannot be traced");
    wait_until_stopped(process_);
}

Inside::~Inside() {
    // Let go at its end: what its tracer holds as dead its parent would wait for in vain.
    ::ptrace(PTRACE_DETACH, process_, nullptr, SIGKILL);
}

std::int64_t Inside::call(int number, const std::vector<std::uint64_t>& arguments) {
#if defined(__x86_64__)
    user_regs_struct before{};
    if (::ptrace(PTRACE_GETREGS, process_, nullptr, &before) != 0) fail("its registers cannot be read");
    constexpr long syscall_instruction = 0x050f;
    errno = 0;
    const long words = ::ptrace(PTRACE_PEEKTEXT, process_, before.rip - 2, nullptr);
    if (errno != 0 || (words & 0xffff) != syscall_instruction)
        throw std::runtime_error("it waits for no call");
    auto now = before;
    now.rip = before.rip - 2;
    now.orig_rax = ~0ULL;  // nothing to begin anew
    now.rax = static_cast<std::uint64_t>(number);
    const std::array places{&now.rdi, &now.rsi, &now.rdx, &now.r10, &now.r8, &now.r9};
    for (std::size_t i = 0; i < arguments.size(); ++i) *places.at(i) = arguments[i];
    if (::ptrace(PTRACE_SETREGS, process_, nullptr, &now) != 0 ||
        ::ptrace(PTRACE_SINGLESTEP, process_, nullptr, nullptr) != 0)
        fail("it cannot be made to call");
    wait_until_stopped(process_);
    if (::ptrace(PTRACE_GETREGS, process_, nullptr, &now) != 0) fail("its registers cannot be read");
    const auto answer = static_cast<std::int64_t>(now.rax);
    before.orig_rax = ~0ULL;
    if (::ptrace(PTRACE_SETREGS, process_, nullptr, &before) != 0) fail("its registers cannot be set back");
    return answer;
#else
    (void)number;
    (void)arguments;
    throw std::runtime_error("registers are known for x86-64 only");
#endif
}

std::uint64_t Inside::put(std::string_view text) {
#if defined(__x86_64__)
    user_regs_struct registers{};
    if (::ptrace(PTRACE_GETREGS, process_, nullptr, &registers) != 0) fail("its registers cannot be read");
    const std::uint64_t place = (registers.rsp - 4096) & ~7ULL;  // below all that the thread uses
    std::string padded(text);
    padded.resize((text.size() / 8 + 1) * 8, '\0');
    for (std::size_t at = 0; at < padded.size(); at += 8) {
        long word = 0;
        std::memcpy(&word, padded.data() + at, sizeof word);
        if (::ptrace(PTRACE_POKEDATA, process_, place + at, word) != 0) fail("its memory cannot be written");
    }
    return place;
#else
    (void)text;
    throw std::runtime_error("registers are known for x86-64 only");
#endif
}

bool memory_holds(pid_t process, const std::string& bytes) {
    const auto folder = "/proc/" + std::to_string(process);
    const sandbox::Descriptor memory(::open((folder + "/mem").c_str(), O_RDONLY | O_CLOEXEC));
    if (!memory) fail("its memory cannot be read");
    std::ifstream maps(folder + "/maps");
    std::size_t read = 0;
    for (std::string line; std::getline(maps, line);) {
        if (line.find(" r") == std::string::npos || line.ends_with("[vvar]")) continue;
        const auto begin = std::stoull(line, nullptr, 16);
        const auto end = std::stoull(line.substr(line.find('-') + 1), nullptr, 16);
        if (end - begin > (4ULL << 30U)) continue;  // what a sanitizer sets aside
        std::string text(end - begin, '\0');
        const auto got = ::pread(memory.get(), text.data(), text.size(), static_cast<off_t>(begin));
        if (got <= 0) continue;  // reserved and never used, or of the kernel
        read += static_cast<std::size_t>(got);
        if (std::string_view(text.data(), static_cast<std::size_t>(got)).contains(bytes)) return true;
    }
    if (read < (1U << 20U)) throw std::runtime_error("its memory was not read");
    return false;
}
