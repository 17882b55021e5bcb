#pragma once

#include <condition_variable>
#include <filesystem>
#include <mutex>
#include <optional>
#include <stop_token>
#include <thread>

#include "bot/fair_mutex.hpp"

namespace bot {

/// Copies the write-ahead log back into the database, beside the work. SQLite's own checkpoint runs inside
/// the commit that made the log long: under load everybody waits some 40 ms for it, four times a second. Here
/// a thread with a connection of its own copies nearly all of it while commits go on, and then the little
/// rest with the writer held, after which the log begins anew. Where the disk cannot keep up, the writer
/// waits at 96 MB. What cannot be copied (a full disk) stays in the log, and is tried again when the log has
/// grown.
class LedgerCheckpoints {
 public:
    /// `writing`: the mutex of the one writer. Outlives this.
    LedgerCheckpoints(std::filesystem::path ledger, FairMutex& writing);
    ~LedgerCheckpoints();
    LedgerCheckpoints(const LedgerCheckpoints&) = delete;
    LedgerCheckpoints& operator=(const LedgerCheckpoints&) = delete;

    /// Called after each commit with the length of the log; quick.
    void log_has(int pages);

    /// Called before each commit, the writer not held: waits while a log at its bound is copied back.
    void keep_log_short();

 private:
    void work(const std::stop_token& stop);
    void copy_back();

    std::filesystem::path ledger_;
    FairMutex& writing_;
    std::mutex mutex_;
    std::condition_variable_any changed_;
    bool due_ = false;
    bool too_long_ = false;
    std::optional<std::jthread> thread_;  // with the first long log
};

}  // namespace bot
