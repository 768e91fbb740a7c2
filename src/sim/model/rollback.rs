//! A transaction that was not committed leaves no trace.

use std::collections::BTreeSet;

use task_core::ports::store::{StoreError, StoreTx};
use task_core::{ContainerId, TaskId, Timestamp};

use super::state::{Change, Model};

/// What a transaction touched that was rolled back, until somebody has looked.
#[derive(Debug, Default)]
pub(super) struct Suspects {
    any: bool,
    tasks: BTreeSet<TaskId>,
    containers: BTreeSet<ContainerId>,
}

impl Model {
    /// These changes were not committed.
    pub(in crate::sim) fn rolled_back(&mut self, changes: &[Change]) {
        let suspects = &mut self.suspects;
        suspects.any |= !changes.is_empty();
        for change in changes {
            match change {
                Change::NewTask(task) => {
                    suspects.tasks.insert(task.head.id);
                }
                Change::Task(update) => {
                    suspects.tasks.insert(update.id);
                }
                Change::NewContainer(row) | Change::Container(row) => {
                    suspects.containers.insert(row.id);
                }
                Change::Close(containers, _) => {
                    let nodes = containers.iter().filter_map(|id| self.containers.get(id));
                    let tasks = nodes.flat_map(|node| node.children.iter().copied());
                    suspects.tasks.extend(tasks);
                    suspects.containers.extend(containers);
                }
                Change::Collection(_) | Change::Data(_) | Change::Send(_) | Change::Unsend(_) => {}
            }
        }
    }

    /// Takes what is to be looked at, if there is anything.
    pub(in crate::sim) fn suspects(&mut self) -> Option<Traces> {
        let Suspects {
            any,
            tasks,
            containers,
        } = std::mem::take(&mut self.suspects);
        any.then(|| Traces {
            tasks: tasks.into_iter().collect(),
            containers: containers.into_iter().collect(),
        })
    }

    /// Holds what is in the store against what was committed.
    pub(in crate::sim) fn check_traces(
        &self,
        traces: &Traces,
        found: &Found,
    ) -> Result<(), String> {
        self.check_due_outbox(&[], &found.outbox, LAST, usize::MAX)?;
        for id in &traces.tasks {
            let stored = found.heads.iter().find(|head| head.id == *id);
            let known = self.tasks.get(id).map(|leaf| &leaf.task.head);
            let same = |stored: &task_core::ports::store::TaskHead| {
                known.is_some_and(|known| known.status == stored.status)
            };
            if stored.is_some() != known.is_some() || !stored.is_none_or(same) {
                return Err(format!(
                    "a transaction on task {id} was undone, and the task is {:?} instead of {:?}",
                    stored.map(|head| &head.status),
                    known.map(|head| &head.status)
                ));
            }
        }
        for id in &traces.containers {
            let stored = found.containers.iter().find(|row| row.id == *id);
            let known = self.containers.get(id).map(|node| &node.row);
            if stored != known {
                return Err(format!(
                    "a transaction on container {id} was undone, and the container is {:?} instead of {:?}",
                    stored.map(|row| row.children),
                    known.map(|row| row.children)
                ));
            }
        }
        Ok(())
    }
}

/// What must be looked at.
#[derive(Debug)]
pub(in crate::sim) struct Traces {
    tasks: Vec<TaskId>,
    containers: Vec<ContainerId>,
}

/// What was seen.
#[derive(Debug)]
pub(in crate::sim) struct Found {
    outbox: Vec<task_core::ports::store::OutboxRow>,
    heads: Vec<task_core::ports::store::TaskHead>,
    containers: Vec<task_core::ports::store::ContainerRow>,
}

impl Traces {
    /// Looks, in a transaction that has changed nothing yet.
    pub(in crate::sim) async fn look(&self, tx: &mut dyn StoreTx) -> Result<Found, StoreError> {
        Ok(Found {
            outbox: tx.due_outbox(LAST, usize::MAX).await?,
            heads: tx.heads(&self.tasks).await?,
            containers: tx.containers(&self.containers).await?,
        })
    }
}

/// As late as it gets, for a store that keeps times as signed numbers.
const LAST: Timestamp = Timestamp::from_millis(i64::MAX as u64);
