#include "bot/ledger_schema.hpp"

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
    std::filesystem::permissions(unfinished, std::filesystem::status(database.getFilename()).permissions());
    std::filesystem::rename(unfinished, copy);
}

/// 1 -> 2.
const std::string no_agent_attempts = R"sql(
    CREATE INDEX outcomes_dead ON outcomes (at) WHERE state = 'dead';
    ALTER TABLE jobs DROP COLUMN agent_attempts;
)sql";

/// 2 -> 3. A CHECK cannot be altered; its text can, where what is stored does not change
/// (https://www.sqlite.org/lang_altertable.html#otheralter).
const std::string waiting_and_spending = R"sql(
    ALTER TABLE jobs ADD COLUMN waits_for TEXT NOT NULL DEFAULT ''
        CHECK (waits_for IN ('', 'answer', 'run_budget', 'job_budget'));
    ALTER TABLE jobs ADD COLUMN question TEXT NOT NULL DEFAULT '';
    ALTER TABLE jobs ADD COLUMN answer TEXT NOT NULL DEFAULT '';
    ALTER TABLE jobs ADD COLUMN resumed_at INTEGER;
    ALTER TABLE jobs ADD COLUMN budget_added INTEGER NOT NULL DEFAULT 0 CHECK (budget_added >= 0);
    ALTER TABLE jobs ADD COLUMN budget_grants INTEGER NOT NULL DEFAULT 0 CHECK (budget_grants >= 0);
    INSERT INTO transitions (from_state, signal, to_state) VALUES
        ('working', 'ask', 'waiting'), ('waiting', 'resume', 'queued'), ('waiting', 'stop', 'stopped');
    PRAGMA writable_schema = ON;
    UPDATE sqlite_schema SET sql = replace(replace(sql,
        '''publishing'', ''review'', ''answered''', '''publishing'', ''waiting'', ''review'', ''answered'''),
        'CHECK (retry_at IS NULL OR state IN (''queued'', ''publishing'')),',
        'CHECK (retry_at IS NULL OR state IN (''queued'', ''publishing'')),
         CHECK ((state = ''waiting'') = (waits_for <> '''')),')
        WHERE type = 'table' AND name = 'jobs';
    PRAGMA writable_schema = RESET;
    DROP INDEX one_active_job;
    CREATE UNIQUE INDEX one_active_job ON jobs (forge, repo_id, issue)
        WHERE state IN ('queued', 'working', 'publishing', 'waiting', 'review');
    CREATE TABLE spending (
        scope         TEXT NOT NULL CHECK (scope IN ('run', 'job', 'day')),
        id            INTEGER NOT NULL,
        requests      INTEGER NOT NULL CHECK (requests >= 0),
        tokens        INTEGER NOT NULL CHECK (tokens >= 0),
        micro_dollars INTEGER NOT NULL CHECK (micro_dollars >= 0),
        PRIMARY KEY (scope, id)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE reservations (
        id            INTEGER PRIMARY KEY AUTOINCREMENT,
        run           INTEGER NOT NULL REFERENCES runs (id),
        job           INTEGER NOT NULL REFERENCES jobs (id),
        day           INTEGER NOT NULL,
        tokens        INTEGER NOT NULL CHECK (tokens >= 0),
        micro_dollars INTEGER NOT NULL CHECK (micro_dollars >= 0)
    ) STRICT;
)sql";

/// 3 -> 4.
const std::string conversation = R"sql(
    ALTER TABLE jobs ADD COLUMN stop_signal TEXT NOT NULL DEFAULT 'stop' CHECK (stop_signal IN ('stop', 'merge', 'close'));
    ALTER TABLE jobs ADD COLUMN cycle INTEGER NOT NULL DEFAULT 1 CHECK (cycle > 0);
    ALTER TABLE jobs ADD COLUMN asks_taken INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE jobs ADD COLUMN onto TEXT NOT NULL DEFAULT '';
    ALTER TABLE runs ADD COLUMN cycle INTEGER NOT NULL DEFAULT 1 CHECK (cycle > 0);
    INSERT INTO transitions (from_state, signal, to_state) VALUES
        ('review', 'refine', 'queued'), ('working', 'back', 'review'), ('publishing', 'back', 'review'),
        ('queued', 'merge', 'merged'), ('queued', 'close', 'closed'),
        ('working', 'merge', 'merged'), ('working', 'close', 'closed'),
        ('publishing', 'merge', 'merged'), ('publishing', 'close', 'closed'),
        ('waiting', 'merge', 'merged'), ('waiting', 'close', 'closed');
    PRAGMA writable_schema = ON;
    UPDATE sqlite_schema SET sql = replace(sql, '(''first'', ''repair'', ''retry'')',
        '(''first'', ''repair'', ''retry'', ''refine'')') WHERE type = 'table' AND name = 'runs';
    PRAGMA writable_schema = RESET;
    CREATE TABLE asks (
        id         INTEGER PRIMARY KEY AUTOINCREMENT,
        job        INTEGER NOT NULL REFERENCES jobs (id),
        key        TEXT NOT NULL,
        by_login   TEXT NOT NULL,
        by_id      TEXT NOT NULL,
        words      TEXT NOT NULL,
        comment_id TEXT NOT NULL,
        inline_id  TEXT NOT NULL,
        path       TEXT NOT NULL,
        line       INTEGER NOT NULL CHECK (line >= 0),
        diff_hunk  TEXT NOT NULL,
        at         INTEGER NOT NULL,
        done_at    INTEGER,
        UNIQUE (job, key)
    ) STRICT;
    CREATE INDEX asks_open ON asks (job) WHERE done_at IS NULL;
)sql";

/// 4 -> 5. The branches of jobs that ended before are left alone.
const std::string further_tries = R"sql(
    ALTER TABLE jobs ADD COLUMN cycle_is TEXT NOT NULL DEFAULT 'refine' CHECK (cycle_is IN ('refine', 'retry', 'rebase', 'pick'));
    ALTER TABLE jobs ADD COLUMN before TEXT NOT NULL DEFAULT '';
    ALTER TABLE jobs ADD COLUMN reminded_at INTEGER;
    ALTER TABLE jobs ADD COLUMN branch_cleaned INTEGER NOT NULL DEFAULT 0 CHECK (branch_cleaned IN (0, 1));
    UPDATE jobs SET branch_cleaned = 1 WHERE ended_at IS NOT NULL;
    CREATE INDEX jobs_by_head ON jobs (head_commit) WHERE head_commit <> '';
    CREATE INDEX jobs_to_clean ON jobs (id) WHERE branch_cleaned = 0 AND head_commit <> '';
    ALTER TABLE asks ADD COLUMN what TEXT NOT NULL DEFAULT 'wish'
        CHECK (what IN ('wish', 'checks', 'conflict', 'retry', 'pick', 'start', 'stop'));
    ALTER TABLE jobs ADD COLUMN shared INTEGER NOT NULL DEFAULT 0 CHECK (shared IN (0, 1));
    ALTER TABLE jobs ADD COLUMN contest INTEGER REFERENCES jobs (id);
    ALTER TABLE jobs ADD COLUMN try_number INTEGER NOT NULL DEFAULT 0 CHECK ((try_number > 0) = (contest IS NOT NULL));
    INSERT INTO transitions (from_state, signal, to_state) VALUES
        ('queued', 'compete', 'competing'), ('competing', 'verdict', 'publishing'),
        ('competing', 'nothing', 'answered'), ('competing', 'fail', 'failed'), ('competing', 'stop', 'stopped'),
        ('working', 'judged', 'judged');
    PRAGMA writable_schema = ON;
    UPDATE sqlite_schema SET sql = replace(replace(sql,
        '''publishing'', ''waiting'', ''review''', '''publishing'', ''competing'', ''waiting'', ''review'''),
        '''stopped'', ''merged'', ''closed'')', '''stopped'', ''merged'', ''closed'', ''judged'')')
        WHERE type = 'table' AND name = 'jobs';
    PRAGMA writable_schema = RESET;
    DROP INDEX one_active_job;
    CREATE UNIQUE INDEX one_active_job ON jobs (forge, repo_id, issue)
        WHERE state IN ('queued', 'working', 'publishing', 'competing', 'waiting', 'review') AND contest IS NULL;
    CREATE INDEX jobs_of_contest ON jobs (contest) WHERE contest IS NOT NULL;
)sql";

