#pragma once

#include <chrono>
#include <cstdint>
#include <expected>
#include <filesystem>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

#include "config/limits.hpp"
#include "sandbox/descriptor.hpp"
#include "sandbox/sandbox.hpp"

/// What a backend watches while a program runs: its output, its deadlines, the wish to end it.
namespace sandbox {

using Clock = std::chrono::steady_clock;

/// From TERM to KILL. With the time the engine needs for it, nothing is left ten seconds after the wish.
inline constexpr std::chrono::seconds term_grace{8};

/// The output of one run: the first `cap` bytes go to the file and the callback, the rest is counted.
class OutputLog {
 public:
    /// An empty path keeps no file. `on_output` must outlive the log.
    [[nodiscard]] static std::expected<OutputLog, Error> open(
        const std::filesystem::path& file, std::uint64_t cap,
        const std::function<void(std::string_view)>& on_output);

    void add(std::string_view bytes);

    /// Says in the last line of the file how much was dropped, if anything was.
    void finish();

    [[nodiscard]] std::uint64_t total() const { return total_; }
    [[nodiscard]] std::uint64_t dropped() const { return dropped_; }

 private:
    OutputLog(Descriptor file, std::uint64_t cap, const std::function<void(std::string_view)>& on_output);
    bool write(std::string_view bytes);

    Descriptor file_;
    std::uint64_t cap_;
    const std::function<void(std::string_view)>* on_output_;
    std::uint64_t total_ = 0;
    std::uint64_t dropped_ = 0;
};

/// Total and idle time of one run.
class Deadlines {
 public:
    Deadlines(const config::Limits& limits, Clock::time_point start);

    void output_seen(Clock::time_point now) { idle_until_ = now + idle_; }
    [[nodiscard]] std::optional<RunOutcome::End> passed(Clock::time_point now) const;
    [[nodiscard]] Clock::time_point next() const { return std::min(total_until_, idle_until_); }

 private:
    Clock::duration idle_;
    Clock::time_point total_until_;
    Clock::time_point idle_until_;
};

/// A descriptor that becomes readable once either wish of a Control is voiced, so that poll() can wait for
/// it.
class Wake {
 public:
    explicit Wake(const Control& control);

    [[nodiscard]] int fd() const { return event_.get(); }

 private:
    struct Ring {
        int fd;
        void operator()() const noexcept;
    };
    Descriptor event_;
    std::stop_callback<Ring> on_cancel_;
    std::stop_callback<Ring> on_detach_;
};

/// Milliseconds for poll() until `then`: never negative, at most a minute, rounded up.
[[nodiscard]] int poll_milliseconds(Clock::time_point now, Clock::time_point then);

/// An exit status as shells tell it: 129 to 192 are deaths by signal.
[[nodiscard]] RunOutcome::End end_of_status(int status);

}  // namespace sandbox
