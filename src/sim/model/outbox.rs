//! What must be sent: in the outbox with the decision, out of it when the carrier has it.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::time::Duration;

use task_core::envelope::DispatchTask;
use task_core::ports::store::{OutboxRow, TaskStatus};
use task_core::{TaskId, TaskState, Timestamp};

use super::commit::Turn;
use super::limits::late;
use super::state::Model;

/// Dispatches that stand in the outbox, and those that the carrier ever took.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    rows: BTreeMap<(TaskId, u32), Timestamp>,
    by_time: BTreeSet<(Timestamp, TaskId, u32)>,
    taken: HashSet<(TaskId, u32)>,
}

impl Outbox {
    pub(super) fn put(&mut self, rows: &[OutboxRow]) {
        for row in rows {
            self.rows.entry(row.key()).or_insert_with(|| {
                self.by_time.insert((row.send_at, row.task, row.attempt));
                row.send_at
            });
        }
    }

    pub(super) fn remove(&mut self, rows: &[OutboxRow]) {
        for row in rows {
            if let Some(at) = self.rows.remove(&row.key()) {
                self.by_time.remove(&(at, row.task, row.attempt));
            }
        }
    }

    /// When an attempt is to be sent.
    pub(super) fn send_at(&self, task: TaskId, attempt: u32) -> Option<Timestamp> {
        self.rows.get(&(task, attempt)).copied()
    }
}

impl Model {
    /// Each attempt that was decided on stands in the outbox, and none has left it unsent.
    pub(super) fn check_sent(
        &self,
        tasks: &BTreeMap<TaskId, Option<TaskStatus>>,
        turn: &Turn,
    ) -> Result<(), String> {
        for (id, before) in tasks {
            let Some(status) = self.status(*id) else {
                continue;
            };
            let old = before.as_ref().map_or(0, |before| before.attempt);
            let new = status.state == TaskState::Running && status.attempt > old;
            if new && self.outbox.send_at(*id, status.attempt).is_none() {
                return Err(format!(
                    "attempt {} of task {id} was decided on and is not in the outbox",
                    status.attempt
                ));
            }
        }
        for (id, attempt) in &turn.unsent {
            let current = self.status(*id).is_some_and(|status| {
                status.state == TaskState::Running && status.attempt == *attempt
            });
            if current && !self.outbox.taken.contains(&(*id, *attempt)) {
                return Err(format!(
                    "attempt {attempt} of task {id} left the outbox, and no carrier took it"
                ));
            }
        }
        Ok(())
    }

    /// A dispatch that a manager has given to the carrier.
    pub(in crate::sim) fn dispatched(&mut self, sent: &DispatchTask) -> Result<(), String> {
        let (id, attempt) = (sent.task_id, sent.attempt);
        let Some(leaf) = self.tasks.get(&id) else {
            return Err(format!(
                "attempt {attempt} of task {id} was sent before it was committed"
            ));
        };
        let head = &leaf.task.head;
        let status = &head.status;
        if attempt > status.attempt {
            return Err(format!(
                "attempt {attempt} of task {id} was sent before it was committed"
            ));
        }
        self.outbox.taken.insert((id, attempt));
        if attempt < status.attempt || status.state != TaskState::Running {
            // Another manager was faster; it is harmless.
            return Ok(());
        }
        let scope = self.collections.get(&head.collection);
        let scope = scope.and_then(|collection| collection.scope.as_ref());
        let wrong = [
            ("kind", *sent.kind != *head.kind),
            ("version", sent.kind_version != leaf.task.version),
            ("container", sent.parent_id != head.container),
            ("place", sent.ordinal != head.ordinal),
            ("payload", sent.payload != leaf.task.payload),
            ("cursor", sent.cursor != status.cursor),
            ("scope", sent.scope.as_ref() != scope),
            ("deadline", sent.deadline != status.give_up_at),
            ("lease", sent.lease != head.options.limits.running),
        ];
        match wrong.iter().find(|(_, wrong)| *wrong) {
            None => Ok(()),
            Some((what, _)) => Err(format!(
                "attempt {attempt} of task {id} was sent with another {what} than its own"
            )),
        }
    }

    /// What the store says is due, held against what was committed and what the transaction that
    /// asks has changed itself.
    pub(in crate::sim) fn check_due_outbox(
        &self,
        own: &[super::Change],
        found: &[OutboxRow],
        before: Timestamp,
        limit: usize,
    ) -> Result<(), String> {
        let mut rows = self.outbox.rows.clone();
        for change in own {
            match change {
                super::Change::Send(new) => {
                    for row in new {
                        rows.entry(row.key()).or_insert(row.send_at);
                    }
                }
                super::Change::Unsend(sent) => {
                    for row in sent {
                        rows.remove(&row.key());
                    }
                }
                _ => {}
            }
        }
        rows.retain(|_, at| *at <= before);
        let known = |row: &OutboxRow| rows.get(&row.key()) == Some(&row.send_at);
        if let Some(row) = found.iter().find(|row| !known(row)) {
            return Err(format!(
                "attempt {} of task {} is in the outbox and was never put there",
                row.attempt, row.task
            ));
        }
        if found.len() < limit.min(rows.len()) {
            return Err(format!(
                "{} dispatches are in the outbox, and {} were put there",
                found.len(),
                rows.len()
            ));
        }
        Ok(())
    }

    /// Nothing waits longer in the outbox than a tick, and the next chance to take it out, allow.
    pub(super) fn check_stuck(&self, now: Timestamp) -> Result<(), String> {
        match self.outbox.by_time.first() {
            Some((at, task, attempt)) if now.since(*at) > late(self.calm, STUCK) => Err(format!(
                "attempt {attempt} of task {task} has stood in the outbox for {:?}",
                now.since(*at)
            )),
            _ => Ok(()),
        }
    }

    pub(super) fn status(&self, id: TaskId) -> Option<&TaskStatus> {
        self.tasks.get(&id).map(|leaf| &leaf.task.head.status)
    }
}

/// What `ManagerConfig::outbox_grace` allows, and one more tick: a row that was sent leaves with
/// the next transaction.
const STUCK: Duration = Duration::from_secs(15);