/// 5 -> 6.
const std::string said_when = R"sql(
    CREATE TABLE said (
        forge      TEXT NOT NULL,
        repo_id    TEXT NOT NULL,
        issue      INTEGER NOT NULL,
        what       TEXT NOT NULL CHECK (what IN ('asked', 'stop')),
        at         INTEGER NOT NULL,
        by_login   TEXT NOT NULL,
        comment_id TEXT NOT NULL,
        PRIMARY KEY (forge, repo_id, issue, what)
    ) STRICT;
)sql";

/// 6 -> 7.
const std::string one_by_one = R"sql(
    ALTER TABLE inbox ADD COLUMN carried_out INTEGER NOT NULL DEFAULT 0;
    DELETE FROM transitions WHERE from_state = 'queued' AND signal = 'fail';
    ALTER TABLE said RENAME COLUMN comment_id TO id;
    PRAGMA writable_schema = ON;
    UPDATE sqlite_schema SET sql = replace(sql, '(what IN (''asked'', ''stop''))',
        '(what IN (''asked'', ''stop'') OR what LIKE ''label:%'')')
        WHERE type = 'table' AND name = 'said';
    PRAGMA writable_schema = RESET;
    INSERT INTO said (forge, repo_id, issue, what, at, by_login, id)
        SELECT forge, repo_id, thread, 'label:' || substr(marker, 5), wished_at, '', '' FROM reports
        WHERE kind = 'labels' AND marker LIKE 'off:%' AND version > posted_version;
)sql";

