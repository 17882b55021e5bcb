#pragma once

#include <doctest/doctest.h>
#include <httplib.h>

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "sandbox/descriptor.hpp"
#include "sandbox/gateway.hpp"

/// The stage of the gateway's tests: a real service on 127.0.0.1, a purse that keeps books, a program inside
/// on its end of a socket.
namespace gateway_stage {

inline constexpr auto key_one = "sk-canary-one-0123456789abcdef";
inline constexpr auto key_two = "sk-canary-two-fedcba9876543210";

/// Waits up to half a minute.
[[nodiscard]] bool eventually(const std::function<bool()>& holds);

/// Books with limits; fails the test when more is settled than was reserved.
class Books final : public sandbox::Purse {
 public:
    std::uint64_t most_micro_dollars = UINT64_MAX;
    [[nodiscard]] Reservation reserve(const sandbox::ModelUse& most) override;
    void settle(std::int64_t reservation, const sandbox::ModelUse& used) override;
    [[nodiscard]] sandbox::ModelUse spent() const;
    [[nodiscard]] sandbox::ModelUse last_reserved() const;
    [[nodiscard]] std::size_t open() const;
    [[nodiscard]] std::uint64_t most_ever() const;  ///< spent and reserved together, in micro dollars

 private:
    mutable std::mutex mutex_;
    std::map<std::int64_t, sandbox::ModelUse> open_;
    std::int64_t next_ = 1;
    std::uint64_t reserved_ = 0, most_ever_ = 0;
    sandbox::ModelUse spent_, last_;
};

struct Arrived {
    std::string target, body;
    httplib::Headers headers;
};

class Service {
 public:
    using Handler = std::function<void(const httplib::Request&, httplib::Response&)>;
    explicit Service(Handler handler);
    ~Service();
    [[nodiscard]] std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }
    [[nodiscard]] std::vector<Arrived> arrived() const;

 private:
    httplib::Server server_;
    mutable std::mutex mutex_;
    std::vector<Arrived> arrived_;
    int port_ = 0;
    std::thread thread_;
};

/// A service that writes bytes of its own choice: `script` gets the socket when a request's head has come.
class RawService {
 public:
    using Script = std::function<void(int socket, const std::stop_token& stop)>;
    explicit RawService(Script script);
    ~RawService();
    [[nodiscard]] std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }
    [[nodiscard]] int calls() const { return calls_; }

 private:
    sandbox::Descriptor listening_;
    int port_ = 0;
    std::atomic<int> calls_{0};
    std::jthread thread_;
};

void send_all(int socket, std::string_view bytes);

[[nodiscard]] std::string chunk(std::string_view bytes);
inline constexpr std::string_view stream_head =
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";

struct Reply {
    int status = 0;
    std::string head, body;  ///< in lower case; taken out of its chunks
    bool whole = false;      ///< its end has come
};

/// A program inside.
class Program {
 public:
    explicit Program(sandbox::Descriptor end) : end_(std::move(end)) {}
    void send(std::string_view bytes);
    void post(const std::string& target, const std::string& body, const std::string& headers = {});
    [[nodiscard]] Reply reply();
    /// Reads until `text` has come; what came so far.
    std::string read_until(std::string_view text);
    [[nodiscard]] bool ended();
    void hang_up() { end_.close(); }

 private:
    bool more();
    sandbox::Descriptor end_;
    std::string input_;
};

/// A gateway with its folder; connections are served in threads of their own until the end.
class Stage {
 public:
    explicit Stage(const std::string& url, config::ModelApi api = config::ModelApi::anthropic,
                   const std::function<void(config::ModelProvider&)>& change = {});
    ~Stage();

    void plan(const std::function<void(sandbox::GatewayPlan&)>& change) { change_plan_ = change; }
    [[nodiscard]] Program connect();
    /// One call on a connection of its own.
    [[nodiscard]] Reply call(const std::string& target, const std::string& body,
                             const std::string& headers = {});
    [[nodiscard]] sandbox::GatewayReport report() { return gateway().report(); }
    [[nodiscard]] sandbox::GatewayReport report_at_end();  ///< of every connection
    [[nodiscard]] std::string record() const;
    void stop();

    Books books;
    std::atomic<int> halts{0};

 private:
    [[nodiscard]] sandbox::Gateway& gateway();

    std::filesystem::path folder_;
    config::ModelSettings settings_;
    std::unique_ptr<sandbox::ModelKeys> keys_;
    std::function<void(sandbox::GatewayPlan&)> change_plan_;
    std::unique_ptr<sandbox::Gateway> gateway_;
    std::stop_source stop_;
    std::vector<std::thread> threads_;
};

}  // namespace gateway_stage
