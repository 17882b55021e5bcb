-- The ledger. This file is always the newest schema, whole; how an older ledger (PRAGMA user_version tells) gets here stands in bot/ledger_schema.cpp, and a test holds the two together.
--
-- Times are milliseconds since 1970-01-01T00:00:00Z. A repository is named by (forge, repo_id): its name may change.
-- A thread is an issue or a pull request: some forges number the two apart, so `thread_kind` is a part of its name. `issue`
-- is the number of an issue, never of a pull request.
-- The schema forbids what bot/job_state.hpp forbids, so that no other program can break a job either.

-- Deliveries as they came: verified, never changed. `body` is LZ4 (block format) of `body_size` bytes.
CREATE TABLE deliveries (
    id          INTEGER PRIMARY KEY,
    forge       TEXT NOT NULL,
    hook_id     TEXT NOT NULL,
    delivery_id TEXT NOT NULL,
    event       TEXT NOT NULL,
    received_at INTEGER NOT NULL,
    body_size   INTEGER NOT NULL CHECK (body_size >= 0),
    body        BLOB NOT NULL
) STRICT;
-- GitHub's delivery ids are unique for an event, not for a hook: two hooks may send the same one.
CREATE UNIQUE INDEX delivery_once ON deliveries (delivery_id, hook_id, forge);

-- Those that wait to be understood. A table of its own: settling does not rewrite the body.
CREATE TABLE inbox (
    delivery   INTEGER PRIMARY KEY REFERENCES deliveries (id) ON DELETE CASCADE,
    attempts   INTEGER NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    not_before INTEGER NOT NULL DEFAULT 0,   -- the forge was down, or see waits_for
    held_until INTEGER NOT NULL DEFAULT 0,   -- somebody is at it
    why        TEXT NOT NULL DEFAULT '',     -- it waits
    carried_out INTEGER NOT NULL DEFAULT 0,  -- of what it asks for
    waits_for  INTEGER REFERENCES jobs (id), -- that is ending: until it has ended
    revived    INTEGER NOT NULL DEFAULT 0    -- the next of what it asks for was refused once: see `kept`
) STRICT;

-- What was decided on a delivery. `dead`: it broke us several times and was put aside.
CREATE TABLE outcomes (
    delivery INTEGER PRIMARY KEY REFERENCES deliveries (id) ON DELETE CASCADE,
    state    TEXT NOT NULL CHECK (state IN ('settled', 'dead')),
    at       INTEGER NOT NULL,
    reason   TEXT NOT NULL,
    job      INTEGER REFERENCES jobs (id)
) STRICT;
CREATE INDEX outcomes_by_time ON outcomes (at);
CREATE INDEX outcomes_dead ON outcomes (at) WHERE state = 'dead';
CREATE INDEX outcomes_by_job ON outcomes (job) WHERE job IS NOT NULL;

-- The transition table of bot/job_state.hpp, row by row.
CREATE TABLE transitions (
    from_state TEXT NOT NULL,
    signal     TEXT NOT NULL,
    to_state   TEXT NOT NULL,
    PRIMARY KEY (from_state, signal)
) STRICT, WITHOUT ROWID;
INSERT INTO transitions (from_state, signal, to_state) VALUES
    ('queued',     'claim',    'working'),
    ('queued',     'stop',     'stopped'),
    ('queued',     'compete',  'competing'),
    ('competing',  'verdict',  'publishing'),
    ('competing',  'nothing',  'answered'),
    ('competing',  'fail',     'failed'),
    ('competing',  'stop',     'stopped'),
    ('working',    'judged',   'judged'),
    ('working',    'requeue',  'queued'),
    ('working',    'verdict',  'publishing'),
    ('working',    'ask',      'waiting'),
    ('working',    'nothing',  'answered'),
    ('working',    'fail',     'failed'),
    ('working',    'stop',     'stopped'),
    ('waiting',    'resume',   'queued'),
    ('waiting',    'stop',     'stopped'),
    ('publishing', 'claim',    'publishing'),
    ('publishing', 'requeue',  'publishing'),
    ('publishing', 'proposed', 'review'),
    ('publishing', 'fail',     'failed'),
    ('publishing', 'stop',     'stopped'),
    ('review',     'merge',    'merged'),
    ('review',     'close',    'closed'),
    ('review',     'stop',     'stopped'),
    ('review',     'refine',   'queued'),
    ('working',    'back',     'review'),
    ('publishing', 'back',     'review'),
    ('queued',     'merge',    'merged'),
    ('queued',     'close',    'closed'),
    ('working',    'merge',    'merged'),
    ('working',    'close',    'closed'),
    ('publishing', 'merge',    'merged'),
    ('publishing', 'close',    'closed'),
    ('waiting',    'merge',    'merged'),
    ('waiting',    'close',    'closed');

