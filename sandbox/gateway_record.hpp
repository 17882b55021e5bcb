#pragma once

#include <chrono>
#include <cstdint>
#include <mutex>
#include <string>

#include "sandbox/gateway.hpp"

namespace sandbox {

/// One call as it is written down: never a word of a prompt, an answer or a key.
struct CallRecord {
    std::chrono::system_clock::time_point began = std::chrono::system_clock::now();
    std::string endpoint;  ///< empty: none that is known
    std::string model;     ///< one of the settings', or empty
    int status = 0;        ///< that the program inside was answered; 0: it was gone before
    ModelUse used;
    std::string refused;  ///< why the gateway did not forward it
    std::string fault;    ///< of the service
};

/// A file of JSON lines, appended; after 8 MiB it says no more. Thread-safe.
class CallRecords {
 public:
    /// `file`: of open_record(), outlives; -1: nothing is written down.
    explicit CallRecords(int file);
    void add(const CallRecord& call);

 private:
    std::mutex mutex_;
    int file_;
    std::uint64_t bytes_ = 0;
};

}  // namespace sandbox
