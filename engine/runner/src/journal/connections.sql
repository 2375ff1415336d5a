-- Connections of native programs, at their end.
CREATE TABLE connections (
    run       TEXT NOT NULL,
    stage     TEXT NOT NULL,
    attempt   INTEGER NOT NULL,
    "to"      TEXT NOT NULL,
    result    TEXT NOT NULL,
    sent      INTEGER NOT NULL,
    received  INTEGER NOT NULL,
    message   TEXT,
    time      TEXT NOT NULL
) STRICT;
