#pragma once

#include <filesystem>
#include <string>

namespace bot {

/// The daemon's folder, held by one process at a time: two daemons on one ledger would run every job twice.
/// Layout: ledger.sqlite, instance, mirrors/, workspaces/, logs/.
class StateDir {
 public:
    /// Creates what is missing. Throws std::runtime_error with the mend when another daemon holds it or it is
    /// not ours.
    explicit StateDir(std::filesystem::path directory);
    ~StateDir();
    StateDir(const StateDir&) = delete;
    StateDir& operator=(const StateDir&) = delete;

    [[nodiscard]] const std::filesystem::path& path() const { return path_; }
    /// Eight hex digits, made once: marks our containers on a shared engine.
    [[nodiscard]] const std::string& instance() const { return instance_; }

 private:
    std::filesystem::path path_;
    int lock_ = -1;
    std::string instance_;
};

}  // namespace bot
