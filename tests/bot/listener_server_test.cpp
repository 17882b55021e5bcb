#include "bot/listener_server.hpp"

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <sys/socket.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "bot/listener_bind.hpp"

using namespace std::chrono_literals;
using bot::ListenerRequest;
using bot::ListenerServer;

namespace {

/// A client that waits for what it is told.
class Caller {
 public:
    explicit Caller(int port) : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(static_cast<std::uint16_t>(port));
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        REQUIRE(::connect(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    }
    void say(std::string_view bytes) const {
        REQUIRE(::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL) ==
                static_cast<ssize_t>(bytes.size()));
    }
    /// The first bytes of the answer; empty: the connection was closed.
    [[nodiscard]] std::string hear() const {
        std::string text(100, '\0');
        const auto got = ::recv(socket_.get(), text.data(), text.size(), 0);
        text.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
        return text;
    }

 private:
    sandbox::Descriptor socket_;
};

std::string posting(std::size_t size) {
    return "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: " + std::to_string(size) + "\r\n\r\n";
}

void until(const std::function<bool()>& what) {
    for (int i = 0; i < 2000 && !what(); ++i) std::this_thread::sleep_for(5ms);
    REQUIRE(what());
}

}  // namespace

TEST_CASE("bodies that together take more memory than there is for them are told to come again") {
    auto listening = bot::listen_on("127.0.0.1", 0);
    const auto port = bot::port_of(listening);
    std::atomic<int> read{0};
    std::atomic<bool> answer{false};
    ListenerServer server(std::move(listening), {.workers = 4, .body_bytes = 150'000},
                          [&](ListenerRequest request) {
                              const auto body = request.body(1 << 20, 20s);
                              if (!body) {
                                  CHECK(body.error() == ListenerRequest::BodyFault::no_room);
                                  return request.answer({.status = 503});
                              }
                              ++read;
                              while (!answer) std::this_thread::sleep_for(1ms);
                              request.answer({.status = 202});
                          });
    const Caller first(port);
    first.say(posting(100'000) + std::string(100'000, 'x'));
    until([&] { return read == 1; });
    const Caller second(port);
    second.say(posting(100'000) + std::string(100'000, 'x'));
    CHECK(second.hear().starts_with("HTTP/1.1 503"));
    answer = true;
    CHECK(first.hear().starts_with("HTTP/1.1 202"));
    const Caller third(port);  // the memory of the first is free again
    third.say(posting(100'000) + std::string(100'000, 'x'));
    CHECK(third.hear().starts_with("HTTP/1.1 202"));
}

TEST_CASE("past the limit a connection that waits makes room, and when none does the new one is closed") {
    auto listening = bot::listen_on("127.0.0.1", 0);
    const auto port = bot::port_of(listening);
    std::mutex mutex;
    std::vector<ListenerRequest> held;
    const auto holds = [&] {
        const std::scoped_lock lock(mutex);
        return held.size();
    };
    ListenerServer server(std::move(listening), {.connections = 2}, [&](ListenerRequest request) {
        const std::scoped_lock lock(mutex);
        held.push_back(std::move(request));
    });
    const std::string question = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
    const Caller waiting(port);
    const Caller asking(port);
    asking.say(question);
    until([&] { return holds() == 1; });
    const Caller also_asking(port);
    CHECK(waiting.hear().empty());
    also_asking.say(question);
    until([&] { return holds() == 2; });
    const Caller too_many(port);
    CHECK(too_many.hear().empty());
    for (auto& request : held) request.answer({.status = 200});
    CHECK(asking.hear().starts_with("HTTP/1.1 200"));
    CHECK(also_asking.hear().starts_with("HTTP/1.1 200"));
}
