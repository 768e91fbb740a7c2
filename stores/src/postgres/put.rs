//! Rows on their way into the database.

use std::collections::{HashMap, HashSet};

use sqlx::types::Uuid;
use task_core::id::{ContainerId, TaskId};
use task_core::payload::Payload;
use task_core::ports::store::{CollectionRow, ContainerRow, StoreError, Task, TaskStatus};
use task_core::time::Timestamp;

use super::columns::{Bodies, Collections, Containers, Data, Heads, Progress, Statuses};
use crate::codes::Code;
use crate::text::{encode, payload_text, unless_default};

type Put = Result<(), StoreError>;

/// Whole numbers above `i64::MAX` become `i64::MAX`: the engine saturates, too.
pub(super) fn int(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// A time as its column holds it.
pub(super) fn millis(time: Timestamp) -> i64 {
    int(time.as_millis())
}

/// A limit as PostgreSQL takes it.
pub(super) fn at_most(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

/// The code of a role, a mode, an arm, a route or a state.
pub(super) fn code<T: Code>(value: T) -> i16 {
    i16::try_from(Code::code(value)).unwrap_or(i16::MAX)
}

fn text(payload: &Payload) -> Result<String, StoreError> {
    Ok(payload_text(payload)?.into_owned())
}

impl Collections {
    pub(super) fn push(&mut self, row: &CollectionRow) -> Put {
        self.id.push(*row.id.as_uuid());
        self.name.push(row.name.clone());
        self.state.push(code(row.state));
        self.cancelled.push(row.cancelled);
        self.scope.push(row.scope.as_ref().map(encode).transpose()?);
        self.created_at.push(millis(row.created_at));
        self.deadline_at.push(row.deadline_at.map(millis));
        self.finished_at.push(row.finished_at.map(millis));
        Ok(())
    }
}

impl Containers {
    pub(super) fn push(&mut self, row: &ContainerRow) -> Put {
        self.id.push(*row.id.as_uuid());
        self.collection.push(*row.collection.as_uuid());
        self.parent.push(row.parent.as_ref().map(uuid_of_container));
        self.position.push(row.position.into());
        self.name.push(row.name.as_deref().map(str::to_owned));
        self.mode.push(code(row.mode));
        self.arm.push(row.arm.map(code));
        self.generator
            .push(row.generator.as_ref().map(uuid_of_task));
        self.policy.push(unless_default(&row.policy)?);
        self.max_in_flight.push(row.max_in_flight.into());
        Ok(())
    }
}

impl Progress {
    pub(super) fn push(&mut self, row: &ContainerRow) -> Put {
        let children = &row.children;
        self.state.push(code(row.state));
        self.chosen.push(row.chosen.map(code));
        self.cursor.push(row.cursor.into());
        self.expected.push(row.expected.map(int));
        self.created.push(int(children.created));
        self.waiting.push(int(children.waiting));
        self.running.push(int(children.running));
        self.succeeded.push(int(children.succeeded));
        self.partial.push(int(children.partial));
        self.failed.push(int(children.failed));
        self.timeout.push(int(children.timeout));
        self.disabled.push(int(children.disabled));
        self.targets.push(int(row.targets));
        self.outcomes.push(unless_default(&row.outcomes)?);
        self.usage.push(unless_default(&row.usage)?);
        self.cut_off_at.push(row.cut_off_at.map(millis));
        self.started_at.push(row.started_at.map(millis));
        self.finished_at.push(row.finished_at.map(millis));
        Ok(())
    }
}

impl Heads {
    pub(super) fn push(&mut self, task: &Task) -> Put {
        let head = &task.head;
        self.id.push(*head.id.as_uuid());
        self.collection.push(*head.collection.as_uuid());
        self.container.push(*head.container.as_uuid());
        self.role.push(code(head.role));
        self.ordinal.push(head.ordinal.into());
        self.kind.push((*head.kind).to_owned());
        self.route.push(code(head.route));
        self.targets.push(int(head.targets));
        self.options.push(unless_default(&head.options)?);
        Ok(())
    }
}

impl Statuses {
    pub(super) fn push(&mut self, status: &TaskStatus) -> Put {
        self.state.push(code(status.state));
        self.attempt.push(status.attempt.into());
        self.failures.push(status.failures.into());
        self.accounted.push(int(status.accounted));
        self.due_at.push(status.due_at.map(millis));
        self.give_up_at.push(status.give_up_at.map(millis));
        self.cursor
            .push(status.cursor.as_ref().map(text).transpose()?);
        self.error.push(status.error.as_deref().map(without_nul));
        Ok(())
    }
}

impl Bodies {
    pub(super) fn push(&mut self, task: &Task) -> Put {
        self.name.push(task.name.as_deref().map(str::to_owned));
        self.version.push(task.version.into());
        self.payload.push(text(&task.payload)?);
        Ok(())
    }
}

/// A row of task data, whoever writes it.
pub(super) struct DataOf<'r> {
    pub(super) container: ContainerId,
    pub(super) task: TaskId,
    pub(super) seq: u32,
    pub(super) attempt: u32,
    pub(super) body: &'r Payload,
}

impl Data {
    /// One statement cannot write a row twice, so of rows with one key only the last is kept.
    pub(super) fn of<'r>(rows: impl IntoIterator<Item = DataOf<'r>>) -> Result<Self, StoreError> {
        let mut data = Self::default();
        let mut places: HashMap<(Uuid, Uuid, u32), usize> = HashMap::new();
        for row in rows {
            let key = (*row.container.as_uuid(), *row.task.as_uuid(), row.seq);
            let body = text(row.body)?;
            let next = data.body.len();
            let place = *places.entry(key).or_insert(next);
            if place < next {
                data.body[place] = body;
                data.attempt[place] = row.attempt.into();
                continue;
            }
            data.container.push(key.0);
            data.task.push(key.1);
            data.seq.push(row.seq.into());
            data.attempt.push(row.attempt.into());
            data.body.push(body);
        }
        Ok(data)
    }

    /// Bytes of the bodies.
    pub(super) fn bytes(&self) -> usize {
        self.body.iter().map(String::len).sum()
    }
}

fn uuid_of_container(id: &ContainerId) -> Uuid {
    *id.as_uuid()
}

fn uuid_of_task(id: &TaskId) -> Uuid {
    *id.as_uuid()
}

/// PostgreSQL keeps no U+0000 in a text. What a failing task says is for people, and no reason to
/// refuse the message that says it.
fn without_nul(text: &str) -> String {
    text.replace('\0', "\u{2400}")
}

/// For each of `ids` whether it is `fresh`; one that comes twice is so once.
pub(super) fn each_once(fresh: Vec<Uuid>, ids: impl IntoIterator<Item = Uuid>) -> Vec<bool> {
    let mut fresh: HashSet<Uuid> = fresh.into_iter().collect();
    ids.into_iter().map(|id| fresh.remove(&id)).collect()
}

/// Tasks that fit one statement: a message to the server holds 1 GiB.
pub(super) fn in_parts(tasks: &[Task]) -> Vec<&[Task]> {
    const MOST_BYTES: usize = 64 << 20;
    let mut parts = Vec::new();
    let (mut from, mut bytes) = (0, 0);
    for (at, task) in tasks.iter().enumerate() {
        bytes += task.payload.inline_len();
        if bytes > MOST_BYTES && at > from {
            parts.push(&tasks[from..at]);
            (from, bytes) = (at, task.payload.inline_len());
        }
    }
    parts.push(&tasks[from..]);
    parts
}
