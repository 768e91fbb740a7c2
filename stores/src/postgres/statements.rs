//! The statements that are made from the columns of the tables.

use std::sync::LazyLock;

use super::columns::{
    Bodies, Collections, Column, Containers, Data, Firsts, Heads, Progress, Statuses, insert,
    names, update,
};
use super::outbox;

const COLLECTION: &[Column] = Collections::COLUMNS;
static CONTAINER: LazyLock<Vec<Column>> =
    LazyLock::new(|| [Containers::COLUMNS, Progress::COLUMNS].concat());
static HEAD: LazyLock<Vec<Column>> = LazyLock::new(|| [Heads::COLUMNS, Statuses::COLUMNS].concat());
static TASK: LazyLock<Vec<Column>> = LazyLock::new(|| [&HEAD[..], Bodies::COLUMNS].concat());

/// Statements that are made once and live as long as the program.
macro_rules! statements {
    ($($(#[$doc:meta])* $name:ident = $sql:expr;)*) => {
        $($(#[$doc])* pub(super) static $name: LazyLock<String> = LazyLock::new(|| $sql);)*
    };
}

statements! {
    INSERT_COLLECTIONS = new("task_manager.collections", COLLECTION);
    INSERT_CONTAINERS = new("task_manager.containers", &CONTAINER);
    /// Returns the ids of those that were new.
    INSERT_TASKS = format!(
        "WITH fresh AS ({} {ABSENT} RETURNING id, container, ordinal, state), \
         first AS (SELECT container, min(ordinal) AS ordinal FROM fresh WHERE state = 0 \
         GROUP BY container), \
         lowered AS (UPDATE task_manager.containers AS c SET waiting_from = first.ordinal \
         FROM first WHERE c.id = first.container AND c.waiting_from > first.ordinal) \
         SELECT id FROM fresh",
        insert("task_manager.tasks", 1, &TASK),
        ABSENT = absent("task_manager.tasks"),
    );
    UPDATE_TASKS = update("task_manager.tasks", 1, Statuses::COLUMNS, &[]);
    PUT_DATA = put_data(1, "");
    /// All that a transaction has put off, at once: task states, data, both sides of the outbox,
    /// containers, collections. Data comes behind the states, which wait for workers that write
    /// data of the same tasks; these must not be kept waiting meanwhile.
    FLUSH = {
        let mut next = 1;
        let mut from = |columns: usize| {
            let first = next;
            next += columns;
            first
        };
        let tasks = update("task_manager.tasks", from(1 + Statuses::COLUMNS.len()), Statuses::COLUMNS, &[]);
        let data = put_data(from(Data::COLUMNS.len()), " WHERE (SELECT count(*) FROM tasks) >= 0");
        let sent = outbox::remove(from(outbox::KEYS));
        let outbox = outbox::put(from(outbox::PARAMETERS));
        let containers = update(
            "task_manager.containers",
            from(1 + Progress::COLUMNS.len() + Firsts::COLUMNS.len()),
            Progress::COLUMNS,
            Firsts::COLUMNS,
        );
        let collections =
            update("task_manager.collections", from(COLLECTION.len()), &COLLECTION[1..], &[]);
        format!(
            "WITH tasks AS ({tasks} RETURNING 1), data AS ({data}), {sent}, \
             outbox AS ({outbox}), containers AS ({containers}), \
             collections AS ({collections}) SELECT 1"
        )
    };
    /// Returns the ids of those that were new. In the order of ids, so that managers which were
    /// given the same messages wait for each other in one order.
    INSERT_INBOX = format!(
        "INSERT INTO task_manager.inbox (id, received_at) \
         SELECT id, $2 FROM unnest($1::uuid[]) AS u(id) {} ORDER BY id RETURNING id",
        absent("task_manager.inbox"),
    );

    READ_COLLECTIONS = format!(
        "SELECT {} FROM task_manager.collections AS l WHERE l.id = ANY($1)",
        names("l.", COLLECTION),
    );
    /// With the collection that each one belongs to, if there is one.
    READ_CONTAINERS = format!(
        "SELECT {}, l.id IS NOT NULL, {} FROM task_manager.containers AS c \
         LEFT JOIN task_manager.collections AS l ON l.id = c.collection WHERE c.id = ANY($1)",
        names("c.", &CONTAINER),
        names("l.", COLLECTION),
    );
    CONTAINERS_OF = format!(
        "SELECT {} FROM task_manager.containers AS c WHERE c.collection = $1 ORDER BY c.id",
        names("c.", &CONTAINER),
    );
    READ_HEADS = format!(
        "SELECT {} FROM task_manager.tasks AS t WHERE t.id = ANY($1)",
        names("t.", &HEAD),
    );
    READ_TASKS = format!(
        "SELECT {} FROM task_manager.tasks AS t WHERE t.id = ANY($1)",
        names("t.", &TASK),
    );
    /// Each container's own first tasks.
    WAITING = waiting(1, "");
    /// The same, while new states are written. It sees the old ones, so it leaves these tasks out:
    /// none of them is to wait. By a subquery, which the server hashes; it would compare each task
    /// that waits with each member of an array.
    UPDATE_TASKS_THEN_WAITING = format!(
        "WITH updated AS ({}) {}",
        update("task_manager.tasks", 1, Statuses::COLUMNS, &[]),
        waiting(2 + Statuses::COLUMNS.len(), "AND t.id NOT IN (SELECT unnest($1))"),
    );
    TASK_BY_NAME = format!(
        "SELECT {} FROM task_manager.tasks AS t WHERE t.collection = $1 AND t.name = $2 \
         ORDER BY t.id LIMIT 1",
        names("t.", &HEAD),
    );
    NEWEST_COLLECTIONS = format!(
        "SELECT {} FROM task_manager.collections AS l \
         ORDER BY l.created_at DESC, l.id DESC LIMIT $1",
        names("l.", COLLECTION),
    );
    /// Of those that were found due, those that still are.
    DUE_TASKS = format!(
        "SELECT {} FROM task_manager.tasks AS t WHERE t.id = ANY($1) \
         AND t.state IN (1, 2) AND t.due_at <= $2 ORDER BY t.due_at, t.id",
        names("t.", &HEAD),
    );
    DUE_CONTAINERS = format!(
        "SELECT {} FROM task_manager.containers AS c WHERE c.id = ANY($1) \
         AND c.state = 1 AND c.cut_off_at <= $2 ORDER BY c.cut_off_at, c.id",
        names("c.", &CONTAINER),
    );
    DUE_COLLECTIONS = format!(
        "SELECT {} FROM task_manager.collections AS l WHERE l.id = ANY($1) \
         AND l.state = 1 AND l.deadline_at <= $2 ORDER BY l.deadline_at, l.id",
        names("l.", COLLECTION),
    );
}

/// Forgets from where on tasks wait, for containers some of whose tasks are to wait again.
pub(super) const WAIT_AGAIN: &str = "UPDATE task_manager.containers SET waiting_from = 0 \
     WHERE id IN (SELECT container FROM task_manager.tasks WHERE id = ANY($1))";

/// Ids of tasks that may be due.
pub(super) const DUE_TASK_IDS: &str = "SELECT id FROM task_manager.tasks \
     WHERE state IN (1, 2) AND due_at <= $1 ORDER BY due_at, id LIMIT $2";
pub(super) const DUE_CONTAINER_IDS: &str =
    "SELECT id FROM task_manager.containers WHERE state = 1 AND cut_off_at <= $1";
pub(super) const DUE_COLLECTION_IDS: &str =
    "SELECT id FROM task_manager.collections WHERE state = 1 AND deadline_at <= $1";

/// Rows that another manager is about to forget are left to it.
pub(super) const PRUNE_INBOX: &str = "DELETE FROM task_manager.inbox WHERE id IN \
     (SELECT id FROM task_manager.inbox WHERE received_at < $1 FOR UPDATE SKIP LOCKED)";

pub(super) const BARE_METAL: &str =
    "SELECT count(*) FROM task_manager.tasks WHERE state = 1 AND route = 2";

pub(super) const TROUBLES: &str = "SELECT id, kind, state, attempt, error \
     FROM task_manager.tasks WHERE collection = $1 AND state IN (5, 6) ORDER BY id LIMIT $2";

/// Ends what is open, and says what was, by container.
pub(super) const CLOSE_TASKS: &str = "WITH open AS ( \
     SELECT id, state FROM task_manager.tasks WHERE container = ANY($1) AND state = 0 \
     UNION ALL \
     SELECT id, state FROM task_manager.tasks WHERE container = ANY($1) AND state IN (1, 2)), \
     closed AS (UPDATE task_manager.tasks AS t SET state = $2, due_at = NULL \
     FROM open WHERE t.id = open.id \
     RETURNING t.container, t.role, open.state AS was, t.targets, t.accounted) \
     SELECT container, count(*) FILTER (WHERE role <> 1 AND was = 0), \
     count(*) FILTER (WHERE role <> 1 AND was <> 0), \
     coalesce(sum(greatest(targets - accounted, 0)) FILTER (WHERE role <> 1), 0)::text \
     FROM closed GROUP BY container";

/// Takes containers and how many tasks of each, from the parameter `first` on.
fn waiting(first: usize, also: &str) -> String {
    format!(
        "SELECT t.* FROM unnest(${first}::uuid[], ${}::int8[]) \
         WITH ORDINALITY AS w(container, most, n) \
         LEFT JOIN task_manager.containers AS c ON c.id = w.container \
         CROSS JOIN LATERAL (SELECT {} FROM task_manager.tasks AS t \
         WHERE t.container = w.container AND t.state = 0 \
         AND t.ordinal >= coalesce(c.waiting_from, 0) {also} \
         ORDER BY t.ordinal, t.id LIMIT w.most) AS t ORDER BY w.n, t.ordinal, t.id",
        first + 1,
        names("t.", &TASK),
    )
}

/// Leaves out what is in `table` already; no id may come twice. `ON CONFLICT DO NOTHING` does the
/// same, but pays for each row to be undone should it turn out to be there. What another transaction
/// inserts meanwhile is a conflict. A subquery for each row, which looks into the key; a join might
/// look through the table.
fn absent(table: &str) -> String {
    format!("WHERE (SELECT t.id FROM {table} AS t WHERE t.id = u.id) IS NULL")
}

fn new(table: &str, columns: &[Column]) -> String {
    insert(table, 1, columns) + " ON CONFLICT DO NOTHING"
}

fn put_data(first: usize, condition: &str) -> String {
    format!(
        "{}{condition} ON CONFLICT (container, task, seq) \
         DO UPDATE SET attempt = excluded.attempt, body = excluded.body",
        insert("task_manager.task_data", first, Data::COLUMNS)
    )
}
