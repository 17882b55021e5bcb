#include <fmt/format.h>

#include <algorithm>

#include "bot/ledger_inside.hpp"

namespace bot {

namespace {

std::string_view kind_name(Report::Kind kind) {
    switch (kind) {
        case Report::Kind::status:
            return "status";
        case Report::Kind::labels:
            return "labels";
        case Report::Kind::reaction:
            return "reaction";
        case Report::Kind::answer:
            return "answer";
    }
    return "";
}

Report::Kind report_kind(std::string_view text) {
    for (const auto kind : {Report::Kind::labels, Report::Kind::reaction, Report::Kind::answer})
        if (kind_name(kind) == text) return kind;
    return Report::Kind::status;
}

constexpr const char* report_columns =
    "id, kind, job, forge, repo_id, repo_name, clone_url, default_branch, installation, thread, thread_kind, "
    "comment_id, "
    "marker, body, "
    "remote_id, version, attempts, wished_at";

Report read_report(SQLite::Statement& row) {
    const auto text = [&row](int column) { return row.getColumn(column).getString(); };
    Report report;
    report.id = row.getColumn(0).getInt64();
    report.kind = report_kind(text(1));
    if (!row.getColumn(2).isNull()) report.job = JobId{row.getColumn(2).getInt64()};
    report.thread = {.repo = {.forge = text(3),
                              .id = text(4),
                              .full_name = text(5),
                              .clone_url = text(6),
                              .default_branch = text(7),
                              .installation = text(8)},
                     .number = row.getColumn(9).getInt64(),
                     .kind = thread_kind(text(10))};
    report.comment_id = text(11);
    report.marker = text(12);
    report.body = text(13);
    report.remote_id = text(14);
    report.version = row.getColumn(15).getInt64();
    report.attempts = row.getColumn(16).getInt();
    report.created_at = from_ms(row.getColumn(17).getInt64());
    return report;
}

/// What a wish for something already wished does: status and labels follow the job anew, an answer only with
/// other words, a reaction not again.
constexpr const char* wish_sql = R"sql(
    INSERT INTO reports (kind, forge, repo_id, repo_name, clone_url, default_branch, installation, thread, thread_kind,
                         marker, job, comment_id, body, urgent_version, wished_at, due_at)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, 1, ?14, ?14)
    ON CONFLICT (forge, repo_id, thread, thread_kind, kind, marker) DO UPDATE SET
        version = version + 1,
        urgent_version = iif(?15, version + 1, urgent_version),
        job = excluded.job, body = excluded.body, repo_name = excluded.repo_name, clone_url = excluded.clone_url,
        default_branch = excluded.default_branch, installation = excluded.installation,
        wished_at = iif(version > posted_version AND given_up = 0, wished_at, excluded.wished_at),
        due_at = CASE
            WHEN ?15 THEN iif(version > posted_version AND given_up = 0, min(due_at, ?14), ?14)
            WHEN version > posted_version AND given_up = 0 THEN min(due_at, max(?14, posted_at + ?16))
            ELSE max(?14, posted_at + ?16) END,
        attempts = iif(given_up, 0, attempts), given_up = 0
    WHERE excluded.kind IN ('status', 'labels') OR given_up = 1 OR (excluded.kind = 'answer' AND body <> excluded.body))sql";

}  // namespace

void Ledger::Inside::wish(SQLite::Database& db, const Report& report, Urgency urgency) {
    const auto& repo = report.thread.repo;
    execute(db, wish_sql, kind_name(report.kind), repo.forge, repo.id, repo.full_name, repo.clone_url,
            repo.default_branch, repo.installation, report.thread.number, name(report.thread.kind),
            report.marker, report.job ? std::optional(report.job->value) : std::nullopt, report.comment_id,
            report.body, now(), urgency == Urgency::at_once, to_ms(Time(options.report_gap)));
}

void Ledger::Inside::wish_status(SQLite::Database& db, const Job& job, Urgency urgency) {
    const auto told = job.contest.value_or(job.id);
    wish(db,
         {.kind = Report::Kind::status,
          .job = told,
          .thread = job.assignment.issue,
          .marker = "job-" + std::to_string(told.value) + "-status"},
         urgency);
}

