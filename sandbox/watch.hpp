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

/// The output of one run, to the file and the callback: all of it up to `cap` bytes; of more than that the
/// head, how much is left out, and the end (half of the cap, at most 64 KiB), which often says how it all
/// went.
class OutputLog {
 public:
    /// An empty path keeps no file. `on_output` must outlive the log.
    [[nodiscard]] static std::expected<OutputLog, Error> open(
        const std::filesystem::path& file, std::uint64_t cap,
        const std::function<void(std::string_view)>& on_output);

    void add(std::string_view bytes);

    /// Brings the end, held back until now.
    void finish();

    [[nodiscard]] std::uint64_t total() const { return total_; }
    [[nodiscard]] std::uint64_t dropped() const { return total_ - head_ - tail_.size(); }

 private:
    OutputLog(Descriptor file, std::uint64_t cap, const std::function<void(std::string_view)>& on_output);
    void hold(std::string_view bytes);
    void put(std::string_view bytes);
    bool write(std::string_view bytes);

    Descriptor file_;
    std::size_t tail_cap_;
    std::uint64_t head_cap_;
    const std::function<void(std::string_view)>* on_output_;
    std::uint64_t total_ = 0;
    std::uint64_t head_ = 0;  ///< put already
    std::string tail_;        ///< a ring once it is full: the oldest byte is at `tail_at_`
    std::size_t tail_at_ = 0;
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
    /// False when there is no descriptor for it; asked before anything is started.
    explicit Wake(const Control& control);
    explicit operator bool() const { return static_cast<bool>(event_); }

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
