//! The store port: the state of collections, behind transactions of few bulk primitives.
//!
//! The workflow logic is written once, in [`manager`](crate::manager), over [`StoreTx`]. A store
//! implements these primitives and nothing else. Every primitive takes a list, so that the number
//! of statements depends on what kinds of things happen in a batch, not on how many.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;

use super::data::DataStore;
use crate::id::{CollectionId, ContainerId, MessageId, TaskId};
use crate::ledger::{Coverage, Usage};
use crate::payload::{Claim, Payload};
use crate::policy::{CompletionPolicy, TaskOptions};
use crate::route::WorkerKind;
use crate::state::TaskState;
use crate::time::Timestamp;
use crate::workflow::{Arm, Mode, Role};

/// A keeper of state.
///
/// - A transaction is atomic and isolated: its effects are seen by others all at once after
///   `commit`, or never. Dropping it undoes it.
/// - Two transactions that touch the same container never both commit on what they read before:
///   one waits, or fails with [`StoreError::Conflict`] and is run again by the caller.
/// - Within a transaction, reads see its own writes.
/// - After `commit` returned, a crash of the process loses nothing (memory stores aside).
#[async_trait]
pub trait Store: DataStore {
    /// Opens a transaction that may write.
    async fn begin(&self) -> Result<Box<dyn StoreTx>, StoreError>;

    /// A collection, or `None`. A snapshot outside of any transaction.
    async fn collection(&self, id: CollectionId) -> Result<Option<CollectionRow>, StoreError>;

    /// All containers of a collection, parents before children. A snapshot.
    async fn containers(&self, id: CollectionId) -> Result<Vec<ContainerRow>, StoreError>;

    /// Up to `limit` tasks of a collection that ended in `Failed` or `Timeout`, by id, with their
    /// errors. A snapshot.
    async fn troubles(&self, id: CollectionId, limit: usize) -> Result<Vec<Trouble>, StoreError>;

    /// The static task called `name`, or `None`. A snapshot.
    async fn task(&self, id: CollectionId, name: &str) -> Result<Option<TaskHead>, StoreError>;

    /// The newest `limit` collections, newest first. A snapshot.
    async fn collections(&self, limit: usize) -> Result<Vec<CollectionRow>, StoreError>;
}

/// An open transaction. See [`Store`] for what it promises.
#[async_trait]
pub trait StoreTx: Send {
    /// Says which messages are applied here, and when, before anything else is asked for: for who
    /// keeps a record of what transactions do. A store need not listen.
    fn applies(&mut self, _messages: &[MessageId], _now: Timestamp) {}

    /// Remembers message ids; returns for each, in order, whether it was new. An id that comes
    /// twice in `ids` is new once.
    async fn inbox(&mut self, ids: &[MessageId], now: Timestamp) -> Result<Vec<bool>, StoreError>;

    /// Forgets message ids that were remembered before `before`.
    async fn prune_inbox(&mut self, before: Timestamp) -> Result<u64, StoreError>;

    /// The collections that exist of `ids`, in any order.
    async fn collections(&mut self, ids: &[CollectionId])
    -> Result<Vec<CollectionRow>, StoreError>;

    /// The containers that exist of `ids`, in any order, locked until the end of the transaction.
    async fn containers(&mut self, ids: &[ContainerId]) -> Result<Vec<ContainerRow>, StoreError>;

    /// All containers of a collection, parents before children (by id), locked.
    async fn containers_of(&mut self, id: CollectionId) -> Result<Vec<ContainerRow>, StoreError>;

    /// The heads of the tasks that exist of `ids`, in any order.
    async fn heads(&mut self, ids: &[TaskId]) -> Result<Vec<TaskHead>, StoreError>;

    /// The tasks that exist of `ids`, with payloads, in any order.
    async fn tasks(&mut self, ids: &[TaskId]) -> Result<Vec<Task>, StoreError>;

    /// For each `(container, limit)`: up to `limit` tasks of the container that are `Pending`,
    /// lowest ordinals first. Generators are included (they are the `Pending` task of a generated
    /// container that has not been activated).
    async fn waiting(&mut self, wanted: &[(ContainerId, u32)]) -> Result<Vec<Task>, StoreError>;

    /// Children of `container` with an ordinal of at least `from`, generators not counted.
    async fn count_from(&mut self, container: ContainerId, from: u32) -> Result<u64, StoreError>;

    /// Creates collections. One that exists already is left as it is.
    async fn insert_collections(&mut self, rows: &[CollectionRow]) -> Result<(), StoreError>;

