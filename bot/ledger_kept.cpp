#include "bot/ledger_kept.hpp"

#include <algorithm>
#include <vector>

#include "bot/ledger_rows.hpp"

namespace bot {

namespace {

struct Row {
    std::int64_t delivery = 0;
    int place = 0;
    Word asked;
    Revived refusal;
    bool revived = false;  ///< and not decided on yet
};

/// In the order in which they were asked for.
std::vector<Row> kept_of(SQLite::Database& db, const integrations::ThreadRef& issue) {
    auto row =
        prepare(db,
                "SELECT delivery, place, at, id, event, thread, thread_kind, marker, revived FROM kept WHERE "
                "forge = ?1 AND repo_id = ?2 AND issue = ?3 ORDER BY delivery, place",
                issue.repo.forge, issue.repo.id, issue_number(issue));
    std::vector<Row> rows;
    while (row.executeStep())
        rows.push_back({.delivery = row.getColumn(0).getInt64(),
                        .place = row.getColumn(1).getInt(),
                        .asked = {.at = from_ms(row.getColumn(2).getInt64()),
                                  .comment_id = row.getColumn(3).getString(),
                                  .event = row.getColumn(4).getString()},
                        .refusal = {.thread = row.getColumn(5).getInt64(),
                                    .kind = thread_kind(row.getColumn(6).getString()),
                                    .marker = row.getColumn(7).getString()},
                        .revived = row.getColumn(8).getInt() != 0});
    std::ranges::stable_sort(rows, earlier, &Row::asked);
    return rows;
}

}  // namespace

void keep(SQLite::Database& db, const Refuse& no, const Origin& origin) {
    if (!no.asked) return;
    execute(db,
            "INSERT OR REPLACE INTO kept (delivery, place, forge, repo_id, issue, at, id, event, thread, "
            "thread_kind, marker) "
            "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
            origin.delivery, origin.place, no.issue.repo.forge, no.issue.repo.id, issue_number(no.issue),
            to_ms(no.asked->at), no.asked->comment_id, no.asked->event, no.thread.number,
            name(no.thread.kind), no.marker);
}

void forget_before(SQLite::Database& db, const integrations::ThreadRef& issue, const Word& end) {
    for (const auto& each : kept_of(db, issue)) {
        if (earlier(end, each.asked)) continue;
        execute(db, "DELETE FROM kept WHERE delivery = ?1 AND place = ?2", each.delivery, each.place);
        // It is in the inbox: met by the usual rules there, it was heard already.
        if (each.revived) execute(db, "UPDATE inbox SET revived = 0 WHERE delivery = ?1", each.delivery);
    }
}

std::optional<Revived> revive_after(SQLite::Database& db, const integrations::ThreadRef& issue,
                                    const Word& end) {
    const auto rows = kept_of(db, issue);
    // The next one's turn comes when it is known what becomes of this one.
    if (std::ranges::any_of(rows, &Row::revived)) return std::nullopt;
    const auto first = std::ranges::find_if(rows, [&](const Row& row) { return earlier(end, row.asked); });
    if (first == rows.end()) return std::nullopt;
    execute(db, "UPDATE kept SET revived = 1 WHERE delivery = ?1 AND place = ?2", first->delivery,
            first->place);
    return first->refusal;
}

std::optional<Taken> take_kept(SQLite::Database& db, const Origin& origin) {
    if (!origin.revived) return std::nullopt;
    auto row = prepare(db,
                       "DELETE FROM kept WHERE delivery = ?1 AND place = ?2 "
                       "RETURNING forge, repo_id, issue, at, id, event",
                       origin.delivery, origin.place);
    if (!row.executeStep()) return std::nullopt;
    Taken taken;
    taken.issue.repo.forge = row.getColumn(0).getString();
    taken.issue.repo.id = row.getColumn(1).getString();
    taken.issue.number = row.getColumn(2).getInt64();
    taken.asked = {.at = from_ms(row.getColumn(3).getInt64()),
                   .comment_id = row.getColumn(4).getString(),
                   .event = row.getColumn(5).getString()};
    return taken;
}

void reopen(SQLite::Database& db) {
    const int again = execute(db,
                              "INSERT INTO inbox (delivery, carried_out, revived, why) "
                              "SELECT delivery, min(place), 1, 'what was in its way had been ended before' "
                              "FROM kept WHERE revived = 1 AND delivery NOT IN (SELECT delivery FROM inbox) "
                              "GROUP BY delivery");
    if (again > 0)
        execute(db, "DELETE FROM outcomes WHERE delivery IN (SELECT delivery FROM inbox WHERE revived = 1)");
}

}  // namespace bot
