#pragma once

#include <SQLiteCpp/Database.h>

#include <cstdint>
#include <optional>
#include <string>

#include "bot/intent.hpp"

// What was asked for while other work went on. It is refused, for people can see that work; but told of in
// another order, that work may turn out to have been ended before. For the files of the ledger only.
namespace bot {

/// What is carried out: this of the things that a delivery asks for.
struct Origin {
    std::int64_t delivery = 0;
    int place = 0;
    bool revived = false;  ///< it was refused once, and is decided on again
};

void keep(SQLite::Database& db, const Refuse& no, const Origin& origin);
/// What was kept, or revived and not decided on yet, and not asked for after this end of work on the issue.
void forget_before(SQLite::Database& db, const integrations::ThreadRef& issue, const Word& end);

struct Revived {
    std::int64_t thread = 0;
    integrations::ThreadRef::Kind kind = integrations::ThreadRef::Kind::issue;
    std::string marker;  ///< of the answer there that refused it
};
/// The first of what was kept that was asked for after this end: from now on it is to be decided on again.
/// None while another one of the issue is.
[[nodiscard]] std::optional<Revived> revive_after(SQLite::Database& db, const integrations::ThreadRef& issue,
                                                  const Word& end);

struct Taken {
    integrations::ThreadRef issue;  ///< by forge, repository and number alone
    Word asked;
};
/// What was revived and is decided on now: it is not kept any more. None of any other origin.
[[nodiscard]] std::optional<Taken> take_kept(SQLite::Database& db, const Origin& origin);
/// Into the inbox with what is revived. Of a delivery that is there still, when it has been settled.
void reopen(SQLite::Database& db);

}  // namespace bot