    /// Creates containers. One that exists already is left as it is.
    async fn insert_containers(&mut self, rows: &[ContainerRow]) -> Result<(), StoreError>;

    /// Creates tasks. Returns for each, in order, whether it was new; one that exists already is
    /// left as it is.
    async fn insert_tasks(&mut self, tasks: &[Task]) -> Result<Vec<bool>, StoreError>;

    /// Overwrites existing collections: everything but the id.
    async fn update_collections(&mut self, rows: &[CollectionRow]) -> Result<(), StoreError>;

    /// Overwrites what changes of existing containers: everything from `state` on.
    async fn update_containers(&mut self, rows: &[ContainerRow]) -> Result<(), StoreError>;

    /// Overwrites the status of existing tasks. No id comes twice.
    async fn update_tasks(&mut self, updates: &[TaskUpdate]) -> Result<(), StoreError>;

    /// Ends every task of `containers` that is not terminal, generators included, in `state`, and
    /// says what was closed, per container that had any.
    async fn close_tasks(
        &mut self,
        containers: &[ContainerId],
        state: TaskState,
        now: Timestamp,
    ) -> Result<Vec<Closed>, StoreError>;

    /// Writes task data on behalf of workers without a database. A row whose key exists is
    /// overwritten.
    async fn put_data(&mut self, rows: &[ResultRow]) -> Result<(), StoreError>;

    /// Puts dispatches into the outbox, each batch whole and at once, and no dispatch into two. One
    /// that is there already is left as it is.
    async fn put_outbox(&mut self, rows: &[OutboxRow]) -> Result<(), StoreError>;

    /// Removes dispatches that were sent from the outbox, given as they were put or as
    /// [`due_outbox`](Self::due_outbox) returned them. What is not there is none of them.
    async fn remove_outbox(&mut self, rows: &[OutboxRow]) -> Result<(), StoreError>;

    /// Up to `limit` dispatches whose `send_at` is at or before `before`, earliest first.
    async fn due_outbox(
        &mut self,
        before: Timestamp,
        limit: usize,
    ) -> Result<Vec<OutboxRow>, StoreError>;

    /// Up to `limit` tasks that are `Running` or `PendingTaskCreation` with `due_at` at or before
    /// `now`, earliest first.
    async fn due_tasks(
        &mut self,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<TaskHead>, StoreError>;

    /// Containers that are `Running` with `cut_off_at` at or before `now`, locked.
    async fn due_containers(&mut self, now: Timestamp) -> Result<Vec<ContainerRow>, StoreError>;

    /// Collections that are `Running` with `deadline_at` at or before `now`.
    async fn due_collections(&mut self, now: Timestamp) -> Result<Vec<CollectionRow>, StoreError>;

    /// Bare-metal tasks that are `Running`: what a fleet needs capacity for.
    async fn bare_metal_running(&mut self) -> Result<u64, StoreError>;

    /// Makes all of it last.
    async fn commit(self: Box<Self>) -> Result<(), StoreError>;
}

/// One run of a workflow.
#[derive(Clone, Debug, PartialEq)]
pub struct CollectionRow {
    /// Its id.
    pub id: CollectionId,
    /// What its author called the workflow.
    pub name: String,
    /// `Running` until the root container is terminal.
    pub state: TaskState,
    /// Somebody asked for it to be cancelled.
    pub cancelled: bool,
    /// The scope document that its tasks work under.
    pub scope: Option<Claim>,
    /// When it was accepted.
    pub created_at: Timestamp,
    /// When it must be over; what is not done then ends in `Timeout`.
    pub deadline_at: Option<Timestamp>,
    /// When it was over.
    pub finished_at: Option<Timestamp>,
}

/// A node that holds tasks or containers. What never changes comes first.
#[derive(Clone, Debug, PartialEq)]
pub struct ContainerRow {
    /// Its id.
    pub id: ContainerId,
    /// The collection it belongs to.
    pub collection: CollectionId,
    /// The container it stands in; `None` for the root.
    pub parent: Option<ContainerId>,
    /// Its place in its parent.
    pub position: u32,
    /// Its name, unique in the collection.
    pub name: Option<Arc<str>>,
    /// One after the other, or all at once.
    pub mode: Mode,
    /// Which outcome of the deciding task before it makes it run.
    pub arm: Option<Arm>,
    /// The task that generates its children, if they are not part of the plan.
    pub generator: Option<TaskId>,
    /// When it is good enough.
    pub policy: CompletionPolicy,
    /// How many children may be dispatched at once.
    pub max_in_flight: u32,

