//! The columns of the tables, and the statements that are made from them.

use std::sync::LazyLock;

use super::pack::Kind::{Id, Int, OptId, OptInt, Text};
use super::pack::{Column, field, insert, json, replace, update};

pub(super) const COLLECTION: [Column; 8] = [
    ("id", Id),
    ("name", Text),
    ("state", Int),
    ("cancelled", Int),
    ("scope", Text),
    ("created_at", Int),
    ("deadline_at", OptInt),
    ("finished_at", OptInt),
];

pub(super) const CONTAINER: [Column; 28] = [
    ("id", Id),
    ("collection", Id),
    ("parent", OptId),
    ("position", Int),
    ("name", Text),
    ("mode", Int),
    ("arm", OptInt),
    ("generator", OptId),
    ("policy", Text),
    ("max_in_flight", Int),
    // From here on they change.
    ("state", Int),
    ("chosen", OptInt),
    ("cursor", Int),
    ("expected", OptInt),
    ("created", Int),
    ("waiting", Int),
    ("running", Int),
    ("succeeded", Int),
    ("partial", Int),
    ("failed", Int),
    ("timeout", Int),
    ("disabled", Int),
    ("targets", Int),
    ("outcomes", Text),
    ("usage", Text),
    ("cut_off_at", OptInt),
    ("started_at", OptInt),
    ("finished_at", OptInt),
];

/// The columns of a container that never change.
const CONTAINER_FIXED: usize = 10;

pub(super) const HEAD: [Column; 17] = [
    ("id", Id),
    ("collection", Id),
    ("container", Id),
    ("role", Int),
    ("ordinal", Int),
    ("kind", Text),
    ("route", Int),
    ("targets", Int),
    ("options", Text),
    // From here on they change.
    ("state", Int),
    ("attempt", Int),
    ("failures", Int),
    ("accounted", Int),
    ("due_at", OptInt),
    ("give_up_at", OptInt),
    ("cursor", Text),
    ("error", Text),
];

/// The columns of a task's head that never change.
const HEAD_FIXED: usize = 9;

const STATUS: &[Column] = HEAD.split_at(HEAD_FIXED).1;

/// What tells the children of a container apart.
const CHILD: [Column; 4] = [
    ("id", Id),
    ("ordinal", Int),
    ("targets", Int),
    ("payload", Text),
];

/// What they nearly always have in common, beside their status.
const SIBLINGS: [Column; 7] = [
    ("collection", Id),
    ("container", Id),
    ("role", Int),
    ("kind", Text),
    ("route", Int),
    ("options", Text),
    ("version", Int),
];

/// What a task has beside its head.
const BODY: [Column; 3] = [("name", Text), ("version", Int), ("payload", Text)];

const DATA: [Column; 5] = [
    ("container", Id),
    ("task", Id),
    ("seq", Int),
    ("attempt", Int),
    ("body", Text),
];

const INBOX: [Column; 2] = [("id", Id), ("received_at", Int)];

const OUTBOX: [Column; 3] = [("task", Id), ("attempt", Int), ("send_at", Int)];

