-- The state of collections. Ids are 16 bytes, big-endian, and made in code; the children of a
-- container sort by their ordinal, so that tables clustered by id are written where they were
-- written last. Times are milliseconds since the Unix epoch. States, roles, modes, arms and
-- routes are the codes of `stores/src/sqlite/codes.rs`. A payload is JSON, or `@` and the JSON of
-- a claim on an object.

-- 0, 1, 2 and so on: what statements walk along when they unpack a packed parameter.
CREATE TABLE numbers (n INTEGER PRIMARY KEY) STRICT;
WITH RECURSIVE counted (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM counted WHERE n < 4095)
INSERT INTO numbers SELECT n FROM counted;

CREATE TABLE collections (
    id BLOB NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    state INTEGER NOT NULL,
    cancelled INTEGER NOT NULL,
    scope TEXT,
    created_at INTEGER NOT NULL,
    deadline_at INTEGER,
    finished_at INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX collections_newest ON collections (created_at, id);
CREATE INDEX collections_due ON collections (deadline_at)
    WHERE state = 1 AND deadline_at IS NOT NULL;

CREATE TABLE containers (
    id BLOB NOT NULL PRIMARY KEY,
    collection BLOB NOT NULL,
    parent BLOB,
    position INTEGER NOT NULL,
    name TEXT,
    mode INTEGER NOT NULL,
    arm INTEGER,
    generator BLOB,
    policy TEXT,
    max_in_flight INTEGER NOT NULL,
    state INTEGER NOT NULL,
    chosen INTEGER,
    cursor INTEGER NOT NULL,
    expected INTEGER,
    created INTEGER NOT NULL,
    waiting INTEGER NOT NULL,
    running INTEGER NOT NULL,
    succeeded INTEGER NOT NULL,
    partial INTEGER NOT NULL,
    failed INTEGER NOT NULL,
    timeout INTEGER NOT NULL,
    disabled INTEGER NOT NULL,
    targets INTEGER NOT NULL,
    outcomes TEXT,
    usage TEXT,
    cut_off_at INTEGER,
    started_at INTEGER,
    finished_at INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX containers_collection ON containers (collection);
CREATE INDEX containers_name ON containers (collection, name) WHERE name IS NOT NULL;
CREATE INDEX containers_due ON containers (cut_off_at)
    WHERE state = 1 AND cut_off_at IS NOT NULL;

CREATE TABLE tasks (
    id BLOB NOT NULL PRIMARY KEY,
    collection BLOB NOT NULL,
    container BLOB NOT NULL,
    role INTEGER NOT NULL,
    ordinal INTEGER NOT NULL,
    kind TEXT NOT NULL,
    route INTEGER NOT NULL,
    targets INTEGER NOT NULL,
    options TEXT,
    state INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    failures INTEGER NOT NULL,
    accounted INTEGER NOT NULL,
    due_at INTEGER,
    give_up_at INTEGER,
    cursor TEXT,
    error TEXT,
    name TEXT,
    version INTEGER NOT NULL,
    payload TEXT NOT NULL
) STRICT, WITHOUT ROWID;
-- Partial, so that a task is in an index only while it is what the index is asked for: a million
-- finished tasks cost nothing.
CREATE INDEX tasks_waiting ON tasks (container, ordinal) WHERE state = 0;
CREATE INDEX tasks_active ON tasks (due_at, container) WHERE state IN (1, 2);
CREATE INDEX tasks_bare_metal ON tasks (state) WHERE state = 1 AND route = 2;
CREATE INDEX tasks_trouble ON tasks (collection) WHERE state IN (5, 6);
CREATE INDEX tasks_name ON tasks (collection, name) WHERE name IS NOT NULL;

-- Clustered by container and task, which is the order in which data sets are read.
CREATE TABLE task_data (
    container BLOB NOT NULL,
    task BLOB NOT NULL,
    seq INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (container, task, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE task_collection_data (
    collection BLOB NOT NULL,
    "key" TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (collection, "key")
) STRICT, WITHOUT ROWID;

CREATE TABLE inbox (
    id BLOB NOT NULL PRIMARY KEY,
    received_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX inbox_received ON inbox (received_at);

CREATE TABLE outbox (
    task BLOB NOT NULL,
    attempt INTEGER NOT NULL,
    send_at INTEGER NOT NULL,
    PRIMARY KEY (task, attempt)
) STRICT, WITHOUT ROWID;
CREATE INDEX outbox_due ON outbox (send_at);
