#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <expected>
#include <filesystem>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "sandbox/descriptor.hpp"
#include "sandbox/door.hpp"

namespace sandbox {

/// What the door decided, for people: lines in a file and the lists of the report. Thread-safe. All text of
/// strangers becomes printable here, and everything is bounded.
class DoorRecord {
 public:
    /// An empty path keeps no file.
    [[nodiscard]] static std::expected<std::unique_ptr<DoorRecord>, Error> open(
        const std::filesystem::path& file);

    enum class Decision {
        refused,  ///< by a rule
        failed,   ///< allowed, but there was no way there
        allowed,
    };
    struct Line {
        Decision decision = Decision::refused;
        std::string host;     ///< raw
        std::string why;      ///< of an allowed one: how it ended
        std::string address;  ///< that was dialled
        std::uint64_t up = 0;
        std::uint64_t down = 0;
        std::chrono::milliseconds duration{0};
    };
    void add(const Line& line);

    /// A host that bytes go to from now on.
    void reached(const std::string& host);

    /// Bytes of tunnels, counted as they pass.
    void passed(std::uint64_t bytes) { bytes_ += bytes; }

    /// All but the models.
    [[nodiscard]] DoorReport report() const;

 private:
    explicit DoorRecord(Descriptor file) : file_(std::move(file)) {}
    void write(const Line& line, const std::string& host);

    mutable std::mutex mutex_;
    Descriptor file_;
    DoorReport report_;
    std::atomic<std::uint64_t> bytes_ = 0;
};

}  // namespace sandbox
