#pragma once

#include <httplib.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace bot {

/// One accepted connection as httplib's stream: buffered both ways (a request and an answer take one system
/// call each), with a deadline for a body as a whole, where the library's own only bounds the wait for the
/// next byte.
class ListenerSocket final : public httplib::Stream {
 public:
    using Clock = std::chrono::steady_clock;

    /// Owns the descriptor. `stopping`: reads end early once it is set; outlives this.
    ListenerSocket(int descriptor, const std::atomic<bool>& stopping);
    ~ListenerSocket() override;
    ListenerSocket(const ListenerSocket&) = delete;
    ListenerSocket& operator=(const ListenerSocket&) = delete;

    [[nodiscard]] bool is_readable() const override { return !input().empty(); }
    [[nodiscard]] bool is_writable() const override { return true; }
    ssize_t read(char* to, std::size_t size) override;
    ssize_t write(const char* from, std::size_t size) override;
    void get_remote_ip_and_port(std::string& ip, int& port) const override;
    void get_local_ip_and_port(std::string& ip, int& port) const override;
    [[nodiscard]] socket_t socket() const override { return descriptor_; }

    /// Takes what is there, without waiting.
    enum class Took { some, nothing, end };
    [[nodiscard]] Took take_in();
    /// What was taken in and not yet read.
    [[nodiscard]] std::string_view input() const { return std::string_view(input_).substr(read_); }
    void drop_input();
    /// What is read from now on must be there in time, and come at 16 KiB a second after the first two
    /// seconds.
    void expect(std::chrono::milliseconds within);
    /// Sends what was written.
    [[nodiscard]] bool flush();
    /// Instead of what was written.
    void replace_output(std::string text) { output_ = std::move(text); }

    /// What follows in this connection is not a request: a body that was not read.
    void close_after_answer() { close_after_answer_ = true; }
    [[nodiscard]] bool closes_after_answer() const { return close_after_answer_; }

 private:
    [[nodiscard]] bool fill();

    int descriptor_;
    const std::atomic<bool>& stopping_;
    std::string input_;
    std::size_t read_ = 0;
    std::string output_;
    std::string remote_ip_;
    int remote_port_ = 0;
    Clock::time_point began_{}, deadline_{};
    std::uint64_t bytes_ = 0;  ///< since it began
    bool close_after_answer_ = false;
};

}  // namespace bot
