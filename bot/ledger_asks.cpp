// What people want changed in a pull request: kept until a cycle that had it has ended.
#include <fmt/format.h>

#include "bot/ledger_inside.hpp"

namespace bot {

namespace {

/// Reviews, and several comments in a row, are one wish: the agent begins when nothing came for a moment.
constexpr std::int64_t gathering_ms = 5000;

Ask read_ask(SQLite::Statement& row) {
    const auto text = [&row](int column) { return row.getColumn(column).getString(); };
    return {.id = row.getColumn(0).getInt64(),
            .key = text(1),
            .by = {.login = text(2), .id = text(3)},
            .words = text(4),
            .comment_id = text(5),
            .inline_id = text(6),
            .path = text(7),
            .line = row.getColumn(8).getInt(),
            .diff_hunk = text(9)};
}

void fix_asks(SQLite::Database& db, JobId job) {
    execute(db,
            "UPDATE jobs SET asks_taken = (SELECT coalesce(max(id), 0) FROM asks WHERE job = ?1) "
            "WHERE id = ?1 AND asks_taken = 0",
            job.value);
}

bool has_open_asks(SQLite::Database& db, JobId job) {
    return prepare(db, "SELECT 1 FROM asks WHERE job = ?1 AND done_at IS NULL", job.value).executeStep();
}

}  // namespace

integrations::ThreadRef conversation_of(const Job& job) {
    auto thread = job.assignment.issue;
    if (job.pull_request > 0) thread.number = job.pull_request;
    return thread;
}

std::optional<JobId> Ledger::Inside::refine(SQLite::Database& db, const Refine& intent) {
    const auto job = find_job(db, intent.job);
    if (!job || is_final(job->state) || job->pull_request == 0) return std::nullopt;
    int fresh = 0;
    for (const auto& ask : intent.asks)
        fresh +=
            execute(db,
                    "INSERT INTO asks (job, key, by_login, by_id, words, comment_id, inline_id, path, line, "
                    "diff_hunk, at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11) "
                    "ON CONFLICT DO NOTHING",
                    job->id.value, ask.key, ask.by.login, ask.by.id, ask.words, ask.comment_id, ask.inline_id,
                    ask.path, ask.line, ask.diff_hunk, now());
    if (fresh == 0) return std::nullopt;
    if (intent.comment_id)
        wish(db,
             {.kind = Report::Kind::reaction,
              .thread = intent.thread,
              .comment_id = *intent.comment_id,
              .marker = "eyes:" + *intent.comment_id,
              .body = "eyes"},
             Urgency::at_once);
    if (job->state == JobState::review) begin_cycle(db, *job, intent.reason);
    if (job->state == JobState::queued && job->refines())
        execute(db, "UPDATE jobs SET retry_at = ?2 WHERE id = ?1 AND asks_taken = 0", job->id.value,
                now() + gathering_ms);
    return job->id;
}

void Ledger::Inside::begin_cycle(SQLite::Database& db, const Job& job, const std::string& reason) {
    move(db, job, Signal::refine, reason);
    execute(db,
            "UPDATE jobs SET cycle = cycle + 1, asks_taken = 0, onto = '', infra_attempts = 0, retry_at = ?2 "
            "WHERE id = ?1",
            job.id.value, now() + gathering_ms);
}

void Ledger::Inside::end_cycle(SQLite::Database& db, const Job& job, const Ending& ending) {
    move(db, job, ending.signal, ending.reason);
    if (!job.refines()) return;
    fix_asks(db, job.id);  // an attempt may end before it knows what it is about
    const auto thread = conversation_of(job);
    const auto name = fmt::format("job={} cycle={}", job.id.value, job.cycle);
    if (!ending.words.empty())
        wish(
            db,
            {.kind = Report::Kind::answer, .thread = thread, .marker = "cycle " + name, .body = ending.words},
            Urgency::at_once);
    for (const auto& reply : ending.replies)
        wish(db,
             {.kind = Report::Kind::answer,
              .thread = thread,
              .comment_id = reply.inline_id,
              .marker = fmt::format("reply {} to={}", name, reply.inline_id),
              .body = reply.words},
             Urgency::at_once);
    const bool done = ending.signal == Signal::proposed;
    auto row = prepare(db,
                       "SELECT DISTINCT comment_id FROM asks WHERE job = ?1 AND done_at IS NULL "
                       "AND comment_id <> '' AND id <= (SELECT asks_taken FROM jobs WHERE id = ?1)",
                       job.id.value);
    while (done && row.executeStep()) {
        const auto comment = row.getColumn(0).getString();
        wish(db,
             {.kind = Report::Kind::reaction,
              .thread = thread,
              .comment_id = comment,
              .marker = "rocket:" + comment,
              .body = "rocket"},
             Urgency::at_once);
    }
    execute(db,
            "UPDATE asks SET done_at = ?2 WHERE job = ?1 AND done_at IS NULL AND id <= "
            "(SELECT asks_taken FROM jobs WHERE id = ?1)",
            job.id.value, now());
    if (!has_open_asks(db, job.id)) return;
    if (const auto now_in_review = find_job(db, job.id))
        begin_cycle(db, *now_in_review, "more was asked for meanwhile");
}

std::vector<Ask> Ledger::take_asks(const Lease& lease) {
    return inside_->write([&](SQLite::Database& db) {
        const auto job = inside_->leased(db, lease);
        fix_asks(db, job.id);
        auto row = prepare(db,
                           "SELECT id, key, by_login, by_id, words, comment_id, inline_id, path, line, "
                           "diff_hunk FROM asks WHERE job = ?1 AND done_at IS NULL "
                           "AND id <= (SELECT asks_taken FROM jobs WHERE id = ?1) ORDER BY id",
                           job.id.value);
        std::vector<Ask> asks;
        while (row.executeStep()) asks.push_back(read_ask(row));
        return asks;
    });
}

std::string Ledger::go_on_from(const Lease& lease, const std::string& commit) {
    return inside_->write([&](SQLite::Database& db) {
        const auto job = inside_->leased(db, lease);
        execute(db, "UPDATE jobs SET onto = ?2 WHERE id = ?1 AND onto = ''", job.id.value, commit);
        auto row = prepare(db, "SELECT onto FROM jobs WHERE id = ?1", job.id.value);
        row.executeStep();
        return row.getColumn(0).getString();
    });
}

}  // namespace bot