CREATE TABLE jobs (
    id               INTEGER PRIMARY KEY AUTOINCREMENT,
    -- the assignment, fixed
    forge            TEXT NOT NULL,
    repo_id          TEXT NOT NULL,
    repo_name        TEXT NOT NULL,
    clone_url        TEXT NOT NULL,
    default_branch   TEXT NOT NULL,
    installation     TEXT NOT NULL,
    issue            INTEGER NOT NULL,
    by_login         TEXT NOT NULL,
    by_id            TEXT NOT NULL,
    by_bot           INTEGER NOT NULL CHECK (by_bot IN (0, 1)),
    title            TEXT NOT NULL,
    body             TEXT NOT NULL,
    hidden_stripped  INTEGER NOT NULL,
    base_branch      TEXT NOT NULL,
    base_commit      TEXT NOT NULL,
    profile          TEXT NOT NULL,
    priority         INTEGER NOT NULL CHECK (priority IN (0, 1)),
    guidance         TEXT NOT NULL,
    -- where it stands
    state            TEXT NOT NULL DEFAULT 'queued' CHECK (state IN
                         ('queued', 'working', 'publishing', 'competing', 'waiting', 'review', 'answered', 'failed', 'stopped', 'merged', 'closed', 'judged')),
    reason           TEXT NOT NULL,
    phase            TEXT NOT NULL DEFAULT '',
    created_at       INTEGER NOT NULL,
    state_since      INTEGER NOT NULL,
    started_at       INTEGER,
    ended_at         INTEGER,
    retry_at         INTEGER,
    claimed_at       INTEGER,                      -- the last time
    infra_attempts   INTEGER NOT NULL DEFAULT 0 CHECK (infra_attempts >= 0),
    branch           TEXT NOT NULL DEFAULT '',
    head_commit      TEXT NOT NULL DEFAULT '',
    verdict          TEXT NOT NULL DEFAULT '',
    pull_request     INTEGER NOT NULL DEFAULT 0,
    pull_request_url TEXT NOT NULL DEFAULT '',
    told_position    INTEGER NOT NULL DEFAULT 0,   -- the place in the queue that the status comment was last due for
    -- who works on it: `claims` only grows, so a lost lease's token never comes back
    claims           INTEGER NOT NULL DEFAULT 0,
    lease_token      INTEGER,
    lease_until      INTEGER,
    stop_reason      TEXT,                         -- a person said stop while somebody works on it
    -- what a person must answer before it goes on, and what they did answer, for the agent's next pass
    waits_for        TEXT NOT NULL DEFAULT '' CHECK (waits_for IN ('', 'answer', 'run_budget', 'job_budget')),
    question         TEXT NOT NULL DEFAULT '',
    answer           TEXT NOT NULL DEFAULT '',
    resumed_at       INTEGER,
    budget_added     INTEGER NOT NULL DEFAULT 0 CHECK (budget_added >= 0),   -- millionths of a dollar, by people
    budget_grants    INTEGER NOT NULL DEFAULT 0 CHECK (budget_grants >= 0),  -- how often; tokens and requests again each time
    stop_signal      TEXT NOT NULL DEFAULT 'stop' CHECK (stop_signal IN ('stop', 'merge', 'close')),  -- what stop_reason ends it with
    -- the way to the pull request is the first; then one for each time people asked for changes to it
    cycle            INTEGER NOT NULL DEFAULT 1 CHECK (cycle > 0),
    asks_taken       INTEGER NOT NULL DEFAULT 0,   -- the last ask that this cycle is about; 0: not yet known
    onto             TEXT NOT NULL DEFAULT '',     -- the branch's commit that this cycle goes on from; empty: not yet known
    cycle_is         TEXT NOT NULL DEFAULT 'refine' CHECK (cycle_is IN ('refine', 'retry', 'rebase', 'pick')),
    -- what assignment and verdict were before this cycle, as JSON, for when nothing comes of it; empty in the first
    before           TEXT NOT NULL DEFAULT '',
    reminded_at      INTEGER,                      -- of what it waits for
    branch_cleaned   INTEGER NOT NULL DEFAULT 0 CHECK (branch_cleaned IN (0, 1)),
    shared           INTEGER NOT NULL DEFAULT 0 CHECK (shared IN (0, 1)), -- commits of people are on its branch
    contest          INTEGER REFERENCES jobs (id), -- one of the tries for that job, which is the issue's
    try_number       INTEGER NOT NULL DEFAULT 0 CHECK ((try_number > 0) = (contest IS NOT NULL)),
    pushing          TEXT NOT NULL DEFAULT '',     -- a commit that its branch is being put to, outcome unknown; else empty

    CHECK ((lease_token IS NULL) = (lease_until IS NULL)),
    CHECK (lease_token IS NULL OR lease_token = claims),
    CHECK (state <> 'working' OR lease_token IS NOT NULL),
    CHECK (state IN ('working', 'publishing') OR lease_token IS NULL),
    CHECK (stop_reason IS NULL OR lease_token IS NOT NULL),
    CHECK ((state IN ('answered', 'failed', 'stopped', 'merged', 'closed', 'judged')) = (ended_at IS NOT NULL)),
    CHECK (retry_at IS NULL OR state IN ('queued', 'publishing')),
    CHECK ((state = 'waiting') = (waits_for <> '')),
    CHECK (state NOT IN ('publishing', 'review', 'merged', 'closed') OR verdict <> ''),
    CHECK (state NOT IN ('review', 'merged', 'closed') OR pull_request > 0)
) STRICT;
CREATE UNIQUE INDEX one_active_job ON jobs (forge, repo_id, issue)
    WHERE state IN ('queued', 'working', 'publishing', 'competing', 'waiting', 'review') AND contest IS NULL;
