#pragma once

#include <sys/types.h>

#include <cstdint>
#include <expected>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "config/limits.hpp"
#include "sandbox/descriptor.hpp"
#include "sandbox/sandbox.hpp"

/// Limits of memory, processes and processor time by the kernel's control groups, version 1 and 2.
/// https://docs.kernel.org/admin-guide/cgroup-v1/, https://docs.kernel.org/admin-guide/cgroup-v2.html
namespace sandbox {

/// The group of one run. Ends whatever is left in it and removes it when destroyed.
class ControlGroup {
 public:
    ControlGroup(ControlGroup&&) = default;
    ControlGroup& operator=(ControlGroup&&) = delete;
    ~ControlGroup();

    /// A process that writes "0" to each of them is in the group.
    [[nodiscard]] const std::vector<Descriptor>& entries() const { return entries_; }
    [[nodiscard]] std::vector<pid_t> members() const;
    /// Whether the kernel killed something in it for want of memory.
    [[nodiscard]] bool ran_out_of_memory() const;
    /// KILL to everything in it until it is empty; false when something stays for ten seconds.
    bool end_all() const;

 private:
    friend class ControlGroups;
    ControlGroup() = default;

    std::vector<std::filesystem::path> folders_;  ///< the first one knows of memory
    std::vector<Descriptor> entries_;
};

/// Where the groups of an installation are made.
class ControlGroups {
 public:
    struct Places {
        std::filesystem::path mounts = "/proc/self/mounts";
        std::filesystem::path self = "/proc/self/cgroup";
    };

    /// Error::unenforceable names the controllers that are missing or may not be used.
    [[nodiscard]] static std::expected<ControlGroups, Error> find(const std::string& instance,
                                                                  const Places& places);
    [[nodiscard]] static std::expected<ControlGroups, Error> find(const std::string& instance) {
        return find(instance, Places{});
    }

    [[nodiscard]] int version() const { return version_; }

    /// One left by an earlier process under this name is ended first. `more_pids` are the sandbox's own
    /// processes.
    [[nodiscard]] std::expected<ControlGroup, Error> create(std::string_view name,
                                                            const config::Limits& limits,
                                                            int more_pids) const;

    /// Names of the groups that are there.
    [[nodiscard]] std::vector<std::string> names() const;

    /// Takes away the folders of the installation if no run is in them.
    void remove_empty() const;

    /// Ends and removes the group of that name.
    void remove(std::string_view name) const;

 private:
    [[nodiscard]] ControlGroup group(std::string_view name) const;
    [[nodiscard]] std::expected<void, Error> prepare_v2(const std::filesystem::path& own) const;

    int version_ = 1;
    bool swap_exists_ = false;
    std::vector<std::filesystem::path> bases_;  ///< v1: of memory, pids, cpu; v2: one
};

}  // namespace sandbox
