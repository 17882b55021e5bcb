#include "bot/fair_mutex.hpp"

#include <doctest/doctest.h>

#include <mutex>
#include <string>
#include <thread>
#include <vector>

TEST_CASE("who wants a fair mutex all the time lets everybody else have it in their order") {
    bot::FairMutex mutex;
    std::string order;  // guarded by it
    std::vector<std::jthread> others;
    const auto wait_for = [&](std::uint64_t threads) {
        while (mutex.waiting() < threads) std::this_thread::yield();
    };
    CHECK(mutex.waiting() == 0);
    mutex.lock();
    for (const char who : {'a', 'b', 'c'}) {
        others.emplace_back([&, who] {
            const std::lock_guard lock(mutex);
            order += who;
        });
        wait_for(others.size());
    }
    mutex.unlock();
    const std::lock_guard again(mutex);
    CHECK(order == "abc");
    CHECK(mutex.waiting() == 0);
}