CREATE INDEX jobs_of_contest ON jobs (contest) WHERE contest IS NOT NULL;
CREATE INDEX jobs_to_do ON jobs (state, forge, repo_id) WHERE state IN ('queued', 'working', 'publishing');
CREATE INDEX jobs_by_issue ON jobs (forge, repo_id, issue, created_at);
CREATE INDEX jobs_by_repository ON jobs (forge, repo_id, claimed_at);
CREATE INDEX jobs_by_pull_request ON jobs (forge, repo_id, pull_request) WHERE pull_request > 0;
CREATE INDEX jobs_by_state ON jobs (state);
CREATE INDEX jobs_by_head ON jobs (head_commit) WHERE head_commit <> '';
CREATE INDEX jobs_to_clean ON jobs (id) WHERE branch_cleaned = 0 AND (head_commit <> '' OR pushing <> '');

CREATE TRIGGER jobs_begin_queued BEFORE INSERT ON jobs WHEN NEW.state <> 'queued' BEGIN
    SELECT RAISE(ABORT, 'a job begins queued');
END;
CREATE TRIGGER jobs_follow_the_table BEFORE UPDATE OF state ON jobs
WHEN NEW.state <> OLD.state AND
     NOT EXISTS (SELECT 1 FROM transitions WHERE from_state = OLD.state AND to_state = NEW.state) BEGIN
    SELECT RAISE(ABORT, 'no such transition of a job');
END;
CREATE TRIGGER jobs_tokens_only_grow BEFORE UPDATE OF claims ON jobs WHEN NEW.claims < OLD.claims BEGIN
    SELECT RAISE(ABORT, 'fencing tokens only grow');