void Ledger::Inside::wish_labels(SQLite::Database& db, const Job& job) {
    if (job.contest) return;
    wish(db, {.kind = Report::Kind::labels, .job = job.id, .thread = job.assignment.issue, .marker = "state"},
         Urgency::at_once);
}

void Ledger::Inside::wish_label_off(SQLite::Database& db, std::optional<JobId> job,
                                    const integrations::ThreadRef& thread, const std::string& label) {
    wish(
        db,
        {.kind = Report::Kind::labels, .job = job, .thread = thread, .marker = "off:" + label, .body = label},
        Urgency::at_once);
}

std::optional<Report> Ledger::next_report(std::string_view forge) {
    return inside_->write([&](SQLite::Database& db) -> std::optional<Report> {
        constexpr std::int64_t positions_pause = 1000;
        const auto now = inside_->now();
        if (inside_->positions_moved && now - *inside_->positions_refreshed >= positions_pause)
            inside_->tell_positions(db);
        auto row = prepare(db, std::string(R"sql(
            UPDATE reports SET attempts = attempts + 1, held_until = ?2
            WHERE id = (SELECT id FROM reports
                WHERE version > posted_version AND given_up = 0
                  AND due_at <= ?1 AND not_before <= ?1 AND held_until <= ?1 AND (?3 = '' OR forge = ?3)
                ORDER BY attempts > 0,  -- what the forge would not take does not hold up the rest
                    CASE
                    WHEN kind IN ('reaction', 'answer') OR (kind = 'labels' AND body <> '') THEN 0
                    WHEN urgent_version <= posted_version THEN 3
                    WHEN (SELECT ended_at IS NOT NULL OR state = 'review' FROM jobs WHERE jobs.id = reports.job) THEN 1
                    ELSE 2 END,
                    due_at, CASE kind WHEN 'reaction' THEN 0 WHEN 'labels' THEN 1 WHEN 'status' THEN 2 ELSE 3 END, id
                LIMIT 1)
            RETURNING )sql") + report_columns,
                           now, now + to_ms(Time(inside_->options.hold)), forge);
        if (!row.executeStep()) return std::nullopt;
        auto report = read_report(row);
        while (row.executeStep()) {
        }
        return report;
    });
}

void Ledger::posted(const Report& report, const std::string& remote_id) {
    inside_->write([&](SQLite::Database& db) {
        execute(db, R"sql(
            UPDATE reports SET posted_version = max(posted_version, ?2), posted_at = ?3,
                remote_id = iif(?4 = '', remote_id, ?4),
                wished_at = iif(version > ?2, ?3, wished_at),
                due_at = iif(urgent_version > ?2, due_at, ?3 + ?5),
                held_until = 0, not_before = 0, attempts = 0, trouble = ''
            WHERE id = ?1)sql",
                report.id, report.version, inside_->now(), remote_id,
                to_ms(Time(inside_->options.report_gap)));
    });
}

void Ledger::postpone(const Report& report, Time at, const std::string& why) {
    inside_->write([&](SQLite::Database& db) {
        execute(db, "UPDATE reports SET not_before = ?2, held_until = 0, trouble = ?3 WHERE id = ?1",
                report.id, to_ms(at), why);
    });
}

void Ledger::give_up(const Report& report, const std::string& why) {
    inside_->write([&](SQLite::Database& db) {
        execute(db,
                "UPDATE reports SET held_until = 0, trouble = ?3, given_up = iif(version > ?2, 0, 1) WHERE "
                "id = ?1",
                report.id, report.version, why);
    });
}

int Ledger::give_up_reports_beyond(const std::vector<std::string>& forges) {
    return inside_->write([&](SQLite::Database& db) {
        constexpr const char* waiting = "version > posted_version AND given_up = 0";
        std::vector<std::string> gone;
        {
            auto row = prepare(db, fmt::format("SELECT DISTINCT forge FROM reports WHERE {}", waiting));
            while (row.executeStep()) gone.push_back(row.getColumn(0).getString());
        }
        int given_up = 0;
        for (const auto& forge : gone)
            if (std::ranges::find(forges, forge) == forges.end())
                given_up += execute(db,
                                    fmt::format("UPDATE reports SET held_until = 0, given_up = 1, trouble = "
                                                "'the forge is not configured any more' "
                                                "WHERE forge = ?1 AND {}",
                                                waiting),
                                    forge);
        return given_up;
    });
}

}  // namespace bot
