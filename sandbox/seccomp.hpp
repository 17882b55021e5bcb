#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <vector>

#include "sandbox/descriptor.hpp"
#include "sandbox/sandbox.hpp"

/// The system calls a program may make: one table, two renderings.
///
/// It follows the engine's default profile with these differences: no io_uring, no new namespaces by any
/// call, no key rings, and sockets only of the families UNIX, INET, INET6 and NETLINK. What is not in the
/// table answers ENOSYS, so that C libraries newer than the table fall back; what is well known and forbidden
/// answers EPERM. Only the machine's own architecture: calls of another one (i386, x32) kill the program.
namespace sandbox {

/// One condition on an argument, as libseccomp means it: `argument & mask == value`.
struct SyscallCondition {
    unsigned argument = 0;
    std::uint64_t mask = ~0ULL;
    std::uint64_t value = 0;
};

struct SyscallRule {
    const char* name;
    int error = 0;  ///< 0 allows, else the errno that is answered
    std::vector<SyscallCondition> conditions;
};

[[nodiscard]] const std::vector<SyscallRule>& syscall_table();

/// The table in the engine's profile format, for `SecurityOpt: seccomp=...`.
[[nodiscard]] std::string seccomp_profile_json();

/// The table as a BPF program, for `bwrap --seccomp FD`.
[[nodiscard]] std::expected<std::string, Error> seccomp_program();

}  // namespace sandbox
