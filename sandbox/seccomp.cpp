#include "sandbox/seccomp.hpp"

#include <fmt/format.h>
#include <seccomp.h>
#include <sys/mman.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <nlohmann/json.hpp>
#include <string_view>

namespace sandbox {

namespace {

constexpr std::uint64_t every_bit = ~0ULL;

using FilterContext = std::unique_ptr<void, void (*)(scmp_filter_ctx)>;

std::string_view architecture() {
    switch (seccomp_arch_native()) {
        case SCMP_ARCH_X86_64:
            return "SCMP_ARCH_X86_64";
        case SCMP_ARCH_AARCH64:
            return "SCMP_ARCH_AARCH64";
        case SCMP_ARCH_RISCV64:
            return "SCMP_ARCH_RISCV64";
        case SCMP_ARCH_PPC64LE:
            return "SCMP_ARCH_PPC64LE";
        default:
            return {};
    }
}

scmp_arg_cmp comparison(const SyscallCondition& condition) {
    if (condition.mask == every_bit) {
        return scmp_arg_cmp{condition.argument, SCMP_CMP_EQ, condition.value, 0};
    }
    return scmp_arg_cmp{condition.argument, SCMP_CMP_MASKED_EQ, condition.mask, condition.value};
}

nlohmann::json json_of(const SyscallCondition& condition) {
    if (condition.mask == every_bit) {
        return {{"index", condition.argument}, {"value", condition.value}, {"op", "SCMP_CMP_EQ"}};
    }
    return {{"index", condition.argument},
            {"value", condition.mask},
            {"valueTwo", condition.value},
            {"op", "SCMP_CMP_MASKED_EQ"}};
}

Error failure(std::string_view what, int code) {
    return {Error::Kind::unenforceable, fmt::format("system calls cannot be filtered: {}: {}", what,
                                                    std::strerror(code < 0 ? -code : code))};
}

}  // namespace

std::string seccomp_profile_json() {
    nlohmann::json allowed = nlohmann::json::array();
    nlohmann::json forbidden = nlohmann::json::array();
    nlohmann::json calls = nlohmann::json::array();
    for (const auto& rule : syscall_table()) {
        if (rule.conditions.empty() && rule.error == 0) {
            allowed.push_back(rule.name);
        } else if (rule.conditions.empty() && rule.error == EPERM) {
            forbidden.push_back(rule.name);
        } else {
            nlohmann::json entry{{"names", {rule.name}},
                                 {"action", rule.error == 0 ? "SCMP_ACT_ALLOW" : "SCMP_ACT_ERRNO"}};
            if (rule.error != 0) entry["errnoRet"] = rule.error;
            for (const auto& condition : rule.conditions) entry["args"].push_back(json_of(condition));
            calls.push_back(std::move(entry));
        }
    }
    calls.push_back({{"names", std::move(allowed)}, {"action", "SCMP_ACT_ALLOW"}});
    calls.push_back({{"names", std::move(forbidden)}, {"action", "SCMP_ACT_ERRNO"}, {"errnoRet", EPERM}});
    nlohmann::json profile{
        {"defaultAction", "SCMP_ACT_ERRNO"}, {"defaultErrnoRet", ENOSYS}, {"syscalls", std::move(calls)}};
    profile["architectures"].push_back(architecture());
    return profile.dump();
}

std::expected<std::string, Error> seccomp_program() {
    if (architecture().empty()) return std::unexpected(failure("no table for this architecture", ENOSYS));
    const FilterContext filter(seccomp_init(SCMP_ACT_ERRNO(ENOSYS)), seccomp_release);
    if (!filter) return std::unexpected(failure("seccomp_init", ENOMEM));
    // A tree instead of a list: common calls are not last of three hundred comparisons.
    seccomp_attr_set(filter.get(), SCMP_FLTATR_CTL_OPTIMIZE, 2);

    for (const auto& rule : syscall_table()) {
        const int number = seccomp_syscall_resolve_name(rule.name);
        if (number < 0 || rule.error == ENOSYS) continue;  // unknown here, or the default
        std::vector<scmp_arg_cmp> comparisons;
        for (const auto& condition : rule.conditions) comparisons.push_back(comparison(condition));
        const auto action =
            rule.error == 0 ? SCMP_ACT_ALLOW : SCMP_ACT_ERRNO(static_cast<std::uint16_t>(rule.error));
        const int code = seccomp_rule_add_array(
            filter.get(), action, number, static_cast<unsigned>(comparisons.size()), comparisons.data());
        if (code < 0) return std::unexpected(failure(rule.name, code));
    }

    const Descriptor memory(::memfd_create("seccomp", MFD_CLOEXEC));
    if (!memory) return std::unexpected(failure("memfd_create", errno));
    if (const int code = seccomp_export_bpf(filter.get(), memory.get()); code < 0) {
        return std::unexpected(failure("export", code));
    }
    std::string program(static_cast<std::size_t>(::lseek(memory.get(), 0, SEEK_END)), '\0');
    if (::pread(memory.get(), program.data(), program.size(), 0) != static_cast<ssize_t>(program.size())) {
        return std::unexpected(failure("read back", EIO));
    }
    return program;
}

}  // namespace sandbox
