-- The journal of a project's runs. Times are RFC 3339 in UTC, durations milliseconds, digests `sha256:…`.
-- `cache_key` and `plan` are what caching and resuming need; rows are only ever added or finished, never rewritten.
CREATE TABLE runs (
    id           TEXT PRIMARY KEY,
    pipeline     TEXT NOT NULL,
    plan         TEXT NOT NULL,
    engine       TEXT NOT NULL,
    branch       TEXT,
    commit_id    TEXT,
    dry_run      INTEGER NOT NULL,
    started      TEXT NOT NULL,
    finished     TEXT,
    outcome      TEXT,
    duration_ms  INTEGER
) STRICT;

CREATE TABLE attempts (
    run          TEXT NOT NULL REFERENCES runs (id),
    stage        TEXT NOT NULL,
    attempt      INTEGER NOT NULL,
    component    TEXT,
    confinement  TEXT,
    cache_key    TEXT,
    started      TEXT NOT NULL,
    finished     TEXT,
    outcome      TEXT,
    message      TEXT,
    duration_ms  INTEGER,
    PRIMARY KEY (run, stage, attempt)
) STRICT;

CREATE TABLE outputs (
    run      TEXT NOT NULL,
    stage    TEXT NOT NULL,
    attempt  INTEGER NOT NULL,
    key      TEXT NOT NULL,
    value    TEXT NOT NULL,
    PRIMARY KEY (run, stage, attempt, key)
) STRICT;

CREATE TABLE artifacts (
    run         TEXT NOT NULL,
    stage       TEXT NOT NULL,
    attempt     INTEGER NOT NULL,
    name        TEXT NOT NULL,
    media_type  TEXT NOT NULL,
    digest      TEXT NOT NULL,
    bytes       INTEGER NOT NULL,
    PRIMARY KEY (run, stage, attempt, name)
) STRICT;

CREATE TABLE findings (
    run       TEXT NOT NULL,
    stage     TEXT NOT NULL,
    attempt   INTEGER NOT NULL,
    severity  TEXT NOT NULL,
    code      TEXT NOT NULL,
    message   TEXT NOT NULL,
    path      TEXT,
    line      INTEGER,
    help      TEXT
) STRICT;
CREATE INDEX findings_of_run ON findings (run, stage);

CREATE TABLE tests (
    run          TEXT NOT NULL,
    stage        TEXT NOT NULL,
    attempt      INTEGER NOT NULL,
    suite        TEXT NOT NULL,
    name         TEXT NOT NULL,
    outcome      TEXT NOT NULL,
    duration_us  INTEGER NOT NULL,
    message      TEXT
) STRICT;
CREATE INDEX tests_of_run ON tests (run, stage);

CREATE TABLE metrics (
    run      TEXT NOT NULL,
    stage    TEXT NOT NULL,
    attempt  INTEGER NOT NULL,
    name     TEXT NOT NULL,
    value    REAL NOT NULL,
    unit     TEXT NOT NULL
) STRICT;

CREATE TABLE summaries (
    run       TEXT NOT NULL,
    stage     TEXT NOT NULL,
    attempt   INTEGER NOT NULL,
    markdown  TEXT NOT NULL
) STRICT;

-- Each time that a stage was given a secret's value.
CREATE TABLE secret_reads (
    run      TEXT NOT NULL,
    stage    TEXT NOT NULL,
    attempt  INTEGER NOT NULL,
    name     TEXT NOT NULL,
    time     TEXT NOT NULL
) STRICT;

-- What a stage remembers between runs.
CREATE TABLE state (
    pipeline  TEXT NOT NULL,
    stage     TEXT NOT NULL,
    key       TEXT NOT NULL,
    value     TEXT NOT NULL,
    PRIMARY KEY (pipeline, stage, key)
) STRICT;
