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

}  // namespace

LedgerCheckpoints::LedgerCheckpoints(std::filesystem::path ledger, std::mutex& writing)
    : ledger_(std::move(ledger)), writing_(writing) {}

LedgerCheckpoints::~LedgerCheckpoints() {
    if (!thread_) return;
    thread_->request_stop();
    thread_->join();
}

void LedgerCheckpoints::log_has(int pages) {
    if (pages < long_log) return;
    const std::lock_guard lock(mutex_);
    if (std::exchange(due_, true)) return;
    if (!thread_) thread_.emplace([this](const std::stop_token& stop) { work(stop); });
    bell_.notify_one();
}

void LedgerCheckpoints::work(const std::stop_token& stop) {
    try {
        SQLite::Database own(ledger_.string(), SQLite::OPEN_READWRITE | SQLite::OPEN_NOMUTEX);
        (void)own.execAndGet(
            "SELECT count(*) FROM sqlite_master");  // a connection that never read knows no log to copy
        const auto copy_back = [&own] {
            return ::sqlite3_wal_checkpoint_v2(own.getHandle(), nullptr, SQLITE_CHECKPOINT_PASSIVE, nullptr,
                                               nullptr);
        };
        for (;;) {
            {
                std::unique_lock lock(mutex_);
                if (!bell_.wait(lock, stop, [this] { return due_; })) return;
            }
            int fault = copy_back();
            if (fault == SQLITE_OK) {
                const std::lock_guard lock(writing_);
                fault = copy_back();
            }
            if (fault != SQLITE_OK && fault != SQLITE_BUSY)
                spdlog::warn("{}: the write-ahead log cannot be copied back now: {}", ledger_.string(),
                             ::sqlite3_errstr(fault));
            const std::lock_guard lock(mutex_);
            due_ = false;
        }
    } catch (const SQLite::Exception& fault) {
        spdlog::error("{}: the write-ahead log cannot be copied back: {}", ledger_.string(), fault.what());
    }
}

}  // namespace bot
