#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace bot {

/// One accepted connection, buffered on its way in, with a deadline for a body as a whole.
class ListenerSocket {
 public:
    using Clock = std::chrono::steady_clock;

    /// Owns the descriptor. `stopping`: reads end early once it is set; outlives this.
    ListenerSocket(int descriptor, const std::atomic<bool>& stopping);
    ~ListenerSocket();
    ListenerSocket(const ListenerSocket&) = delete;
    ListenerSocket& operator=(const ListenerSocket&) = delete;

    [[nodiscard]] int descriptor() const { return descriptor_; }
    /// The other side's address; for the log.
    [[nodiscard]] std::string remote_address() const;

    /// Takes what is there, without waiting.
    enum class Took { some, nothing, end };
    [[nodiscard]] Took take_in();
    /// What was taken in and not yet used.
    [[nodiscard]] std::string_view input() const { return std::string_view(input_).substr(used_); }
    void use(std::size_t bytes) { used_ += bytes; }
    void drop_input();
    /// What `fill` waits for must be there in time, and come at 16 KiB a second after the first two seconds.
    void expect(std::chrono::milliseconds within);
    /// Waits for more input; false when none comes any more, or none in time.
    [[nodiscard]] bool fill();

    /// False when the socket has no room for all of it, or is closed: nobody waits for who does not read its
    /// answers.
    [[nodiscard]] bool send(std::string_view text) const;

 private:
    int descriptor_;
    const std::atomic<bool>& stopping_;
    std::string input_;
    std::size_t used_ = 0;
    Clock::time_point began_{}, deadline_{};
    std::uint64_t bytes_ = 0;  ///< since it began
};

}  // namespace bot
