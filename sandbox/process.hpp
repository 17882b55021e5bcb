#pragma once

#include <sys/types.h>

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "sandbox/descriptor.hpp"
#include "sandbox/sandbox.hpp"

namespace sandbox {

/// How to start a program of the host.
struct ProcessPlan {
    std::vector<std::string> argv;                      ///< argv[0] is a path
    std::vector<std::string> environment;               ///< all of it, NAME=value each
    int input = -1;                                     ///< becomes 0; -1: /dev/null
    int output = -1;                                    ///< becomes 1 and 2
    std::vector<int> files;                             ///< become 3, 4, ...; nothing else stays open
    std::vector<int> cgroups;                           ///< "0" is written to each before anything else
    std::vector<int> held_signals;                      ///< stay blocked, so that none is lost on the way
    std::optional<unsigned> user;                       ///< user and group id taken on, without other groups
    std::vector<std::pair<int, std::uint64_t>> limits;  ///< setrlimit, soft and hard
};

/// A child that dies with the thread that started it (the kernel ties the death signal to the thread), so the
/// starter keeps it and waits for it. Killed and reaped when destroyed.
class Process {
 public:
    [[nodiscard]] static std::expected<Process, Error> start(const ProcessPlan& plan);

    Process(Process&& other) noexcept
        : pid_(std::exchange(other.pid_, -1)), handle_(std::move(other.handle_)) {}
    Process& operator=(Process&&) = delete;
    ~Process();

    [[nodiscard]] pid_t pid() const { return pid_; }
    /// Readable for poll() once it has ended.
    [[nodiscard]] int handle() const { return handle_.get(); }
    void kill() const;
    /// Waits; the exit status as shells tell it.
    int reap();

 private:
    Process(pid_t pid, Descriptor handle) : pid_(pid), handle_(std::move(handle)) {}

    pid_t pid_ = -1;
    Descriptor handle_;
};

/// A descriptor of a process for poll(); empty when there is none of that id.
[[nodiscard]] Descriptor open_process(pid_t pid);

}  // namespace sandbox
