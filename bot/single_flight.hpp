#pragma once

#include <condition_variable>
#include <mutex>
#include <set>
#include <stop_token>
#include <string>

namespace bot {

/// Lets one thread at a time work on a key: who comes second waits, and then finds what the first one stored.
class SingleFlight {
 public:
    class Turn {
     public:
        /// Waits for its turn, or until `stop`: then it is not `held`.
        Turn(SingleFlight& flights, std::string key, const std::stop_token& stop);
        ~Turn();
        Turn(const Turn&) = delete;
        Turn& operator=(const Turn&) = delete;
        [[nodiscard]] bool held() const { return held_; }

     private:
        SingleFlight& flights_;
        std::string key_;
        bool held_ = false;
    };

 private:
    std::mutex mutex_;
    std::condition_variable_any landed_;
    std::set<std::string> flying_;
};

}  // namespace bot
