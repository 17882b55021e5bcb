#include "sandbox/watch.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace sandbox {

namespace {

/// Room kept below the cap for the line about what is left out.
constexpr std::uint64_t note_bytes = 96;
constexpr std::uint64_t longest_tail = 64 << 10;

}  // namespace

OutputLog::OutputLog(Descriptor file, std::uint64_t cap,
                     const std::function<void(std::string_view)>& on_output)
    : file_(std::move(file)),
      tail_cap_(static_cast<std::size_t>(std::min(cap / 2, longest_tail))),
      head_cap_(cap - tail_cap_ - (cap > 4096 ? note_bytes : 0)),
      on_output_(&on_output) {}

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
    total_ += bytes.size();
    const auto head = bytes.substr(0, std::min<std::uint64_t>(head_cap_ - head_, bytes.size()));
    head_ += head.size();
    put(head);
    hold(bytes.substr(head.size()));
}

void OutputLog::hold(std::string_view bytes) {
    if (bytes.size() > tail_cap_) bytes.remove_prefix(bytes.size() - tail_cap_);
    while (!bytes.empty()) {
        const auto part = bytes.substr(0, tail_cap_ - tail_at_);
        if (tail_.size() < tail_at_ + part.size()) tail_.resize(tail_at_ + part.size());
        tail_.replace(tail_at_, part.size(), part);
        tail_at_ = (tail_at_ + part.size()) % tail_cap_;
        bytes.remove_prefix(part.size());
    }
}

void OutputLog::put(std::string_view bytes) {
    if (bytes.empty()) return;
    if (!write(bytes)) file_.close();
    if (*on_output_) (*on_output_)(bytes);
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
    if (dropped() > 0) put(fmt::format("\n[… {} bytes left out …]\n", dropped()));
    put(std::string_view(tail_).substr(tail_at_));
    put(std::string_view(tail_).substr(0, tail_at_));
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
      on_detach_(control.detach, Ring{event_.get()}) {}

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
