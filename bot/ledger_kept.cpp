#include "bot/ledger_kept.hpp"

#include <string>

#include "bot/ledger_rows.hpp"

namespace bot {

void keep(SQLite::Database& db, const integrations::ThreadRef& issue, const std::optional<Word>& asked,
          const Origin& origin, Due due) {
    const auto word = asked.value_or(Word{.at = Time{}});
    execute(db,
            "INSERT OR REPLACE INTO kept (delivery, place, forge, repo_id, issue, at, id, due) "
            "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            origin.delivery, origin.place, issue.repo.forge, issue.repo.id, issue.number, to_ms(word.at),
            word.comment_id, due == Due::now);
}

void hear_again(SQLite::Database& db, const integrations::ThreadRef& issue, const Word& stop) {
    // As `earlier` tells it. What is no comment has a second and nothing more: within it, the request counts.
    execute(db,
            "UPDATE kept SET due = 1 WHERE (delivery, place) IN (SELECT delivery, place FROM kept "
            "WHERE forge = ?1 AND repo_id = ?2 AND issue = ?3 AND "
            "((at, length(id), id) > (?4, length(?5), ?5) OR (?5 = '' AND at = ?4)) "
            "ORDER BY at, length(id), id, place LIMIT 1)",
            issue.repo.forge, issue.repo.id, issue.number, to_ms(stop.at), stop.comment_id);
}

void reopen(SQLite::Database& db, std::int64_t now) {
    constexpr std::int64_t in_a_moment = 1000;  // ms: what was stopped may still be ending
    // One whose later commands are still to be decided on comes back when these are.
    const std::string due = "FROM kept WHERE due = 1 AND delivery NOT IN (SELECT delivery FROM inbox)";
    const int again = execute(db,
                              "INSERT INTO inbox (delivery, carried_out, refused_before, not_before, why) "
                              "SELECT delivery, min(place), 1, ?1, 'other work went on' " +
                                  due + " GROUP BY delivery",
                              now + in_a_moment);
    if (again == 0) return;
    execute(db, "DELETE FROM outcomes WHERE delivery IN (SELECT delivery FROM inbox)");
    execute(db, "DELETE FROM kept WHERE delivery IN (SELECT delivery FROM inbox WHERE refused_before = 1)");
}

}  // namespace bot
