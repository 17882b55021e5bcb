#include <fmt/format.h>

#include "bot/ledger_inside.hpp"

namespace bot {

namespace {

constexpr int application_id =
    0x53684c67;  // "ShLg", https://www.sqlite.org/pragma.html#pragma_application_id

int pragma(SQLite::Database& database, const char* name) {
    return database.execAndGet(std::string("PRAGMA ") + name).getInt();
}

bool is_empty(SQLite::Database& database) {
    return database.execAndGet("SELECT count(*) FROM sqlite_master").getInt() == 0;
}

std::filesystem::path copy_of(const std::filesystem::path& file, int version) {
    return file.string() + ".v" + std::to_string(version);
}

/// Whole or not at all.
void keep_a_copy(SQLite::Database& database, const std::filesystem::path& copy) {
    const std::filesystem::path unfinished = copy.string() + ".part";
    std::filesystem::remove(unfinished);
    execute(database, "VACUUM INTO ?1", unfinished.string());
    std::filesystem::rename(unfinished, copy);
}

}  // namespace

const Schema& schema() {
    static const Schema newest{.newest =
#include "generated/schema.inc"
                                   ,
                               .steps = {
                                   // 1 -> 2
                                   "CREATE INDEX outcomes_dead ON outcomes (at) WHERE state = 'dead';"
                                   "ALTER TABLE jobs DROP COLUMN agent_attempts;",
                               }};
    return newest;
}

void migrate(SQLite::Database& database, const std::filesystem::path& file, const Schema& to) {
    if (const int old = pragma(database, "user_version"); old > 0 && old < to.version())
        keep_a_copy(database, copy_of(file, old));
    SQLite::Transaction transaction(database, SQLite::TransactionBehavior::IMMEDIATE);
    const int found = pragma(database, "user_version");
    if (found > to.version()) {
        throw LedgerError(
            fmt::format("{}: the ledger has schema version {}, this program knows up to {}; start the "
                        "newer program again, or put {} in its place, the copy made before its first start",
                        file.string(), found, to.version(), copy_of(file, to.version()).string()));
    }
    if (found == 0 && !is_empty(database)) {
        throw LedgerError(fmt::format("{}: a database of another program; name another file", file.string()));
    }
    if (found == to.version()) return;
    if (found == 0) {
        database.exec(to.newest);
    } else {
        for (auto step = static_cast<std::size_t>(found) - 1; step < to.steps.size(); ++step)
            database.exec(to.steps[step]);
    }
    database.exec(fmt::format("PRAGMA application_id = {}", application_id));
    database.exec(fmt::format("PRAGMA user_version = {}", to.version()));
    transaction.commit();
}

}  // namespace bot
