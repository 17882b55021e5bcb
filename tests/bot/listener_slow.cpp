#include <doctest/doctest.h>
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <thread>

#include "tests/bot/listener_fixture.hpp"

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

namespace {

/// As many as the machine's limit on open files allows: both ends are in this process.
std::size_t many(std::size_t wanted) {
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = std::max(limit.rlim_cur, std::min<rlim_t>(limit.rlim_max, 2 * wanted + 500));
    ::setrlimit(RLIMIT_NOFILE, &limit);
    return std::min<std::size_t>(wanted, (limit.rlim_cur - 200) / 2);
}

}  // namespace

TEST_CASE_FIXTURE(ListenerFixture, "five thousand slow senders do not keep a healthy one waiting") {
    const auto wanted = many(5000);
    serve();
    std::string_view half;
    std::string keep;
    SUBCASE("who never end their head") { half = "POST /hooks/github HTTP/1.1\r\nHost: x\r\nX-Slow: "; }
    SUBCASE("who never end their body") {
        keep = request("slow", std::string(1000, 'x'));
        half = std::string_view(keep).substr(0, keep.size() - 500);
    }
    SUBCASE("who say nothing") { half = ""; }
    std::vector<int> slow;
    for (std::size_t i = 0; i < wanted; ++i) {
        const int descriptor = connect();
        REQUIRE(descriptor >= 0);
        slow.push_back(descriptor);
        if (!half.empty()) ::send(descriptor, half.data(), half.size(), MSG_NOSIGNAL);
    }
    auto worst = Clock::duration::zero();
    const auto began = Clock::now();
    for (int i = 0; Clock::now() - began < 3s; ++i) {
        const auto sent = Clock::now();
        const auto answer = post("healthy-" + std::to_string(i), "{}");
        REQUIRE(answer);
        CHECK(answer->status == 202);
        worst = std::max(worst, Clock::now() - sent);
        for (std::size_t k = static_cast<std::size_t>(i) % 50; k < slow.size() && !half.empty(); k += 50)
            ::send(slow[k], "x", 1, MSG_NOSIGNAL);
    }
    MESSAGE(slow.size(), " slow connections; slowest healthy answer: ",
            std::chrono::duration_cast<std::chrono::milliseconds>(worst).count(), " ms");
    CHECK(worst < 2s);
    for (const int descriptor : slow) ::close(descriptor);
}

TEST_CASE_FIXTURE(ListenerFixture,
                  "a head that does not end in five seconds is not waited for, whatever trickles") {
    serve();
    const int descriptor = connect();
    const auto began = Clock::now();
    std::string_view head = "POST /hooks/github HTTP/1.1\r\nX-Slow: ";
    ::send(descriptor, head.data(), head.size(), MSG_NOSIGNAL);
    char byte = 0;
    while (::recv(descriptor, &byte, 1, MSG_DONTWAIT) != 0 && Clock::now() - began < 9s) {
        if (::send(descriptor, "x", 1, MSG_NOSIGNAL) < 0) break;
        std::this_thread::sleep_for(100ms);
    }
    const auto waited = Clock::now() - began;
    CHECK(waited > 4s);
    CHECK(waited < 7s);
    ::close(descriptor);
}

TEST_CASE_FIXTURE(ListenerFixture, "a large body that trickles is not waited for") {
    serve();
    const int descriptor = connect();
    std::string_view head = "POST /hooks/github HTTP/1.1\r\nContent-Length: 1000000\r\n\r\n";
    ::send(descriptor, head.data(), head.size(), MSG_NOSIGNAL);
    const auto began = Clock::now();
    std::string answer;
    std::array<char, 1024> buffer{};
    while (answer.empty() && Clock::now() - began < 9s) {
        if (::send(descriptor, "x", 1, MSG_NOSIGNAL) < 0) break;
        std::this_thread::sleep_for(100ms);
        const auto got = ::recv(descriptor, buffer.data(), buffer.size(), MSG_DONTWAIT);
        if (got > 0) answer.assign(buffer.data(), static_cast<std::size_t>(got));
        if (got == 0) break;
    }
    CHECK(answer.starts_with("HTTP/1.1 408"));
    CHECK(Clock::now() - began < 5s);
    ::close(descriptor);
    CHECK(ledger->figures().deliveries_waiting == 0);
}

TEST_CASE_FIXTURE(ListenerFixture, "the daemon stops quickly, with slow and idle connections open") {
    serve();
    std::vector<int> open_ones;
    for (int i = 0; i < 20; ++i) open_ones.push_back(connect());
    for (std::size_t i = 0; i < 10; ++i) ::send(open_ones[i], "POST /hooks", 11, MSG_NOSIGNAL);
    std::string_view large = "POST /hooks/github HTTP/1.1\r\nContent-Length: 1000000\r\n\r\nxxx";
    for (std::size_t i = 10; i < 15; ++i) ::send(open_ones[i], large.data(), large.size(), MSG_NOSIGNAL);
    std::this_thread::sleep_for(300ms);
    const auto began = Clock::now();
    listener.reset();
    CHECK(Clock::now() - began < 2s);
    for (const int descriptor : open_ones) ::close(descriptor);
}