END;

-- What is asked of a job, most of all by people of its pull request: a row for each thing said. A comment, a review, a
-- red commit asks once.
CREATE TABLE asks (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    job        INTEGER NOT NULL REFERENCES jobs (id),
    key        TEXT NOT NULL,
    by_login   TEXT NOT NULL,
    by_id      TEXT NOT NULL,
    words      TEXT NOT NULL,
    comment_id TEXT NOT NULL,          -- of the comment that was a command; else empty
    inline_id  TEXT NOT NULL,          -- of what stands beside a line; else empty, like the next three
    path       TEXT NOT NULL,
    line       INTEGER NOT NULL CHECK (line >= 0),
    diff_hunk  TEXT NOT NULL,
    at         INTEGER NOT NULL,
    done_at    INTEGER,
    what       TEXT NOT NULL DEFAULT 'wish' CHECK (what IN ('wish', 'checks', 'conflict', 'retry', 'pick', 'start', 'stop')),
    UNIQUE (job, key)
) STRICT;
CREATE INDEX asks_open ON asks (job) WHERE done_at IS NULL;

CREATE TABLE runs (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    job           INTEGER NOT NULL REFERENCES jobs (id),
    number        INTEGER NOT NULL CHECK (number > 0),
    kind          TEXT NOT NULL CHECK (kind IN ('first', 'repair', 'retry', 'refine')),
    profile       TEXT NOT NULL,
    started_at    INTEGER NOT NULL,
    ended_at      INTEGER,
    outcome       TEXT NOT NULL DEFAULT '',
    input_tokens  INTEGER NOT NULL DEFAULT 0,
    cached_tokens INTEGER NOT NULL DEFAULT 0,
    output_tokens INTEGER NOT NULL DEFAULT 0,
    cost_usd      REAL,
    log_file      TEXT NOT NULL,
    cycle         INTEGER NOT NULL DEFAULT 1 CHECK (cycle > 0),
    UNIQUE (job, number),
    CHECK ((ended_at IS NULL) = (outcome = ''))
) STRICT;

-- What model calls came to, by run, by job, and by day of UTC (days since 1970) for the whole installation.
CREATE TABLE spending (
    scope         TEXT NOT NULL CHECK (scope IN ('run', 'job', 'day')),
    id            INTEGER NOT NULL,
    requests      INTEGER NOT NULL CHECK (requests >= 0),
    tokens        INTEGER NOT NULL CHECK (tokens >= 0),
    micro_dollars INTEGER NOT NULL CHECK (micro_dollars >= 0),
    PRIMARY KEY (scope, id)
) STRICT, WITHOUT ROWID;

-- Calls under way, with the most that they can come to: as good as spent until it is known what they came to.
CREATE TABLE reservations (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    run           INTEGER NOT NULL REFERENCES runs (id),
    job           INTEGER NOT NULL REFERENCES jobs (id),
    day           INTEGER NOT NULL,
    tokens        INTEGER NOT NULL CHECK (tokens >= 0),
    micro_dollars INTEGER NOT NULL CHECK (micro_dollars >= 0)
) STRICT;

