// Who is next. One order for the claim and for the positions that people are told: jobs that wait out a pause
// last, then priority, then fair turns (a repository's second job counts as one behind its first, and what it
// has at work counts too), then the repository that was served longest ago, then the oldest. The order does
// not change by claiming the first.
#include <algorithm>
#include <cstdlib>

#include "bot/ledger_inside.hpp"
#include "bot/sentences.hpp"

namespace bot {

namespace {

/// ?1: now. Rows: id, forge, repo_id, held, busy and what orders them.
const std::string queue_sql = R"sql(
    repositories AS MATERIALIZED (
        SELECT forge, repo_id,
               (SELECT count(*) FROM jobs AS b WHERE b.forge = r.forge AND b.repo_id = r.repo_id
                   AND b.state IN ('working', 'publishing') AND b.lease_token IS NOT NULL) AS busy,
               (SELECT coalesce(max(c.claimed_at), 0) FROM jobs AS c
                   WHERE c.forge = r.forge AND c.repo_id = r.repo_id) AS served_at
        FROM (SELECT DISTINCT forge, repo_id FROM jobs WHERE state IN ('queued', 'publishing')) AS r
    ),
    queue AS (
        SELECT j.id, j.priority, r.busy, r.served_at, coalesce(j.retry_at, 0) > ?1 AS held,
               iif(coalesce(j.retry_at, 0) > ?1, j.retry_at, 0) AS held_until,
               r.busy + row_number() OVER (PARTITION BY j.forge, j.repo_id
                                           ORDER BY coalesce(j.retry_at, 0) > ?1, j.priority DESC, j.id) AS turn
        FROM jobs AS j JOIN repositories AS r ON r.forge = j.forge AND r.repo_id = j.repo_id
        WHERE j.state = 'queued'
    ))sql";

constexpr const char* queue_order = "held, held_until, priority DESC, turn, served_at, id";

const std::string& claim_sql() {
    static const std::string sql = R"sql(
    UPDATE jobs SET
        state = iif(state = 'queued', 'working', state),
        state_since = iif(state = 'queued', ?1, state_since),
        reason = iif(state = 'queued', ?6, reason),
        started_at = coalesce(started_at, ?1), claimed_at = ?1, retry_at = NULL, phase = '',
        claims = claims + 1, lease_token = claims + 1, lease_until = ?2
    WHERE id = (
        WITH )sql" + queue_sql + R"sql(,
        publishing AS (
            SELECT j.id, j.state_since FROM jobs AS j
            JOIN repositories AS r ON r.forge = j.forge AND r.repo_id = j.repo_id
            WHERE j.state = 'publishing' AND j.lease_token IS NULL AND coalesce(j.retry_at, 0) <= ?1 AND r.busy < ?4
            ORDER BY j.state_since, j.id LIMIT 1
        ),
        first AS (
            SELECT id FROM queue WHERE held = 0 AND busy < ?4 AND NOT ?5 ORDER BY )sql" +
                                   queue_order + R"sql( LIMIT 1
        )
        SELECT coalesce((SELECT id FROM publishing), (SELECT id FROM first))
    )
    AND (SELECT count(*) FROM jobs WHERE state IN ('working', 'publishing') AND lease_token IS NOT NULL) < ?3
    RETURNING id, lease_token)sql";
    return sql;
}

/// Far back in a long queue a step of one is no news: a tenth of the place is.
bool is_news(std::int64_t place, std::int64_t told) {
    return told == 0 || std::llabs(place - told) >= std::max<std::int64_t>(1, std::min(place, told) / 10);
}

}  // namespace

std::optional<Claim> Ledger::claim(const Turn& turn) {
    return inside_->write([&](SQLite::Database& db) -> std::optional<Claim> {
        const auto now = inside_->now();
        JobId id;
        std::int64_t token = 0;
        {
            auto row =
                prepare(db, claim_sql(), now, now + to_ms(Time(inside_->options.lease)), turn.max_parallel,
                        turn.max_per_repository, turn.publishing_only, std::string(sentence::reason_taken));
            if (!row.executeStep()) return std::nullopt;
            id = JobId{row.getColumn(0).getInt64()};
            token = row.getColumn(1).getInt64();
            while (row.executeStep()) {
            }
        }
        inside_->leases.hold(id, token, inside_->options.steady_clock() + inside_->options.lease);
        const auto job = find_job(db, id);
        inside_->wish_status(db, *job, Urgency::at_once);
        inside_->wish_labels(db, *job);
        return Claim{.job = *job, .lease = Lease(id, token)};
    });
}

int Ledger::position(JobId id) const {
    return inside_->read([&](SQLite::Database& db) {
        auto row = prepare(db,
                           "WITH " + queue_sql + ", line AS (SELECT id, row_number() OVER (ORDER BY " +
                               queue_order + ") AS place FROM queue) SELECT place FROM line WHERE id = ?2",
                           inside_->now(), id.value);
        return row.executeStep() ? row.getColumn(0).getInt() : 0;
    });
}

void Ledger::Inside::tell_positions(SQLite::Database& db) {
    struct Place {
        JobId id;
        std::int64_t place;
    };
    std::vector<Place> moved;
    {
        auto row =
            prepare(db,
                    "WITH " + queue_sql + ", line AS (SELECT id, row_number() OVER (ORDER BY " + queue_order +
                        ") AS place FROM queue) SELECT line.id, place, told_position FROM line "
                        "JOIN jobs ON jobs.id = line.id WHERE place <> told_position",
                    now());
        while (row.executeStep()) {
            const auto place = row.getColumn(1).getInt64();
            if (is_news(place, row.getColumn(2).getInt64()))
                moved.push_back({JobId{row.getColumn(0).getInt64()}, place});
        }
    }
    for (const auto& each : moved) {
        execute(db, "UPDATE jobs SET told_position = ?2 WHERE id = ?1", each.id.value, each.place);
        if (const auto job = find_job(db, each.id)) wish_status(db, *job, Urgency::progress);
    }
    positions_refreshed = now();
    positions_moved = false;
}

void Ledger::tell_queued() {
    inside_->write([this](SQLite::Database& db) {
        for (const auto& job : read_jobs(db, "WHERE state = 'queued' ORDER BY id"))
            inside_->wish_status(db, job, Urgency::progress);
    });
}

void Ledger::refresh_positions() {
    // The whole queue is looked at: once a second at most, the last time by next_report.
    constexpr std::int64_t pause = 1000;
    inside_->write([this](SQLite::Database& db) {
        const auto last = inside_->positions_refreshed;
        if (last && inside_->now() - *last < pause && inside_->now() >= *last)
            inside_->positions_moved = true;
        else
            inside_->tell_positions(db);
    });
}

}  // namespace bot