    /// Its state.
    pub state: TaskState,
    /// The outcome of its deciding task.
    pub chosen: Option<Arm>,
    /// In a sequence: the position of the child that is active.
    pub cursor: u32,
    /// Children there will be; `None` until the generator has said so.
    pub expected: Option<u64>,
    /// Children by state.
    pub children: Counters,
    /// Targets its tasks stand for.
    pub targets: u64,
    /// What became of them.
    pub outcomes: Coverage,
    /// What its tasks used.
    pub usage: Usage,
    /// When its stragglers are cut off.
    pub cut_off_at: Option<Timestamp>,
    /// When it was activated.
    pub started_at: Option<Timestamp>,
    /// When it was over.
    pub finished_at: Option<Timestamp>,
}

impl ContainerRow {
    /// Whether every child that there will be exists.
    pub(crate) fn has_all_children(&self) -> bool {
        self.expected
            .is_some_and(|expected| self.children.created >= expected)
    }
}

/// The children of a container, counted by what became of them. Never recounted: a completion
/// costs the same with ten children and with a million.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Exist.
    pub created: u64,
    /// `Pending`.
    pub waiting: u64,
    /// `Running`.
    pub running: u64,
    /// `Succeeded`.
    pub succeeded: u64,
    /// `PartiallyFailed`.
    pub partial: u64,
    /// `Failed`.
    pub failed: u64,
    /// `Timeout`.
    pub timeout: u64,
    /// `Disabled`.
    pub disabled: u64,
}

impl Counters {
    /// Children that are terminal.
    pub const fn done(&self) -> u64 {
        self.good() + self.failed + self.timeout + self.disabled
    }

    /// Children that made it.
    pub const fn good(&self) -> u64 {
        self.succeeded + self.partial
    }

    /// Books children that end in `state`; they must be taken from `waiting` or `running`.
    pub(crate) fn book(&mut self, state: TaskState, n: u64) {
        match state {
            TaskState::Pending => self.waiting += n,
            TaskState::Running | TaskState::PendingTaskCreation => self.running += n,
            TaskState::Succeeded => self.succeeded += n,
            TaskState::PartiallyFailed => self.partial += n,
            TaskState::Failed => self.failed += n,
            TaskState::Timeout => self.timeout += n,
            TaskState::Disabled => self.disabled += n,
        }
    }

    /// Moves a child from `waiting` to `state`.
    pub(crate) fn move_waiting(&mut self, state: TaskState) {
        self.waiting = self.waiting.saturating_sub(1);
        self.book(state, 1);
    }

    /// Moves a child from `running` to `state`.
    pub(crate) fn move_running(&mut self, state: TaskState) {
        self.running = self.running.saturating_sub(1);
        self.book(state, 1);
    }
}

/// What the manager needs to know of a task to move it on: everything but the payload.
#[derive(Clone, Debug, PartialEq)]
pub struct TaskHead {
    /// Its id.
    pub id: TaskId,
    /// The collection it belongs to.
    pub collection: CollectionId,
    /// The container it stands in.
    pub container: ContainerId,
    /// What it does there.
    pub role: Role,
    /// Its place in its container.
    pub ordinal: u32,
    /// The definition's wire name.
    pub kind: Arc<str>,
    /// The kind of worker it is routed to.
    pub route: WorkerKind,
    /// Targets it stands for.
    pub targets: u64,
    /// Retries and time limits.
    pub options: TaskOptions,
    /// What changes.
    pub status: TaskStatus,
}

/// A task with everything that is needed to dispatch it.
#[derive(Clone, Debug, PartialEq)]
pub struct Task {
    /// All but the payload.
    pub head: TaskHead,
    /// Its name, unique in the collection; generated children have none.
    pub name: Option<Arc<str>>,
    /// The definition's version at creation.
    pub version: u32,
    /// The definition itself, as JSON.
    pub payload: Payload,
}

/// What changes of a task.
#[derive(Clone, Debug, PartialEq)]
pub struct TaskStatus {
    /// Its state.
    pub state: TaskState,
    /// The attempt that may complete it; 0 before the first dispatch.
    pub attempt: u32,
    /// Attempts that failed.
    pub failures: u32,
    /// Targets that attempts which handed back a cursor have accounted for.
    pub accounted: u64,
    /// While dispatched: when it counts as lost unless it shows life before.
    pub due_at: Option<Timestamp>,
    /// When it times out for good.
    pub give_up_at: Option<Timestamp>,
    /// Where the last attempt stopped.
    pub cursor: Option<Payload>,
    /// Why the last attempt failed.
    pub error: Option<String>,
}

