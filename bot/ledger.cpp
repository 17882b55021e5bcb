// The durable book. One SQLite file in WAL mode, synchronous=FULL: what a verb has returned is on disk, but
// for settled calls.
//
// One connection writes, behind a mutex, with BEGIN IMMEDIATE (a deferred transaction that turns to writing
// may fail at once with SQLITE_BUSY, busy_timeout or not); another one reads, so that pages for people never
// wait for a commit. Verbs: deliveries in ledger_deliveries.cpp, what is decided in ledger_intents.cpp, jobs
// in ledger_jobs.cpp, who is next in ledger_queue.cpp, reports in ledger_reports.cpp. Here: opening, faults,
// upkeep.
#include "bot/ledger.hpp"

#include <fmt/format.h>
#include <sqlite3.h>

#include <system_error>

#include "bot/ledger_inside.hpp"
#include "bot/ledger_log_file.hpp"

namespace bot {

namespace {

using namespace std::chrono_literals;

constexpr int busy_timeout_ms = 5000;
// Measured on deliveries of 12 KB, which LZ4 takes to about 4.4 KB: with 4096 bytes one overflow page holds a
// body nearly full, and the randomly placed entry of the unique index dirties no more than 4 KB.
constexpr int page_bytes = 4096;

/// The daemon's other processes have users of their own and must not read it.
void keep_to_owner(const std::filesystem::path& file) {
    std::error_code error;
    std::filesystem::permissions(
        file, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write, error);
    if (error)
        throw LedgerError(fmt::format("{}: cannot be kept from other users: {}; the file must be this user's",
                                      file.string(), error.message()));
}

SQLite::Database open_ledger(const std::filesystem::path& file) {
    try {
        auto database = open_with_whole_frames(
            file, SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE | SQLite::OPEN_NOMUTEX, busy_timeout_ms);
        keep_to_owner(file);  // its log and shared memory take its mode
        database.exec(fmt::format("PRAGMA page_size = {}", page_bytes));
        const auto mode = database.execAndGet("PRAGMA journal_mode = WAL").getString();
        if (mode != "wal") {
            throw LedgerError(
                fmt::format("{}: the file system cannot share memory between processes (journal mode {}); "
                            "put the ledger on a local disk",
                            file.string(), mode));
        }
        database.exec("PRAGMA synchronous = FULL");
        database.exec("PRAGMA journal_size_limit = 67108864");
        // 4 MB: after a split in an index SQLite looks at every page that it keeps before the commit is over.
        database.exec("PRAGMA cache_size = -4000");
        database.exec("PRAGMA temp_store = MEMORY");
        return database;
    } catch (const SQLite::Exception& fault) {
        throw to_ledger_error(file, fault);
    }
}

/// Damage is found before anything is built on it.
void check(SQLite::Database& database, const std::filesystem::path& file) {
    SQLite::Statement statement(database, "PRAGMA quick_check(1)");
    const auto verdict =
        statement.executeStep() ? statement.getColumn(0).getString() : std::string("no answer");
    if (verdict == "ok") return;
    throw LedgerError(
        fmt::format("{0}: the ledger is damaged ({1}); move {0}, {0}-wal and {0}-shm aside and put the last "
                    "backup in its place, or start without one: labelled issues are found again",
                    file.string(), verdict));
}

SQLite::Database open_newest(const std::filesystem::path& file) {
    auto database = open_ledger(file);
    try {
        check(database, file);
        migrate(database, file);
        database.exec("PRAGMA foreign_keys = ON");
    } catch (const SQLite::Exception& fault) {
        throw to_ledger_error(file, fault);
    }
    return database;
}

SQLite::Database open_reader(const std::filesystem::path& file) {
    auto database = open_ledger(file);
    database.exec("PRAGMA query_only = ON");
    return database;
}

}  // namespace

std::int64_t to_ms(Time time) {
    return std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch()).count();
}

