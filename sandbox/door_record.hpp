#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <expected>
#include <filesystem>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sandbox/descriptor.hpp"
#include "sandbox/door.hpp"

namespace sandbox {

/// A file to append lines to, mode 0600.
[[nodiscard]] std::expected<Descriptor, Error> open_record(const std::filesystem::path& file);

/// What the door decided, for people: lines in a file and the lists of the report. Thread-safe. All text of
/// strangers becomes printable here, and everything is bounded.
class DoorRecord {
 public:
    /// `file`: of open_record(), or empty: nothing is written down.
    explicit DoorRecord(Descriptor file) : file_(std::move(file)) {}

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
    void write(const Line& line, const std::string& host);

    mutable std::mutex mutex_;
    Descriptor file_;
    DoorReport report_;
    std::atomic<std::uint64_t> bytes_ = 0;
};

}  // namespace sandbox