impl TaskStatus {
    /// The status of a task that has just been created.
    pub const NEW: Self = Self {
        state: TaskState::Pending,
        attempt: 0,
        failures: 0,
        accounted: 0,
        due_at: None,
        give_up_at: None,
        cursor: None,
        error: None,
    };
}

/// The new status of a task.
#[derive(Clone, Debug, PartialEq)]
pub struct TaskUpdate {
    /// The task.
    pub id: TaskId,
    /// Its whole status.
    pub status: TaskStatus,
}

/// What [`StoreTx::close_tasks`] closed in one container. Generators are closed but not counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Closed {
    /// The container.
    pub container: ContainerId,
    /// Tasks that were `Pending`.
    pub waiting: u64,
    /// Tasks that were `Running`.
    pub running: u64,
    /// Targets that all of them stood for, less those accounted for.
    pub targets: u64,
}

/// A row of task data that the manager writes for a worker.
#[derive(Clone, Debug, PartialEq)]
pub struct ResultRow {
    /// The collection.
    pub collection: CollectionId,
    /// The task's container.
    pub container: ContainerId,
    /// The task.
    pub task: TaskId,
    /// The row's place among the rows of its task.
    pub seq: u32,
    /// The row.
    pub body: Payload,
}

/// A dispatch that must be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutboxRow {
    /// The task.
    pub task: TaskId,
    /// The attempt to dispatch.
    pub attempt: u32,
    /// Not to be delivered before. One time for a whole batch.
    pub send_at: Timestamp,
    /// Task and attempt of the first dispatch of its batch: of those that one transaction puts to
    /// be sent at one time. A store may keep a batch in one place and find it by this; one that
    /// keeps each dispatch alone pays no heed to it.
    pub batch: (TaskId, u32),
}

impl OutboxRow {
    /// A dispatch that is a batch of its own.
    #[must_use]
    pub const fn alone(task: TaskId, attempt: u32, send_at: Timestamp) -> Self {
        Self {
            task,
            attempt,
            send_at,
            batch: (task, attempt),
        }
    }

    /// Task and attempt: at most one dispatch of an outbox has both.
    #[must_use]
    pub const fn key(&self) -> (TaskId, u32) {
        (self.task, self.attempt)
    }
}

/// A task that did not make it, and why.
#[derive(Clone, Debug, PartialEq)]
pub struct Trouble {
    /// The task.
    pub task: TaskId,
    /// The definition's wire name.
    pub kind: Arc<str>,
    /// `Failed` or `Timeout`.
    pub state: TaskState,
    /// Attempts made.
    pub attempts: u32,
    /// What the last one said.
    pub error: Option<String>,
}

/// What a store reports.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// Another transaction was faster; run this one again.
    #[error("another transaction was faster; run this one again")]
    Conflict,
    /// The writer's attempt is over: a later one runs, or the task has ended.
    #[error("attempt {attempt} of task {task} is over; its writes are refused")]
    Fenced {
        /// The task.
        task: TaskId,
        /// The attempt that wanted to write.
        attempt: u32,
    },
    /// What is stored cannot be read.
    #[error("the store is damaged: {what}; restore it from a backup or start with an empty one")]
    Corrupt {
        /// What cannot be read, and where.
        what: String,
    },
    /// The disk, or the quota, is full.
    #[error("the store is full: {0}; free some space and go on, nothing accepted is lost")]
    Full(String),
    /// The store was made by newer code.
    #[error("the store has schema version {found}, this code knows up to {known}; use newer code")]
    NewerSchema {
        /// The version found.
        found: i64,
        /// The newest version known here.
        known: i64,
    },
    /// The database refuses the data; trying again will not help.
    #[error("the store refuses the data: {0}")]
    Refused(String),
    /// The store cannot be reached or failed; trying again may help.
    #[error("the store failed: {0}")]
    Backend(Box<dyn std::error::Error + Send + Sync>),
}

impl StoreError {
    /// Whether trying again can help without anybody changing anything.
    pub const fn is_retryable(&self) -> bool {
        matches!(self, Self::Conflict | Self::Backend(_))
    }
}

impl fmt::Display for Counters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} created, {} waiting, {} running, {} succeeded, {} partial, {} failed, {} timeout, {} disabled",
            self.created,
            self.waiting,
            self.running,
            self.succeeded,
            self.partial,
            self.failed,
            self.timeout,
            self.disabled
        )
    }
}
