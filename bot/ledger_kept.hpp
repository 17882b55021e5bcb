#pragma once

#include <SQLiteCpp/Database.h>

#include <cstdint>
#include <optional>

#include "bot/said.hpp"
#include "integrations/event.hpp"

// What was asked for while other work went on. It is refused, for people can see that work; but told of in
// another order, that work may turn out to have been stopped before. For the files of the ledger only.
namespace bot {

/// What is carried out: this of the things that a delivery asks for.
struct Origin {
    std::int64_t delivery = 0;
    int place = 0;
    bool refused_before = false;  ///< it was due, and has been decided on again
};

/// To be decided on again: now, or if the work that it is refused for was stopped before it.
enum class Due { now, when_stopped };
void keep(SQLite::Database& db, const integrations::ThreadRef& issue, const std::optional<Word>& asked,
          const Origin& origin, Due due);
/// Due is then the first of what was asked for after this end of work on the issue.
void hear_again(SQLite::Database& db, const integrations::ThreadRef& issue, const Word& stop);
/// Into the inbox with what is due. `now`: ms.
void reopen(SQLite::Database& db, std::int64_t now);

}  // namespace bot
