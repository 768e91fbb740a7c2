-- The state of collections. Ids are made in code, and the first 48 bits of everything below a
-- collection are its own: what belongs together lies together. Times are milliseconds since the
-- Unix epoch. States, roles, modes, arms and routes are the codes of `stores/src/codes.rs`. A
-- payload is JSON as it was written, or `@` and the JSON of a claim on an object.

CREATE TABLE task_manager.collections (
    id uuid NOT NULL PRIMARY KEY,
    created_at bigint NOT NULL,
    deadline_at bigint,
    finished_at bigint,
    state smallint NOT NULL,
    cancelled boolean NOT NULL,
    name text NOT NULL,
    scope text
);
CREATE INDEX collections_newest ON task_manager.collections (created_at, id);
CREATE INDEX collections_due ON task_manager.collections (deadline_at)
    WHERE state = 1 AND deadline_at IS NOT NULL;
CREATE INDEX collections_finished ON task_manager.collections (finished_at)
    WHERE finished_at IS NOT NULL;

CREATE TABLE task_manager.containers (
    id uuid NOT NULL PRIMARY KEY,
    collection uuid NOT NULL,
    parent uuid,
    generator uuid,
    "position" bigint NOT NULL,
    max_in_flight bigint NOT NULL,
    mode smallint NOT NULL,
    arm smallint,
    state smallint NOT NULL,
    chosen smallint,
    cursor bigint NOT NULL,
    expected bigint,
    created bigint NOT NULL,
    waiting bigint NOT NULL,
    running bigint NOT NULL,
    succeeded bigint NOT NULL,
    partial bigint NOT NULL,
    failed bigint NOT NULL,
    timeout bigint NOT NULL,
    disabled bigint NOT NULL,
    targets bigint NOT NULL,
    -- No task of it with a lower ordinal waits. What was dispatched lies dead in the index until
    -- it is vacuumed, and who looks for what waits need not step over it.
    waiting_from bigint NOT NULL DEFAULT 0,
    cut_off_at bigint,
    started_at bigint,
    finished_at bigint,
    outcomes text,
    usage text,
    policy text,
    name text
-- Room to write the next version of a row beside it: its counters change with every batch, and
-- no index needs to know.
) WITH (fillfactor = 50);
CREATE INDEX containers_collection ON task_manager.containers (collection, id);
CREATE INDEX containers_name ON task_manager.containers (collection, name) WHERE name IS NOT NULL;
CREATE INDEX containers_due ON task_manager.containers (cut_off_at)
    WHERE state = 1 AND cut_off_at IS NOT NULL;

CREATE TABLE task_manager.tasks (
    id uuid NOT NULL PRIMARY KEY,
    collection uuid NOT NULL,
    container uuid NOT NULL,
    ordinal bigint NOT NULL,
    targets bigint NOT NULL,
    version bigint NOT NULL,
    attempt bigint NOT NULL,
    failures bigint NOT NULL,
    accounted bigint NOT NULL,
    due_at bigint,
    give_up_at bigint,
    role smallint NOT NULL,
    route smallint NOT NULL,
    state smallint NOT NULL,
    kind text NOT NULL,
    options text,
    cursor text,
    error text,
    name text,
    payload text NOT NULL
);
-- Partial, so that a task is in an index only while it is what the index is asked for: a million
-- finished tasks cost nothing.
CREATE INDEX tasks_waiting ON task_manager.tasks (container, ordinal, id) WHERE state = 0;
CREATE INDEX tasks_active ON task_manager.tasks (due_at, container) WHERE state IN (1, 2);
CREATE INDEX tasks_bare_metal ON task_manager.tasks (id) WHERE state = 1 AND route = 2;
CREATE INDEX tasks_trouble ON task_manager.tasks (collection, id) WHERE state IN (5, 6);
CREATE INDEX tasks_name ON task_manager.tasks (collection, name) WHERE name IS NOT NULL;

-- The order of the key is the order in which data sets are read.
CREATE TABLE task_manager.task_data (
    container uuid NOT NULL,
    task uuid NOT NULL,
    seq bigint NOT NULL,
    attempt bigint NOT NULL,
    body text NOT NULL,
    PRIMARY KEY (container, task, seq)
);

CREATE TABLE task_manager.task_collection_data (
    collection uuid NOT NULL,
    "key" text COLLATE "C" NOT NULL,
    value text NOT NULL,
    PRIMARY KEY (collection, "key")
);

CREATE TABLE task_manager.inbox (
    id uuid NOT NULL PRIMARY KEY,
    received_at bigint NOT NULL
);
CREATE INDEX inbox_received ON task_manager.inbox (received_at);

-- A row for each batch of dispatches, with the first of them for its key: they are put at once, and
-- mostly leave at once.
CREATE TABLE task_manager.outbox (
    task uuid NOT NULL,
    attempt bigint NOT NULL,
    send_at bigint NOT NULL,
    members integer NOT NULL,
    tasks uuid[] NOT NULL,
    attempts bigint[] NOT NULL,
    PRIMARY KEY (task, attempt)
);
-- They live too briefly to be worth compressing.
ALTER TABLE task_manager.outbox
    ALTER tasks SET STORAGE EXTERNAL, ALTER attempts SET STORAGE EXTERNAL;
CREATE INDEX outbox_due ON task_manager.outbox (send_at, task, attempt);

-- These turn over all the time: vacuum by what changed, not by what share of the table that is,
-- so that a large table is looked after as often as a small one.
ALTER TABLE task_manager.tasks
    SET (autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02);
ALTER TABLE task_manager.inbox SET (autovacuum_vacuum_scale_factor = 0.05);
ALTER TABLE task_manager.outbox
    SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);

-- Whether a task runs in this attempt. Its state cannot change before the transaction ends. Workers
-- may call this; they may not touch tasks.
CREATE FUNCTION task_manager.holds(of_task uuid, in_attempt bigint, of_container uuid, of_collection uuid)
RETURNS boolean
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM 1 FROM task_manager.tasks
    WHERE id = of_task AND state = 1 AND attempt = in_attempt
      AND container = of_container AND collection = of_collection
    FOR SHARE;
    RETURN FOUND;
END
$$;
REVOKE ALL ON FUNCTION task_manager.holds(uuid, bigint, uuid, uuid) FROM PUBLIC;
