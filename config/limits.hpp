#pragma once

#include <chrono>
#include <cstdint>

namespace config {

/// What one sandbox may use. The operator's settings are the ceiling; a recipe may only ask for less.
struct Limits {
    std::uint64_t memory_bytes = 4ULL << 30;  ///< resident memory and swap together
    double cpus = 2.0;                        ///< processor time per wall time, > 0
    int pids = 512;                           ///< processes and threads
    std::uint64_t disk_bytes = 4ULL << 30;    ///< what a run may write into its workspace and home
    std::uint64_t disk_inodes = 500'000;      ///< files it may create there
    std::uint64_t tmp_bytes = 512ULL << 20;   ///< size of /tmp
    std::uint64_t log_bytes = 16ULL << 20;    ///< output kept per program; the rest is counted and dropped
    std::chrono::seconds total{45 * 60};      ///< wall time from start
    std::chrono::seconds idle{10 * 60};       ///< wall time without output

    friend bool operator==(const Limits&, const Limits&) = default;
};

}  // namespace config
