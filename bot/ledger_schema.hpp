#pragma once

#include <SQLiteCpp/Database.h>

#include <filesystem>
#include <string>
#include <vector>

namespace bot {

/// `steps[i]` leads from version i+1 to i+2; `newest` is the whole schema after the last step.
struct Schema {
    std::string newest;
    std::vector<std::string> steps;
    [[nodiscard]] int version() const { return static_cast<int>(steps.size()) + 1; }
};
[[nodiscard]] const Schema& schema();
/// Brings a ledger to the newest version, an empty one too; one of an older version is kept beside it as it
/// was, as `<file>.v<version>`. Throws LedgerError for one from the future and
/// for a database that is not a ledger.
void migrate(SQLite::Database& database, const std::filesystem::path& file, const Schema& to = schema());

}  // namespace bot