Time from_ms(std::int64_t ms) { return Time(std::chrono::milliseconds(ms)); }

LedgerError to_ledger_error(const std::filesystem::path& file, const SQLite::Exception& fault) {
    const auto* mend = "";
    switch (fault.getErrorCode() & 0xff) {
        case SQLITE_FULL:
            mend = "; the disk is full: free space in its folder, nothing was lost";
            break;
        case SQLITE_IOERR:
            mend = "; the disk cannot be written or read: look at its free space and the kernel's log";
            break;
        case SQLITE_BUSY:
            mend = "; another program has held it for more than 5 seconds: end that program";
            break;
        case SQLITE_CORRUPT:
        case SQLITE_NOTADB:
            mend =
                "; it is damaged: move it and its -wal and -shm files aside and put the last backup in its "
                "place, or start "
                "without one: labelled issues are found again";
            break;
        case SQLITE_CANTOPEN:
            mend = "; its folder must exist and be writable for this user";
            break;
        case SQLITE_READONLY:
            mend = "; the file must be writable for this user";
            break;
        default:
            break;
    }
    return LedgerError(fmt::format("{}: {}{}", file.string(), fault.what(), mend));
}

Ledger::Inside::Inside(std::filesystem::path ledger_file, Options wanted)
    : file(std::move(ledger_file)),
      options(std::move(wanted)),
      writer(open_newest(file)),
      reader(open_reader(file)),
      checkpoints(file, writing),
      group([this](std::vector<LedgerGroup::Bundle>& bundles) {
          write([&](SQLite::Database& db) {
              for (auto& bundle : bundles)
                  for (auto& entry : bundle.entries) insert(db, entry);
          });
      }) {
    if (!options.clock) options.clock = [] { return std::chrono::system_clock::now(); };
    if (!options.steady_clock) options.steady_clock = [] { return std::chrono::steady_clock::now(); };
    const auto committed = [](void* to, sqlite3*, const char*, int pages) {
        static_cast<LedgerCheckpoints*>(to)->log_has(pages);
        return SQLITE_OK;
    };
    ::sqlite3_wal_hook(writer.getHandle(), committed, &checkpoints);  // also ends SQLite's own checkpoints
}

void Ledger::Inside::remember(std::optional<std::string> what) {
    const std::lock_guard lock(remembering);
    last_trouble = std::move(what);
    last_commit = std::chrono::steady_clock::now();
}

Ledger::Ledger(const std::filesystem::path& file, Options options)
    : inside_(std::make_unique<Inside>(file, std::move(options))) {}

Ledger::~Ledger() = default;

std::optional<std::string> Ledger::trouble() {
    const auto known = [this] {
        const std::lock_guard lock(inside_->remembering);
        const auto age = std::chrono::steady_clock::now() - inside_->last_commit;
        return std::pair(age < (inside_->last_trouble ? 1s : 10s), inside_->last_trouble);
    };
    const auto [fresh, last] = known();
    if (fresh) return last;
    try {
        inside_->write(
            [this](SQLite::Database& db) { execute(db, "UPDATE pulse SET at = ?1", inside_->now()); });
    } catch (const LedgerError& error) {
        return error.what();
    }
    return std::nullopt;
}

int Ledger::prune(Time before) {
    constexpr int at_once = 500;  // deliveries wait for the writer no longer than that takes
    int pruned = 0;
    for (;;) {
        const int some = inside_->write([&](SQLite::Database& db) {
            execute(db, "DELETE FROM baselines WHERE stored_at < ?1", to_ms(before));
            return execute(
                db,
                "DELETE FROM deliveries WHERE id IN "
                "(SELECT delivery FROM outcomes WHERE state = 'settled' AND at < ?1 ORDER BY at LIMIT ?2)",
                to_ms(before), at_once);
        });
        pruned += some;
        if (some < at_once) return pruned;
    }
}

}  // namespace bot
