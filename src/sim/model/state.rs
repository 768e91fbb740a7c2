//! What the model knows.

use std::collections::{BTreeMap, BTreeSet};

use task_core::ports::store::{
    CollectionRow, ContainerRow, Counters, OutboxRow, ResultRow, Task, TaskUpdate,
};
use task_core::workflow::Arm;
use task_core::{CollectionId, ContainerId, Coverage, Plan, TaskId, TaskState, Timestamp, Usage};

use super::outbox::Outbox;
use super::rollback::Suspects;
use crate::sim::recon::Findings;

/// One change of a transaction.
#[derive(Debug)]
pub(in crate::sim) enum Change {
    Collection(CollectionRow),
    NewContainer(Box<ContainerRow>),
    Container(Box<ContainerRow>),
    NewTask(Box<Task>),
    Task(Box<TaskUpdate>),
    Close(Vec<ContainerId>, TaskState),
    Data(ResultRow),
    /// Dispatches that must be sent.
    Send(Vec<OutboxRow>),
    /// Dispatches that were sent, or need not be.
    Unsend(Vec<OutboxRow>),
}

/// The state of all collections, as it follows from what was committed.
#[derive(Debug)]
pub(in crate::sim) struct Model {
    pub(super) plan: Plan,
    /// Nothing goes wrong, so nothing need be late.
    pub(super) calm: bool,
    pub(in crate::sim) collections: BTreeMap<CollectionId, CollectionRow>,
    pub(in crate::sim) containers: BTreeMap<ContainerId, Node>,
    pub(in crate::sim) tasks: BTreeMap<TaskId, Leaf>,
    pub(in crate::sim) findings: Findings,
    /// Effects on stored data: rows, values, and what was observed.
    pub(in crate::sim) effects: u64,
    pub(super) outbox: Outbox,
    /// When each task that is dispatched counts as lost.
    pub(super) due: BTreeSet<(Timestamp, TaskId)>,
    pub(super) suspects: Suspects,
}

impl Model {
    /// Of nothing yet; a run of `plan` will follow.
    pub(in crate::sim) fn new(plan: Plan, calm: bool) -> Self {
        Self {
            plan,
            calm,
            collections: BTreeMap::new(),
            containers: BTreeMap::new(),
            tasks: BTreeMap::new(),
            findings: Findings::default(),
            effects: 0,
            outbox: Outbox::default(),
            due: BTreeSet::new(),
            suspects: Suspects::default(),
        }
    }
}

/// A container, with a count of its own.
#[derive(Debug)]
pub(in crate::sim) struct Node {
    pub(in crate::sim) row: ContainerRow,
    /// Its children by state, recounted from every change.
    pub(super) count: Counters,
    pub(in crate::sim) children: BTreeSet<TaskId>,
    pub(in crate::sim) containers: BTreeSet<ContainerId>,
    /// Children that there will be, as far as anybody has said.
    pub(super) expected: Option<u64>,
    /// What its deciding task has said.
    pub(super) chosen: Option<Arm>,
    /// What became of its targets, by what was said of them.
    pub(super) outcomes: Coverage,
    /// What its tasks used, by what they said.
    pub(super) usage: Usage,
}

/// A task.
#[derive(Debug)]
pub(in crate::sim) struct Leaf {
    pub(in crate::sim) task: Task,
    /// Attempts by which the manager stored data for it.
    pub(super) stored: BTreeSet<u32>,
    /// The attempt that wrote each of its rows.
    pub(in crate::sim) rows: Vec<u32>,
    /// What became of its targets, by what was said of them.
    pub(in crate::sim) outcomes: Coverage,
    /// Targets that need not be accounted for any more.
    pub(super) accounted: u64,
    /// When its present attempt was decided on, by the true clock.
    pub(super) began: Timestamp,
}

impl Leaf {
    pub(in crate::sim) const fn state(&self) -> TaskState {
        self.task.head.status.state
    }
}

/// What stands in a container.
#[derive(Clone, Copy, Debug)]
pub(super) enum Child {
    Task(TaskId),
    Container(ContainerId),
}
