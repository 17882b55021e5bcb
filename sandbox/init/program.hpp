#pragma once

#include <sys/types.h>

/// The program that the sandbox is for, and every orphan that it leaves.
namespace init {

/// The same that shells say.
inline constexpr int not_there = 127;
inline constexpr int not_executable = 126;
/// The sandbox itself could not be set up.
inline constexpr int broken = 125;

/// Signals that are passed on to the program, and SIGCHLD, are blocked, whatever the program does to them:
/// one that comes before the program is started waits for it. A descriptor that tells them; -1 and errno on
/// failure.
[[nodiscard]] int watch_signals();

/// Starts it as the leader of a session and a group of its own, with no signal blocked. -1 and errno on
/// failure.
[[nodiscard]] pid_t start(char** argv);

/// What one look at the children found.
struct Reaped {
    int status = -1;    ///< of the program, as shells tell it; -1: it runs on
    bool more = false;  ///< others may wait to be reaped
};
[[nodiscard]] Reaped reap(pid_t program);

/// To the program's group; to itself alone in the moment before it has one.
void pass_on(pid_t program, int signal);

}  // namespace init
