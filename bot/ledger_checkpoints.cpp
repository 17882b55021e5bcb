#include "bot/ledger_checkpoints.hpp"

#include <SQLiteCpp/Database.h>
#include <SQLiteCpp/Exception.h>
#include <spdlog/spdlog.h>
#include <sqlite3.h>

#include <utility>

namespace bot {

namespace {

/// 32 MB: the index pages that every delivery dirties are copied back once in thousands of deliveries.
constexpr int long_log = 8000;
/// 96 MB: on a disk that takes deliveries faster than it copies them back, the writer waits for the copy
/// here.
constexpr int longest_log = 24000;

}  // namespace

LedgerCheckpoints::LedgerCheckpoints(std::filesystem::path ledger, FairMutex& writing)
    : ledger_(std::move(ledger)), writing_(writing) {}

LedgerCheckpoints::~LedgerCheckpoints() {
    if (!thread_) return;
    thread_->request_stop();
    thread_->join();
}

void LedgerCheckpoints::log_has(int pages) {
    if (pages < long_log) return;
    const std::lock_guard lock(mutex_);
    too_long_ = pages >= longest_log;
    if (std::exchange(due_, true)) return;
    if (!thread_) thread_.emplace([this](const std::stop_token& stop) { work(stop); });
    changed_.notify_all();
}

void LedgerCheckpoints::keep_log_short() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return !due_ || !too_long_; });
}

void LedgerCheckpoints::work(const std::stop_token& stop) {
    for (;;) {
        {
            std::unique_lock lock(mutex_);
            if (!changed_.wait(lock, stop, [this] { return due_; })) break;
        }
        try {
            copy_back();
        } catch (const SQLite::Exception& fault) {
            spdlog::warn("{}: the write-ahead log cannot be copied back now: {}", ledger_.string(),
                         fault.what());
        }
        const std::lock_guard lock(mutex_);
        due_ = false;
        changed_.notify_all();
    }
}

void LedgerCheckpoints::copy_back() {
    SQLite::Database own(ledger_.string(), SQLite::OPEN_READWRITE | SQLite::OPEN_NOMUTEX);
    // A connection that never read knows no log to copy.
    (void)own.execAndGet("SELECT count(*) FROM sqlite_master");
    const auto copy = [&own] {
        const int fault = ::sqlite3_wal_checkpoint_v2(own.getHandle(), nullptr, SQLITE_CHECKPOINT_PASSIVE,
                                                      nullptr, nullptr);
        if (fault != SQLITE_OK && fault != SQLITE_BUSY) throw SQLite::Exception(own.getHandle(), fault);
    };
    copy();
    const std::lock_guard lock(writing_);
    copy();
}

}  // namespace bot
