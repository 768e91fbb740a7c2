//! What a transaction writes but need not write yet.
//!
//! A statement is a journey to the server and back. Most of what the manager writes nobody reads
//! again in the same transaction, so it travels together, in one statement before the commit.

use std::collections::HashMap;

use task_core::id::ContainerId;
use task_core::ports::store::{
    CollectionRow, ContainerRow, OutboxRow, ResultRow, StoreError, Task, TaskUpdate,
};
use task_core::state::TaskState;

use super::columns::{Collections, Data, Firsts, Ids, Progress, Statuses};
use super::outbox::Batches;
use super::put::DataOf;
use super::session::{Session, query};
use super::statements;

/// Bytes of data that a transaction holds back at most.
const MOST_BYTES: usize = 32 << 20;

/// Rows to write, in arrays.
#[derive(Default)]
pub(super) struct Later {
    tasks: (Ids, Statuses),
    data: Data,
    sent: Batches,
    outbox: Batches,
    containers: (Ids, Progress, Firsts),
    /// Below which ordinal no task of a container waits.
    firsts: HashMap<ContainerId, u32>,
    collections: Collections,
}

/// A primitive that is held back once at most: what is written again, or may be, goes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Tasks,
    Data,
    Sent,
    Outbox,
    Containers,
    Collections,
}

impl Later {
    pub(super) fn has(&self, part: Part) -> bool {
        let rows = match part {
            Part::Tasks => self.tasks.0.id.len(),
            Part::Data => self.data.body.len(),
            Part::Sent => return !self.sent.is_empty(),
            Part::Outbox => return !self.outbox.is_empty(),
            Part::Containers => self.containers.0.id.len(),
            Part::Collections => self.collections.id.len(),
        };
        rows > 0
    }

    fn is_empty(&self) -> bool {
        use Part::{Collections, Containers, Data, Outbox, Sent, Tasks};
        [Tasks, Data, Sent, Outbox, Containers, Collections]
            .into_iter()
            .all(|part| !self.has(part))
    }

    pub(super) fn tasks(&mut self, updates: &[TaskUpdate]) -> Result<(), StoreError> {
        let (ids, statuses) = &mut self.tasks;
        for update in updates {
            ids.id.push(*update.id.as_uuid());
            statuses.push(&update.status)?;
        }
        Ok(())
    }

    /// The states of tasks, if there are any and none of these tasks is to wait.
    pub(super) fn take_tasks_unless_waiting(&mut self) -> Option<(Ids, Statuses)> {
        let waiting = i16::from(TaskState::Pending.code());
        let (_, statuses) = &self.tasks;
        if statuses.state.is_empty() || statuses.state.contains(&waiting) {
            return None;
        }
        Some(std::mem::take(&mut self.tasks))
    }

    pub(super) fn data(&mut self, rows: &[ResultRow]) -> Result<(), StoreError> {
        self.data = Data::of(rows.iter().map(|row| DataOf {
            container: row.container,
            task: row.task,
            seq: row.seq,
            attempt: 0,
            body: &row.body,
        }))?;
        Ok(())
    }

    pub(super) fn sent(&mut self, rows: &[OutboxRow]) {
        self.sent.extend(rows);
    }

    /// Whether something of the batch of one of `rows` is about to be removed, so that the order
    /// would matter.
    pub(super) fn removes_any(&self, rows: &[OutboxRow]) -> bool {
        !self.sent.is_empty() && rows.iter().any(|row| self.sent.has_batch_of(row))
    }

    pub(super) fn outbox(&mut self, rows: &[OutboxRow]) {
        self.outbox.extend(rows);
    }

    pub(super) fn containers(&mut self, rows: &[ContainerRow]) -> Result<(), StoreError> {
        let (ids, progress, firsts) = &mut self.containers;
        for row in rows {
            ids.id.push(*row.id.as_uuid());
            progress.push(row)?;
            let first = self.firsts.remove(&row.id);
            firsts.waiting_from.push(first.map(i64::from));
        }
        Ok(())
    }

    /// Remembers which task of each container waits first, `waiting` being in that order. Written
    /// with the container, should it be written; if not, whoever looks next steps over more.
    pub(super) fn waits_first(&mut self, waiting: &[Task]) {
        for task in waiting.iter().rev() {
            self.firsts.insert(task.head.container, task.head.ordinal);
        }
    }

    /// Forgets that again.
    pub(super) fn waits_anywhere(&mut self) {
        self.firsts.clear();
        self.containers.2.waiting_from.fill(None);
    }

    pub(super) fn collections(&mut self, rows: &[CollectionRow]) -> Result<(), StoreError> {
        rows.iter().try_for_each(|row| self.collections.push(row))
    }

    /// Whether it is time to write it all the same.
    pub(super) fn is_large(&self) -> bool {
        self.data.bytes() > MOST_BYTES
    }
}

impl Session {
    /// Writes what was put off.
    pub(super) async fn flush(&mut self, later: &mut Later) -> Result<(), StoreError> {
        if later.is_empty() {
            return Ok(());
        }
        let Later {
            tasks: (ids, statuses),
            data,
            sent,
            outbox,
            containers: (container_ids, progress, firsts),
            collections,
            firsts: waiting,
            ..
        } = std::mem::take(later);
        later.firsts = waiting;
        let only_tasks = data.body.is_empty()
            && sent.is_empty()
            && outbox.is_empty()
            && container_ids.id.is_empty()
            && collections.id.is_empty();
        if only_tasks {
            return self.update_tasks(ids, statuses).await;
        }
        let statement = statuses.bind(ids.bind(query(&statements::FLUSH)));
        let statement = outbox.bind(sent.bind_keys(data.bind(statement)));
        let statement = firsts.bind(progress.bind(container_ids.bind(statement)));
        self.execute(collections.bind(statement)).await?;
        Ok(())
    }

    /// Writes nothing but the states of tasks, and leaves the rest for later: for what reads
    /// tasks.
    pub(super) async fn flush_tasks(&mut self, later: &mut Later) -> Result<(), StoreError> {
        if !later.has(Part::Tasks) {
            return Ok(());
        }
        let (ids, statuses) = std::mem::take(&mut later.tasks);
        self.update_tasks(ids, statuses).await
    }

    async fn update_tasks(&mut self, ids: Ids, statuses: Statuses) -> Result<(), StoreError> {
        let statement = query(&statements::UPDATE_TASKS);
        self.execute(statuses.bind(ids.bind(statement))).await?;
        Ok(())
    }
}
