//! Rows on their way into the database, field by field in the order of the columns.

use serde::Serialize;
use task_core::id::{ContainerId, TaskId};
use task_core::payload::Payload;
use task_core::ports::store::{
    CollectionRow, ContainerRow, OutboxRow, ResultRow, StoreError, Task, TaskStatus, TaskUpdate,
};
use task_core::time::Timestamp;

use super::pack::Pack;
use crate::codes::Code;
use crate::text::{self, encode, payload_text};

type Put = Result<(), StoreError>;

pub(super) fn collection(pack: &mut Pack, row: &CollectionRow) -> Put {
    pack.id(row.id.as_bytes());
    pack.text(&row.name);
    pack.int(row.state.code().into());
    pack.int(row.cancelled.into());
    let scope = row.scope.as_ref().map(encode).transpose()?;
    pack.opt_text(scope.as_deref());
    pack.int(row.created_at.as_millis());
    pack.opt_int(row.deadline_at.map(Timestamp::as_millis));
    pack.opt_int(row.finished_at.map(Timestamp::as_millis));
    Ok(())
}

pub(super) fn container(pack: &mut Pack, row: &ContainerRow) -> Put {
    pack.id(row.id.as_bytes());
    pack.id(row.collection.as_bytes());
    pack.opt_id(row.parent.as_ref().map(ContainerId::as_bytes));
    pack.int(row.position.into());
    pack.opt_text(row.name.as_deref());
    pack.int(row.mode.code());
    pack.opt_int(row.arm.map(Code::code));
    pack.opt_id(row.generator.as_ref().map(TaskId::as_bytes));
    unless_default(pack, &row.policy)?;
    pack.int(row.max_in_flight.into());
    container_state(pack, row)
}

/// The id and what changes.
pub(super) fn container_update(pack: &mut Pack, row: &ContainerRow) -> Put {
    pack.id(row.id.as_bytes());
    container_state(pack, row)
}

fn container_state(pack: &mut Pack, row: &ContainerRow) -> Put {
    pack.int(row.state.code().into());
    pack.opt_int(row.chosen.map(Code::code));
    pack.int(row.cursor.into());
    pack.opt_int(row.expected);
    pack.int(row.children.created);
    pack.int(row.children.waiting);
    pack.int(row.children.running);
    pack.int(row.children.succeeded);
    pack.int(row.children.partial);
    pack.int(row.children.failed);
    pack.int(row.children.timeout);
    pack.int(row.children.disabled);
    pack.int(row.targets);
    unless_default(pack, &row.outcomes)?;
    unless_default(pack, &row.usage)?;
    pack.opt_int(row.cut_off_at.map(Timestamp::as_millis));
    pack.opt_int(row.started_at.map(Timestamp::as_millis));
    pack.opt_int(row.finished_at.map(Timestamp::as_millis));
    Ok(())
}

pub(super) fn task(pack: &mut Pack, task: &Task) -> Put {
    let head = &task.head;
    pack.id(head.id.as_bytes());
    pack.id(head.collection.as_bytes());
    pack.id(head.container.as_bytes());
    pack.int(head.role.code());
    pack.int(head.ordinal.into());
    pack.text(&head.kind);
    pack.int(head.route.code());
    pack.int(head.targets);
    unless_default(pack, &head.options)?;
    status(pack, &head.status)?;
    pack.opt_text(task.name.as_deref());
    pack.int(task.version.into());
    payload(pack, &task.payload)
}

/// What tells a task from its siblings.
pub(super) fn child(pack: &mut Pack, task: &Task) -> Put {
    pack.id(task.head.id.as_bytes());
    pack.int(task.head.ordinal.into());
    pack.int(task.head.targets);
    payload(pack, &task.payload)
}

/// What siblings have in common.
pub(super) fn siblings(pack: &mut Pack, task: &Task) -> Put {
    let head = &task.head;
    pack.id(head.collection.as_bytes());
    pack.id(head.container.as_bytes());
    pack.int(head.role.code());
    pack.text(&head.kind);
    pack.int(head.route.code());
    unless_default(pack, &head.options)?;
    pack.int(task.version.into());
    status(pack, &head.status)
}

/// Whether two tasks are siblings.
pub(super) fn are_siblings(one: &Task, other: &Task) -> bool {
    let (a, b) = (&one.head, &other.head);
    one.name.is_none()
        && other.name.is_none()
        && a.container == b.container
        && a.collection == b.collection
        && a.role == b.role
        && a.kind == b.kind
        && a.route == b.route
        && a.options == b.options
        && one.version == other.version
        && a.status == b.status
}

/// The id and what changes.
pub(super) fn task_update(pack: &mut Pack, update: &TaskUpdate) -> Put {
    pack.id(update.id.as_bytes());
    status(pack, &update.status)
}

/// The whole status.
pub(super) fn status(pack: &mut Pack, status: &TaskStatus) -> Put {
    pack.int(status.state.code().into());
    pack.int(status.attempt.into());
    pack.int(status.failures.into());
    pack.int(status.accounted);
    pack.opt_int(status.due_at.map(Timestamp::as_millis));
    pack.opt_int(status.give_up_at.map(Timestamp::as_millis));
    match &status.cursor {
        Some(cursor) => payload(pack, cursor)?,
        None => pack.opt_text(None),
    }
    pack.opt_text(status.error.as_deref());
    Ok(())
}

pub(super) fn result(pack: &mut Pack, row: &ResultRow) -> Put {
    self::row(pack, row.container, row.task, row.seq, 0, &row.body)
}

pub(super) fn row(
    pack: &mut Pack,
    container: ContainerId,
    task: TaskId,
    seq: u32,
    attempt: u32,
    body: &Payload,
) -> Put {
    pack.id(container.as_bytes());
    pack.id(task.as_bytes());
    pack.int(seq.into());
    pack.int(attempt.into());
    payload(pack, body)
}

pub(super) fn outbox(pack: &mut Pack, row: &OutboxRow) -> Put {
    pack.id(row.task.as_bytes());
    pack.int(row.attempt.into());
    pack.int(row.send_at.as_millis());
    Ok(())
}

fn payload(pack: &mut Pack, payload: &Payload) -> Put {
    pack.text(&payload_text(payload)?);
    Ok(())
}

fn unless_default<T: Serialize + Default + PartialEq>(pack: &mut Pack, value: &T) -> Put {
    pack.opt_text(text::unless_default(value)?.as_deref());
    Ok(())
}
