#pragma once

#include <condition_variable>
#include <filesystem>
#include <mutex>
#include <optional>
#include <stop_token>
#include <thread>

namespace bot {

/// Copies the write-ahead log back into the database, beside the work. SQLite's own checkpoint runs inside
/// the commit that made the log long: under load everybody waits some 40 ms for it, four times a second. Here
/// a thread with a connection of its own copies nearly all of it while commits go on, and then the little
/// rest with the writer held, after which the log begins anew. What it cannot copy (a full disk) stays in the
/// log, and is tried again when the log has grown.
class LedgerCheckpoints {
 public:
    /// `writing`: the mutex of the one writer. Outlives this.
    LedgerCheckpoints(std::filesystem::path ledger, std::mutex& writing);
    ~LedgerCheckpoints();
    LedgerCheckpoints(const LedgerCheckpoints&) = delete;
    LedgerCheckpoints& operator=(const LedgerCheckpoints&) = delete;

    /// Called after each commit with the length of the log; quick.
    void log_has(int pages);

 private:
    void work(const std::stop_token& stop);

    std::filesystem::path ledger_;
    std::mutex& writing_;
    std::mutex mutex_;
    std::condition_variable_any bell_;
    bool due_ = false;
    std::optional<std::jthread> thread_;  // with the first long log
};

}  // namespace bot
