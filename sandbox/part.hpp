#pragma once

#include <expected>
#include <filesystem>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "sandbox/descriptor.hpp"
#include "sandbox/process.hpp"

/// A part: one of the daemon's own processes, a fresh start of its own program that holds nothing but what it
/// is handed over its channel. It walls itself in before it reads a stranger's first byte.
namespace sandbox {

/// Descriptor of the channel to the keeper in a part that has just started; what else it was given follows.
inline constexpr int part_channel = 3;

/// User ids of the parts when the daemon runs as root; 61,000 is what programs in sandboxes have.
inline constexpr unsigned listener_user = 61001;
inline constexpr unsigned door_user = 61002;
inline constexpr unsigned reader_user = 61003;

/// What a part may ask of the kernel besides memory, threads, clocks and reading and writing what is open.
enum class Right {
    beneath,  ///< openat2 and looking around: with `Walls::root`, only beneath descriptors that were given
    files,    ///< files by their path
    network,  ///< sockets of its own
};

struct Walls {
    std::set<Right> rights;
    /// Any system call, for a part whose work is to start programs.
    bool any_call = false;
    /// As root: user and group id taken on, without other groups.
    std::optional<unsigned> user;
    /// As root: the only folder there is, an empty one.
    std::optional<std::filesystem::path> root;
    /// Kept when the user id changes: reads files whatever their mode, and sees the marks of overlays.
    bool reads_any_file = false;
};

/// Puts them up around this process, which must not have another thread yet: no new privileges, no core, no
/// debugger, not a system call too many, no other program, and its end is that of whoever started it. Throws
/// std::runtime_error with what could not be had. Not as root there is one user for all parts, and the system
/// calls are all that keeps them apart.
void wall_in(const Walls& walls);

/// As root, where the kernel gives it: no network but an own, empty one.
void leave_network();

/// How to start `program` (this one: /proc/self/exe) as the part `name`; `files` become part_channel and what
/// follows it. What it prints goes where our messages go.
[[nodiscard]] ProcessPlan part_plan(const std::filesystem::path& program, std::string_view name,
                                    std::vector<int> files);

/// For the part: its channel, when it was really started by a keeper. Throws std::runtime_error.
[[nodiscard]] Descriptor channel_to_keeper();

/// The tree at `folder` for a part to read beneath: nothing above it can be reached from the descriptor,
/// where this process may make such a view (CAP_SYS_ADMIN), else a plain descriptor of the folder. Empty:
/// errno.
[[nodiscard]] Descriptor view_of(const std::filesystem::path& folder);

}  // namespace sandbox
