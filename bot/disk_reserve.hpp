#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>

namespace bot {

/// Whether the disk has room for another job: a full one would cost each running job its work and every
/// delivery its place. Thread-safe.
class DiskReserve {
 public:
    using Free = std::function<std::optional<std::uint64_t>()>;

    /// `least`: bytes to be free where `directory` is; 0: any. `free`: asks how many are, for this user;
    /// default the file system. What cannot be asked is no shortage.
    DiskReserve(std::filesystem::path directory, std::uint64_t least, Free free = {});

    /// For the operator, in words, while there is less.
    [[nodiscard]] std::optional<std::string> shortage() const;
    /// What has changed since the last look; at first there was enough.
    enum class Change { none, too_little, enough_again };
    [[nodiscard]] Change look();

 private:
    std::filesystem::path directory_;
    std::uint64_t least_;
    Free free_;
    std::atomic<bool> was_short_{false};
};

}  // namespace bot
