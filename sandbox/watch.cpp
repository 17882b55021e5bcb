#include "sandbox/watch.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <system_error>

namespace sandbox {

namespace {

/// Room kept below the cap for the closing line.
constexpr std::uint64_t note_bytes = 96;

}  // namespace

OutputLog::OutputLog(Descriptor file, std::uint64_t cap,
                     const std::function<void(std::string_view)>& on_output)
    : file_(std::move(file)), cap_(cap > 4096 ? cap - note_bytes : cap), on_output_(&on_output) {}

std::expected<OutputLog, Error> OutputLog::open(const std::filesystem::path& file, std::uint64_t cap,
                                                const std::function<void(std::string_view)>& on_output) {
    Descriptor descriptor;
    if (!file.empty()) {
        descriptor = Descriptor(::open(file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640));
        if (!descriptor) {
            return std::unexpected(
                Error{Error::Kind::refused,
                      fmt::format("cannot write the log file {}: {}", file.string(), std::strerror(errno))});
        }
    }
    return OutputLog(std::move(descriptor), cap, on_output);
}

void OutputLog::add(std::string_view bytes) {
    const auto kept = total_ - dropped_;
    total_ += bytes.size();
    // What was dropped once stays a gap at the end: nothing is kept after it, even if it would fit.
    const auto room = dropped_ > 0 || kept >= cap_ ? 0 : cap_ - kept;
    const auto head = bytes.substr(0, std::min<std::uint64_t>(room, bytes.size()));
    dropped_ += bytes.size() - head.size();
    if (head.empty()) return;
    if (!write(head)) file_.close();
    if (*on_output_) (*on_output_)(head);
}

bool OutputLog::write(std::string_view bytes) {
    while (file_ && !bytes.empty()) {
        const auto n = ::write(file_.get(), bytes.data(), bytes.size());
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return false;
        bytes.remove_prefix(static_cast<std::size_t>(n));
    }
    return true;
}

void OutputLog::finish() {
    if (dropped_ > 0) write(fmt::format("\n[{} more bytes of output were dropped]\n", dropped_));
    file_.close();
}

Deadlines::Deadlines(const config::Limits& limits, Clock::time_point start)
    : idle_(limits.idle), total_until_(start + limits.total), idle_until_(start + limits.idle) {}

std::optional<RunOutcome::End> Deadlines::passed(Clock::time_point now) const {
    if (now >= total_until_) return RunOutcome::End::total_deadline;
    if (now >= idle_until_) return RunOutcome::End::idle_deadline;
    return std::nullopt;
}

Wake::Wake(const Control& control)
    : event_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      on_cancel_(control.cancel, Ring{event_.get()}),
      on_detach_(control.detach, Ring{event_.get()}) {
    if (!event_) throw std::system_error(errno, std::generic_category(), "eventfd");
}

void Wake::Ring::operator()() const noexcept {
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto written = ::write(fd, &one, sizeof one);
}

int poll_milliseconds(Clock::time_point now, Clock::time_point then) {
    if (then <= now) return 0;
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(then - now);
    return static_cast<int>(std::min<std::chrono::milliseconds>(left, std::chrono::minutes(1)).count());
}

RunOutcome::End end_of_status(int status) {
    return status > 128 && status <= 192 ? RunOutcome::End::signalled : RunOutcome::End::exited;
}

}  // namespace sandbox
