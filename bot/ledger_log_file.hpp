#pragma once

#include <SQLiteCpp/Database.h>

#include <filesystem>

namespace bot {

/// A database whose write-ahead log gets the frames of a transaction many at a time, instead of by two calls
/// each: SQLite's own way to files (https://www.sqlite.org/vfs.html) but for that. All are written before
/// SQLite asks for them to be synced or shows them to anybody; who reads the log finds in it what he would
/// find without. `flags` and `busy_timeout_ms` as SQLiteCpp's. Throws SQLite::Exception.
[[nodiscard]] SQLite::Database open_with_whole_frames(const std::filesystem::path& file, int flags,
                                                      int busy_timeout_ms);

}  // namespace bot
