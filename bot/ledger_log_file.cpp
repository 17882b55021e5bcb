#include "bot/ledger_log_file.hpp"

#include <sqlite3.h>

#include <array>
#include <cstddef>
#include <cstring>
#include <memory>
#include <new>
#include <utility>

namespace bot {

namespace {

/// A frame is a header of 24 bytes and a page, a write each. Bytes 4 to 7 of the header are not zero when
/// the frame is a transaction's last: https://www.sqlite.org/fileformat2.html#the_write_ahead_log
constexpr int header_bytes = 24;
/// The largest page there is: more at a time SQLite's own file need not take.
constexpr std::size_t most_held = 64 * 1024;

/// SQLite's own file, right behind it in memory, has all that was written but `held`.
struct LogFile : sqlite3_file {
    std::unique_ptr<char[]> held;  // with the first write: who only reads has none
    std::size_t size = 0;
    sqlite3_int64 offset = 0;  ///< of its first byte
    bool ends = false;         ///< the frame that is being written ends a transaction

    sqlite3_file* own() { return reinterpret_cast<sqlite3_file*>(this + 1); }
};

LogFile& log_of(sqlite3_file* file) { return *static_cast<LogFile*>(file); }

/// What could not be written is dropped: SQLite hears of it before the transaction is committed, and gives
/// that up whole.
int write_out(LogFile& log) {
    if (log.size == 0) return SQLITE_OK;
    const auto size = static_cast<int>(std::exchange(log.size, 0));
    return log.own()->pMethods->xWrite(log.own(), log.held.get(), size, log.offset);
}

int write(sqlite3_file* file, const void* bytes, int count, sqlite3_int64 offset) {
    auto& log = log_of(file);
    const auto size = static_cast<std::size_t>(count);
    const auto next = log.offset + static_cast<sqlite3_int64>(log.size);
    if (offset != next || log.size + size > most_held)
        if (const int fault = write_out(log); fault != SQLITE_OK) return fault;
    if (!log.held) log.held.reset(new (std::nothrow) char[most_held]);
    if (!log.held) return SQLITE_IOERR_NOMEM;
    if (log.size == 0) log.offset = offset;
    std::memcpy(log.held.get() + log.size, bytes, size);
    log.size += size;
    constexpr std::array<char, 4> zero{};
    if (count == header_bytes) {  // its page is next
        log.ends = std::memcmp(static_cast<const char*>(bytes) + 4, zero.data(), zero.size()) != 0;
        return SQLITE_OK;
    }
    return log.ends ? write_out(log) : SQLITE_OK;
}

template <auto Method, typename... Arguments>
int pass_on(sqlite3_file* file, Arguments... arguments) {
    auto* own = log_of(file).own();
    return (own->pMethods->*Method)(own, arguments...);
}

template <auto Method, typename... Arguments>
int written_first(sqlite3_file* file, Arguments... arguments) {
    if (const int fault = write_out(log_of(file)); fault != SQLITE_OK) return fault;
    return pass_on<Method>(file, arguments...);
}

/// What is held by then is of no transaction that was committed.
int close(sqlite3_file* file) {
    const int fault = pass_on<&sqlite3_io_methods::xClose>(file);
    log_of(file).~LogFile();
    return fault;
}

const sqlite3_io_methods log_methods{
    .iVersion = 1,  // shared memory is the database's
    .xClose = close,
    .xRead = written_first<&sqlite3_io_methods::xRead, void*, int, sqlite3_int64>,
    .xWrite = write,
    .xTruncate = written_first<&sqlite3_io_methods::xTruncate, sqlite3_int64>,
    .xSync = written_first<&sqlite3_io_methods::xSync, int>,
    .xFileSize = written_first<&sqlite3_io_methods::xFileSize, sqlite3_int64*>,
    .xLock = pass_on<&sqlite3_io_methods::xLock, int>,
    .xUnlock = pass_on<&sqlite3_io_methods::xUnlock, int>,
    .xCheckReservedLock = pass_on<&sqlite3_io_methods::xCheckReservedLock, int*>,
    .xFileControl = written_first<&sqlite3_io_methods::xFileControl, int, void*>,
    .xSectorSize = pass_on<&sqlite3_io_methods::xSectorSize>,
    .xDeviceCharacteristics = pass_on<&sqlite3_io_methods::xDeviceCharacteristics>,
    .xShmMap = nullptr,
    .xShmLock = nullptr,
    .xShmBarrier = nullptr,
    .xShmUnmap = nullptr,
    .xFetch = nullptr,
    .xUnfetch = nullptr,
};

int open(sqlite3_vfs* files, const char* name, sqlite3_file* file, int flags, int* given) {
    auto* own = static_cast<sqlite3_vfs*>(files->pAppData);
    if ((flags & SQLITE_OPEN_WAL) == 0) return own->xOpen(own, name, file, flags, given);
    auto* log = new (file) LogFile{};
    const int fault = own->xOpen(own, name, log->own(), flags, given);
    if (fault == SQLITE_OK) log->pMethods = &log_methods;
    return fault;
}

/// Registered once, for good.
const char* way_to_files() {
    static constexpr auto* name = "shopfloor";
    static sqlite3_vfs files = [] {
        auto* own = ::sqlite3_vfs_find(nullptr);
        auto ours = *own;
        ours.zName = name;
        ours.szOsFile += static_cast<int>(sizeof(LogFile));
        ours.pAppData = own;
        ours.xOpen = open;
        return ours;
    }();
    static const int fault = ::sqlite3_vfs_register(&files, 0);
    if (fault != SQLITE_OK) throw std::bad_alloc();
    return name;
}

}  // namespace

SQLite::Database open_with_whole_frames(const std::filesystem::path& file, int flags, int busy_timeout_ms) {
    SQLite::Database database(file.string(), flags, busy_timeout_ms, way_to_files());
    // Frames that went to the log before their commit could be held when it never comes, and be written over
    // what another connection has put in their place.
    database.exec("PRAGMA cache_spill = OFF");
    return database;
}

}  // namespace bot