/// 7 -> 8.
const std::string pushes_under_way = R"sql(
    ALTER TABLE jobs ADD COLUMN pushing TEXT NOT NULL DEFAULT '';
    DROP INDEX jobs_to_clean;
    CREATE INDEX jobs_to_clean ON jobs (id) WHERE branch_cleaned = 0 AND (head_commit <> '' OR pushing <> '');
)sql";

/// 8 -> 9.
const std::string kept_requests = R"sql(
    ALTER TABLE said ADD COLUMN event TEXT NOT NULL DEFAULT '';
    ALTER TABLE inbox ADD COLUMN waits_for INTEGER REFERENCES jobs (id);
    ALTER TABLE inbox ADD COLUMN revived INTEGER NOT NULL DEFAULT 0;
    CREATE TABLE kept (
        delivery INTEGER NOT NULL REFERENCES deliveries (id) ON DELETE CASCADE,
        place    INTEGER NOT NULL,
        forge    TEXT NOT NULL,
        repo_id  TEXT NOT NULL,
        issue    INTEGER NOT NULL,
        at       INTEGER NOT NULL,
        id       TEXT NOT NULL,
        event    TEXT NOT NULL,
        thread   INTEGER NOT NULL,
        marker   TEXT NOT NULL,
        revived  INTEGER NOT NULL DEFAULT 0 CHECK (revived IN (0, 1)),
        PRIMARY KEY (delivery, place)
    ) STRICT;
    CREATE INDEX kept_by_issue ON kept (forge, repo_id, issue);
    CREATE INDEX kept_revived ON kept (delivery) WHERE revived = 1;
)sql";

/// 9 -> 10. The forges known until then number the two together: a pull request of ours is known by its
/// number.
const std::string kinds_of_threads = R"sql(
    ALTER TABLE reports ADD COLUMN thread_kind TEXT NOT NULL DEFAULT 'issue' CHECK (thread_kind IN ('issue', 'pull_request'));
    ALTER TABLE kept ADD COLUMN thread_kind TEXT NOT NULL DEFAULT 'issue' CHECK (thread_kind IN ('issue', 'pull_request'));
    UPDATE reports SET thread_kind = 'pull_request' WHERE EXISTS (SELECT 1 FROM jobs
        WHERE jobs.forge = reports.forge AND jobs.repo_id = reports.repo_id AND pull_request = thread AND pull_request > 0);
    UPDATE kept SET thread_kind = 'pull_request' WHERE EXISTS (SELECT 1 FROM jobs
        WHERE jobs.forge = kept.forge AND jobs.repo_id = kept.repo_id AND pull_request = thread AND pull_request > 0);
    DROP INDEX one_report;
    CREATE UNIQUE INDEX one_report ON reports (forge, repo_id, thread, thread_kind, kind, marker);
)sql";

/// 10 -> 11. A ledger forgets its deliveries in the end, but not since when it has heard of a forge.
const std::string served_since = R"sql(
    CREATE TABLE served (
        forge TEXT PRIMARY KEY,
        since INTEGER NOT NULL
    ) STRICT;
    INSERT INTO served (forge, since) SELECT forge, min(received_at) FROM deliveries GROUP BY forge;
)sql";

}  // namespace

const Schema& schema() {
    static const Schema newest{.newest =
#include "generated/schema.inc"
                                   ,
                               .steps = {
                                   no_agent_attempts,
                                   waiting_and_spending,
                                   conversation,
                                   further_tries,
                                   said_when,
                                   one_by_one,
                                   pushes_under_way,
                                   kept_requests,
                                   kinds_of_threads,
                                   served_since,
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
