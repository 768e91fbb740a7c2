//! The way of a transaction through the checks.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use task_core::message::{CompleteTask, CreateTasks};
use task_core::ports::store::TaskStatus;
use task_core::{CollectionId, ContainerId, TaskId, TaskState, Timestamp};

use super::state::{Change, Child, Model};
use crate::sim::audit::Said;

/// A transaction that was committed.
#[derive(Debug, Default)]
pub(in crate::sim) struct Deed {
    pub(in crate::sim) changes: Vec<Change>,
    /// Messages that it was the first to hear, in their order.
    pub(in crate::sim) news: Vec<Said>,
    /// What its manager took for the time. Only who recovers after a crash hears no message, and
    /// does not say.
    pub(in crate::sim) clock: Option<Timestamp>,
}

/// What one transaction has touched, each with its state before.
#[derive(Debug)]
pub(super) struct Turn {
    pub(super) now: Timestamp,
    pub(super) clock: Option<Timestamp>,
    /// Ends of attempts that count: the first that was heard of the current one.
    pub(super) ended: BTreeMap<TaskId, Arc<CompleteTask>>,
    /// Signs of life of current attempts.
    pub(super) alive: BTreeSet<TaskId>,
    /// Children that came, by their generators.
    pub(super) creating: BTreeMap<TaskId, Vec<Arc<CreateTasks>>>,
    pub(super) cancelled: BTreeSet<CollectionId>,
    pub(super) collections: BTreeSet<CollectionId>,
    /// Those of them that are new.
    pub(super) submitted: BTreeSet<CollectionId>,
    pub(super) containers: BTreeMap<ContainerId, Option<TaskState>>,
    pub(super) tasks: BTreeMap<TaskId, Option<TaskStatus>>,
    pub(super) started: Vec<Child>,
    /// Containers of which all that was left was ended, and how.
    pub(super) closed: BTreeMap<ContainerId, TaskState>,
    pub(super) closed_tasks: BTreeSet<TaskId>,
    pub(super) unsent: Vec<(TaskId, u32)>,
}

impl Turn {
    /// Whether the limit `at` has passed, as its manager saw it.
    pub(super) fn is_past(&self, at: Option<Timestamp>) -> bool {
        at.is_some_and(|at| at <= self.clock.unwrap_or(self.now))
    }
}

impl Model {
    /// Takes in a transaction.
    pub(in crate::sim) fn commit(
        &mut self,
        deed: Deed,
        now: Timestamp,
        mut note: impl FnMut(fmt::Arguments<'_>),
    ) -> Result<(), String> {
        let mut turn = self.listen(deed.news, deed.clock, now);
        for change in deed.changes {
            self.apply(change, &mut turn, &mut note)?;
        }
        let tasks = std::mem::take(&mut turn.tasks);
        for (id, before) in &tasks {
            self.check_task(*id, before.as_ref(), &turn)?;
        }
        self.check_sent(&tasks, &turn)?;
        for child in &turn.started {
            self.check_start(*child)?;
        }
        for (id, before) in &turn.containers {
            self.check_container(*id, *before, &turn)?;
        }
        for id in &turn.collections {
            self.check_collection(*id, &turn)?;
        }
        for id in &turn.submitted {
            self.check_planned(*id)?;
        }
        for id in &turn.cancelled {
            self.check_cancelled(*id)?;
        }
        self.check_overdue(now)
    }

    /// What follows from messages, before anything has changed.
    fn listen(&self, news: Vec<Said>, clock: Option<Timestamp>, now: Timestamp) -> Turn {
        let mut turn = Turn {
            now,
            clock,
            ended: BTreeMap::new(),
            alive: BTreeSet::new(),
            creating: BTreeMap::new(),
            cancelled: BTreeSet::new(),
            collections: BTreeSet::new(),
            submitted: BTreeSet::new(),
            containers: BTreeMap::new(),
            tasks: BTreeMap::new(),
            started: Vec::new(),
            closed: BTreeMap::new(),
            closed_tasks: BTreeSet::new(),
            unsent: Vec::new(),
        };
        for said in news {
            match said {
                Said::Complete(said) if self.runs(said.task_id, said.attempt) => {
                    turn.ended.entry(said.task_id).or_insert(said);
                }
                Said::Heartbeat(task, attempt) if self.runs(task, attempt) => {
                    turn.alive.insert(task);
                }
                Said::Create(said) if self.creates(said.parent_id, said.attempt) => {
                    turn.creating.entry(said.parent_id).or_default().push(said);
                }
                Said::Cancel(collection) => {
                    turn.cancelled.insert(collection);
                }
                Said::Complete(_) | Said::Heartbeat(..) | Said::Create(..) | Said::Other => {}
            }
        }
        turn
    }

    fn runs(&self, task: TaskId, attempt: u32) -> bool {
        self.tasks.get(&task).is_some_and(|leaf| {
            let status = &leaf.task.head.status;
            status.state == TaskState::Running && status.attempt == attempt
        })
    }

    /// Whether children of this attempt are taken: of the current one, or of an earlier one where
    /// another goes on behind it.
    fn creates(&self, task: TaskId, attempt: u32) -> bool {
        self.tasks.get(&task).is_some_and(|leaf| {
            let status = &leaf.task.head.status;
            !status.state.is_terminal() && (status.attempt == attempt || status.cursor.is_some())
        })
    }
}
