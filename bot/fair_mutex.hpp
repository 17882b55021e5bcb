#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>

namespace bot {

/// A mutex that is had in the order of asking: who gives it back and asks again at once comes after all who
/// waited. Threads that each want it seldom are not kept from it by one that wants it all the time, as they
/// may be for seconds with std::mutex.
class FairMutex {
 public:
    void lock() {
        std::unique_lock lock(mutex_);
        const auto mine = next_++;
        turn_.wait(lock, [&] { return mine == now_; });
    }
    void unlock() {
        const std::lock_guard lock(mutex_);
        ++now_;
        turn_.notify_all();
    }
    /// How many threads wait for it.
    [[nodiscard]] std::uint64_t waiting() const {
        const std::lock_guard lock(mutex_);
        return next_ == now_ ? 0 : next_ - now_ - 1;
    }

 private:
    mutable std::mutex mutex_;
    std::condition_variable turn_;
    std::uint64_t next_ = 0;  ///< to be drawn
    std::uint64_t now_ = 0;   ///< who has it, when it was drawn
};

}  // namespace bot
