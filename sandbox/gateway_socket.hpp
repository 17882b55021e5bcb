#pragma once

#include <httplib.h>

#include <chrono>
#include <cstdint>
#include <stop_token>
#include <string>
#include <string_view>

#include "sandbox/descriptor.hpp"

namespace sandbox {

/// How often what waits for the other side looks whether it is to stop.
inline constexpr std::chrono::milliseconds stop_check{50};

/// The connection of a program inside, as httplib's stream: what is read is bounded in bytes and in time,
/// what is sent goes out at once and must be taken. Answers are written by GatewayAnswer; what the library
/// would write after it is dropped.
class GatewaySocket final : public httplib::Stream {
 public:
    using Clock = std::chrono::steady_clock;

    /// `patience`: how long the other side may keep us waiting for a request that it has begun, or for room.
    GatewaySocket(Descriptor descriptor, std::chrono::milliseconds patience, std::stop_token stop);

    [[nodiscard]] bool is_readable() const override { return at_ < input_.size(); }
    [[nodiscard]] bool is_writable() const override { return true; }
    ssize_t read(char* to, std::size_t size) override;
    ssize_t write(const char* from, std::size_t size) override;
    void get_remote_ip_and_port(std::string& ip, int& port) const override;
    void get_local_ip_and_port(std::string& ip, int& port) const override;
    [[nodiscard]] socket_t socket() const override { return descriptor_.get(); }

    /// Waits for the first byte of a request; false when none comes any more.
    [[nodiscard]] bool await_request(std::chrono::milliseconds idle);
    /// So many bytes more may be read, within the patience from now on.
    void expect(std::uint64_t bytes);
    /// What the library writes about this request from here on is dropped.
    void answered() { answered_ = true; }

    [[nodiscard]] bool send(std::string_view bytes);
    /// The other side is not there any more.
    [[nodiscard]] bool gone() const;
    /// Says that nothing follows, and takes what is still under way, so that the answer is not lost with it.
    void close_after_answer();

 private:
    [[nodiscard]] bool await(short events, Clock::time_point until) const;
    [[nodiscard]] bool fill(Clock::time_point until);

    Descriptor descriptor_;
    std::chrono::milliseconds patience_;
    std::stop_token stop_;
    std::string input_;
    std::size_t at_ = 0;
    std::uint64_t may_read_ = 0;
    Clock::time_point until_{};
    bool answered_ = false;
};

/// One answer: whole, or in pieces that go out as they come.
class GatewayAnswer {
 public:
    GatewayAnswer(GatewaySocket& socket, bool without_body) : socket_(socket), without_body_(without_body) {}

    /// `last`: the connection ends with it.
    void whole(int status, const httplib::Headers& headers, std::string_view body, bool last = false);
    [[nodiscard]] bool begin(int status, const httplib::Headers& headers);
    [[nodiscard]] bool piece(std::string_view bytes);
    void end();

    [[nodiscard]] int status() const { return status_; }  ///< 0: not begun
    [[nodiscard]] bool ended() const { return ended_; }   ///< and well; the connection may go on

 private:
    GatewaySocket& socket_;
    bool without_body_;
    int status_ = 0;
    bool ended_ = false;
};

}  // namespace sandbox