-- What checks said on a base commit, by a key of commit, image and recipe.
CREATE TABLE baselines (
    key       TEXT PRIMARY KEY,
    results   TEXT NOT NULL,
    stored_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What is to be said on a forge. A wish waits while `version` is ahead of `posted_version`; wishing the same again makes
-- it newer, so that what is posted late is posted once and true.
CREATE TABLE reports (
    id             INTEGER PRIMARY KEY AUTOINCREMENT,
    kind           TEXT NOT NULL CHECK (kind IN ('reaction', 'labels', 'status', 'answer')),
    forge          TEXT NOT NULL,
    repo_id        TEXT NOT NULL,
    repo_name      TEXT NOT NULL,
    clone_url      TEXT NOT NULL,
    default_branch TEXT NOT NULL,
    installation   TEXT NOT NULL,
    thread         INTEGER NOT NULL,
    marker         TEXT NOT NULL,
    job            INTEGER REFERENCES jobs (id),
    comment_id     TEXT NOT NULL,
    body           TEXT NOT NULL,
    remote_id      TEXT NOT NULL DEFAULT '',
    version        INTEGER NOT NULL DEFAULT 1,
    urgent_version INTEGER NOT NULL,               -- the last wish that told more than progress
    posted_version INTEGER NOT NULL DEFAULT 0,
    wished_at      INTEGER NOT NULL,               -- the oldest wish not yet posted
    posted_at      INTEGER NOT NULL DEFAULT 0,
    due_at         INTEGER NOT NULL,               -- progress is told every so often, not more
    not_before     INTEGER NOT NULL DEFAULT 0,     -- the forge said so, or was down
    held_until     INTEGER NOT NULL DEFAULT 0,     -- somebody is at it
    attempts       INTEGER NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    trouble        TEXT NOT NULL DEFAULT '',
    given_up       INTEGER NOT NULL DEFAULT 0 CHECK (given_up IN (0, 1)),
    thread_kind    TEXT NOT NULL DEFAULT 'issue' CHECK (thread_kind IN ('issue', 'pull_request')),
    CHECK (posted_version <= version),
    CHECK (kind <> 'status' OR job IS NOT NULL)
) STRICT;
CREATE UNIQUE INDEX one_report ON reports (forge, repo_id, thread, thread_kind, kind, marker);
CREATE INDEX reports_waiting ON reports (due_at) WHERE version > posted_version AND given_up = 0;
CREATE INDEX reports_by_job ON reports (job) WHERE job IS NOT NULL;

-- When the work on an issue that began last was asked for, and when people last ended such work (stop, a lock, the label
-- taken off), by the forge's clock: what is told late is judged by it.
-- And when each trigger label that was heard was set last: it begins one job, however often it is told.
CREATE TABLE said (
    forge      TEXT NOT NULL,
    repo_id    TEXT NOT NULL,
    issue      INTEGER NOT NULL,
    what       TEXT NOT NULL CHECK (what IN ('asked', 'stop') OR what LIKE 'label:%'),
    at         INTEGER NOT NULL,
    by_login   TEXT NOT NULL,
    id         TEXT NOT NULL,          -- of the comment, else empty; `label:NAME`: of the issue's event
    event      TEXT NOT NULL DEFAULT '', -- of the label that asked, or was taken off, by the issue's record
    PRIMARY KEY (forge, repo_id, issue, what)
) STRICT;

-- Asked for while other work went on, and refused. Should that work turn out to have been ended before, it is decided
-- on again: `revived`.
CREATE TABLE kept (
    delivery INTEGER NOT NULL REFERENCES deliveries (id) ON DELETE CASCADE,
    place    INTEGER NOT NULL,         -- among the things that it asks for
    forge    TEXT NOT NULL,
    repo_id  TEXT NOT NULL,
    issue    INTEGER NOT NULL,
    at       INTEGER NOT NULL,         -- when it was asked for, by the forge's clock
    id       TEXT NOT NULL,            -- of the comment, empty: by the label
    event    TEXT NOT NULL,            -- of the label, by the issue's record; may be empty
    thread   INTEGER NOT NULL,         -- where it was refused, in the answer with this marker
    marker   TEXT NOT NULL,
    revived  INTEGER NOT NULL DEFAULT 0 CHECK (revived IN (0, 1)),
    thread_kind TEXT NOT NULL DEFAULT 'issue' CHECK (thread_kind IN ('issue', 'pull_request')),
    PRIMARY KEY (delivery, place)
) STRICT;
CREATE INDEX kept_by_issue ON kept (forge, repo_id, issue);
CREATE INDEX kept_revived ON kept (delivery) WHERE revived = 1;

-- Since when a forge has been worked for: what was said there before asks nobody.
CREATE TABLE served (
    forge TEXT PRIMARY KEY,
    since INTEGER NOT NULL
) STRICT;

-- One row that is written to learn whether the ledger can be written.
CREATE TABLE pulse (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    at INTEGER NOT NULL
) STRICT;
INSERT INTO pulse (id, at) VALUES (1, 0);