/// Statements that are made once and live as long as the program.
macro_rules! statements {
    ($($(#[$doc:meta])* $name:ident = $sql:expr;)*) => {
        $($(#[$doc])* pub(super) static $name: LazyLock<String> = LazyLock::new(|| $sql);)*
    };
}

statements! {
    INSERT_COLLECTIONS = insert("collections", &COLLECTION, &[]);
    INSERT_CONTAINERS = insert("containers", &CONTAINER, &[]);
    INSERT_TASKS = insert("tasks", &[&HEAD[..], &BODY].concat(), &[]);
    INSERT_INBOX = insert("inbox", &INBOX, &[]);
    INSERT_OUTBOX = insert("outbox", &OUTBOX, &[]);
    PUT_DATA = replace("task_data", &DATA);
    UPDATE_COLLECTIONS = update("collections", &COLLECTION[1..], &[]);
    UPDATE_CONTAINERS = update("containers", &CONTAINER[CONTAINER_FIXED..], &[]);
    UPDATE_TASKS = update("tasks", STATUS, &[]);
    /// Tasks that all get the same status.
    UPDATE_TASKS_ALIKE = update("tasks", &[], STATUS);
    /// Nameless tasks of one container that differ in what [`CHILD`] says.
    INSERT_TASKS_ALIKE = insert("tasks", &CHILD, &[&SIBLINGS[..], STATUS].concat());
    /// By pairs of task and attempt.
    REMOVE_OUTBOX = format!(
        "DELETE FROM outbox WHERE (task, attempt) IN (SELECT {}, {} FROM numbers WHERE n < ?3)",
        field(Id, 0, 2),
        field(Int, 1, 2),
    );

    KNOWN_TASKS = known("tasks");
    KNOWN_MESSAGES = known("inbox");
    READ_COLLECTIONS = by_ids("collections", &json("r", &COLLECTION));
    READ_CONTAINERS = by_ids("containers", &json("r", &CONTAINER));
    READ_HEADS = by_ids("tasks", &json("r", &HEAD));
    READ_TASKS = by_ids("tasks", &task("r"));
    /// Each container's own list.
    WAITING = format!(
        "SELECT (SELECT json_group_array({}) FROM (SELECT * FROM tasks AS w \
         WHERE w.container = {} AND w.state = 0 ORDER BY w.ordinal, w.id LIMIT ?4) AS r) \
         FROM numbers WHERE numbers.n < ?3",
        task("r"),
        field(Id, 0, 1),
    );

    COLLECTION_BY_ID = selected(&json("r", &COLLECTION), "collections WHERE id = ?1");
    NEWEST_COLLECTIONS = selected(
        &json("r", &COLLECTION),
        "collections ORDER BY created_at DESC, id DESC LIMIT ?1",
    );
    DUE_COLLECTIONS = selected(
        &json("r", &COLLECTION),
        "collections WHERE state = 1 AND deadline_at <= ?1 ORDER BY deadline_at, id",
    );
    CONTAINERS_OF = selected(
        &json("r", &CONTAINER),
        "containers WHERE collection = ?1 ORDER BY id",
    );
    DUE_CONTAINERS = selected(
        &json("r", &CONTAINER),
        "containers WHERE state = 1 AND cut_off_at <= ?1 ORDER BY cut_off_at, id",
    );
    DUE_TASKS = selected(
        &json("r", &HEAD),
        "tasks WHERE state IN (1, 2) AND due_at <= ?1 ORDER BY due_at, id LIMIT ?2",
    );
    TASK_BY_NAME = selected(
        &json("r", &HEAD),
        "tasks WHERE collection = ?1 AND name = ?2 ORDER BY id LIMIT 1",
    );
    DUE_OUTBOX = selected(
        &json("r", &OUTBOX),
        "outbox WHERE send_at <= ?1 ORDER BY send_at, task, attempt LIMIT ?2",
    );
    TROUBLES = selected(
        "json_array(hex(id), kind, state, attempt, error)",
        "tasks WHERE collection = ?1 AND state IN (5, 6) ORDER BY id LIMIT ?2",
    );

    /// Per container, with what is open in it; targets in two halves, whose sums cannot overflow.
    OPEN_TASKS = format!(
        "SELECT json_group_array(json_array(hex(container), waiting, running, high, low)) \
         FROM (SELECT container, sum(role <> 1 AND state = 0) AS waiting, \
         sum(role <> 1 AND state <> 0) AS running, \
         sum(iif(role <> 1, max(targets - accounted, 0), 0) >> 32) AS high, \
         sum(iif(role <> 1, max(targets - accounted, 0), 0) & 0xffffffff) AS low FROM ( \
         SELECT container, state, role, targets, accounted FROM tasks WHERE {OPEN_WAITING} \
         UNION ALL SELECT container, state, role, targets, accounted \
         FROM tasks INDEXED BY tasks_active WHERE {OPEN_ACTIVE}) GROUP BY container)",
        OPEN_WAITING = among("state = 0"),
        OPEN_ACTIVE = among("state IN (1, 2)"),
    );
    CLOSE_WAITING = format!(
        "UPDATE tasks INDEXED BY tasks_waiting SET state = ?4, due_at = NULL WHERE {}",
        among("state = 0"),
    );
    CLOSE_ACTIVE = format!(
        "UPDATE tasks INDEXED BY tasks_active SET state = ?4, due_at = NULL WHERE {}",
        among("state IN (1, 2)"),
    );
}

/// A task as a JSON array of its head and its body.
fn task(alias: &str) -> String {
    format!("json_array({}, {})", json(alias, &HEAD), json(alias, &BODY))
}

/// The places in the pack of those ids that exist.
fn known(table: &str) -> String {
    by_ids(table, "numbers.n")
}

/// One value: a JSON array of `what` of the rows that exist.
fn by_ids(table: &str, what: &str) -> String {
    let id = field(Id, 0, 1);
    format!(
        "SELECT json_group_array({what}) FROM numbers CROSS JOIN {table} AS r ON r.id = {id} \
         WHERE numbers.n < ?3"
    )
}

/// One value: a JSON array of `what` of the rows `from` a table, in their order.
fn selected(what: &str, from: &str) -> String {
    format!("SELECT json_group_array({what}) FROM (SELECT * FROM {from}) AS r")
}

/// Tasks in the packed containers.
fn among(state: &str) -> String {
    format!(
        "{state} AND container IN (SELECT {} FROM numbers WHERE n < ?3)",
        field(Id, 0, 1)
    )
}
