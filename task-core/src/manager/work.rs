//! The unit of work: what one transaction has read, and what it will write, in bulk.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use crate::id::{CollectionId, ContainerId, TaskId};
use crate::ports::store::{
    CollectionRow, ContainerRow, OutboxRow, ResultRow, StoreError, StoreTx, Task, TaskHead,
    TaskStatus, TaskUpdate,
};
use crate::route::WorkerKind;
use crate::time::Timestamp;

use super::Manager;
use super::batch::Arrival;
use super::dispatch::{Dispatch, Dispatches};
use super::error::Refusal;
use super::sent::Leaving;

/// Reads go through it once and are kept; writes are collected and flushed in one statement per
/// kind. Containers and collections are few and held until the end. Tasks are many: their heads
/// are read in one go, and their new status is written in one go.
pub(super) struct Work<'a> {
    pub(super) manager: &'a Manager,
    pub(super) now: Timestamp,
    pub(super) tx: Box<dyn StoreTx>,
    pub(super) collections: HashMap<CollectionId, CollectionRow>,
    pub(super) containers: HashMap<ContainerId, ContainerRow>,
    /// Collections of which all containers have been read.
    pub(super) whole: HashSet<CollectionId>,
    changed_collections: BTreeSet<CollectionId>,
    changed_containers: BTreeSet<ContainerId>,
    updates: HashMap<TaskId, TaskStatus>,
    pub(super) results: Vec<ResultRow>,
    /// Containers whose state may have to move on.
    pub(super) unsettled: BTreeSet<ContainerId>,
    /// How many waiting children of a container can be dispatched.
    pub(super) wanted: BTreeMap<ContainerId, u32>,
    /// Generators of containers that were activated.
    pub(super) first: Vec<TaskId>,
    /// Containers whose generator has failed.
    pub(super) broken: BTreeSet<ContainerId>,
    /// Tasks to dispatch again.
    pub(super) again: Vec<Again>,
    /// Attempts that were decided on here.
    dispatches: Vec<Dispatch>,
    /// What stands in the outbox already, and is sent once more.
    resent: Vec<Dispatch>,
    pub(super) cancelled: BTreeSet<CollectionId>,
    pub(super) refused: Vec<(usize, Refusal)>,
    /// Messages that came too early.
    pub(super) early: BTreeSet<usize>,
    /// What was sent before this transaction, and leaves the outbox with it.
    leaving: Leaving<'a>,
    pub(super) bare_metal: u64,
}

/// Heads of the tasks that messages of a batch are about. Who sets the status of one of them sets
/// it here, too, for the next message about it.
pub(super) type Heads = HashMap<TaskId, TaskHead>;

/// What is left of a unit of work when it is committed.
pub(super) struct Committed {
    pub(super) dispatches: Dispatches,
    /// Messages that were refused, by their index in the batch.
    pub(super) refused: Vec<(usize, Refusal)>,
    /// Messages that must come again.
    pub(super) early: BTreeSet<usize>,
}

/// A task to dispatch once more, with its status as of now.
pub(super) struct Again {
    pub(super) task: TaskId,
    pub(super) status: TaskStatus,
    pub(super) delay: std::time::Duration,
}

impl<'a> Work<'a> {
    pub(super) async fn begin(manager: &'a Manager) -> Result<Self, StoreError> {
        let mut tx = manager.store.begin().await?;
        let leaving = manager.sent.leave();
        if !leaving.rows().is_empty() {
            tx.remove_outbox(leaving.rows()).await?;
        }
        Ok(Self {
            manager,
            now: manager.runtime.now(),
            tx,
            collections: HashMap::new(),
            containers: HashMap::new(),
            whole: HashSet::new(),
            changed_collections: BTreeSet::new(),
            changed_containers: BTreeSet::new(),
            updates: HashMap::new(),
            results: Vec::new(),
            unsettled: BTreeSet::new(),
            wanted: BTreeMap::new(),
            first: Vec::new(),
            broken: BTreeSet::new(),
            again: Vec::new(),
            dispatches: Vec::new(),
            resent: Vec::new(),
            cancelled: BTreeSet::new(),
            refused: Vec::new(),
            early: BTreeSet::new(),
            leaving,
            bare_metal: 0,
        })
    }

    /// For every index of the batch, whether its message is in `part` and may not have been applied
    /// before. What is fenced is not remembered: it would cost a row and two entries of indices for
    /// each task, to say what the task itself says.
    pub(super) async fn unseen(
        &mut self,
        part: &[Arrival],
        total: usize,
    ) -> Result<Vec<bool>, StoreError> {
        let mut unseen = vec![false; total];
        let ids: Vec<_> = part.iter().map(|arrival| arrival.id).collect();
        self.tx.applies(&ids, self.now);
        for arrival in part.iter().filter(|arrival| arrival.fenced) {
            unseen[arrival.index] = true;
        }
        let open = || part.iter().filter(|arrival| !arrival.fenced);
        let ids: Vec<_> = open().map(|arrival| arrival.id).collect();
        if !ids.is_empty() {
            let fresh = self.tx.inbox(&ids, self.now).await?;
            for (arrival, fresh) in open().zip(fresh) {
                unseen[arrival.index] = fresh || mutant!(NoInbox);
            }
        }
        Ok(unseen)
    }

    /// Reads the heads of tasks, and the containers and collections that they belong to.
    pub(super) async fn heads(&mut self, ids: &[TaskId]) -> Result<Heads, StoreError> {
        if ids.is_empty() {
            return Ok(Heads::new());
        }
        self.flush_tasks().await?;
        let heads = self.tx.heads(ids).await?;
        self.read_around(&heads).await?;
        Ok(heads.into_iter().map(|head| (head.id, head)).collect())
    }

    /// Reads the containers and collections of tasks.
    pub(super) async fn read_around(&mut self, heads: &[TaskHead]) -> Result<(), StoreError> {
        // Neighbours mostly share both, so what repeats is skipped before it is hashed.
        let mut containers: Vec<_> = heads.iter().map(|head| head.container).collect();
        containers.dedup();
        self.read_containers(&containers).await?;
        let mut collections: Vec<_> = heads.iter().map(|head| head.collection).collect();
        collections.dedup();
        self.read_collections(&collections).await
    }

    pub(super) async fn read_containers(&mut self, ids: &[ContainerId]) -> Result<(), StoreError> {
        let missing: BTreeSet<_> = ids
            .iter()
            .filter(|id| !self.containers.contains_key(id))
            .copied()
            .collect();
        if missing.is_empty() {
            return Ok(());
        }
        // Sorted, so that managers which lock rows one by one cannot lock each other out.
        let missing: Vec<_> = missing.into_iter().collect();
        let rows = self.tx.containers(&missing).await?;
        self.containers
            .extend(rows.into_iter().map(|row| (row.id, row)));
        Ok(())
    }

    pub(super) async fn read_collections(
        &mut self,
        ids: &[CollectionId],
    ) -> Result<(), StoreError> {
        let missing: BTreeSet<_> = ids
            .iter()
            .filter(|id| !self.collections.contains_key(id))
            .copied()
            .collect();
        if missing.is_empty() {
            return Ok(());
        }
        let missing: Vec<_> = missing.into_iter().collect();
        let rows = self.tx.collections(&missing).await?;
        self.collections
            .extend(rows.into_iter().map(|row| (row.id, row)));
        Ok(())
    }

    /// Reads every container of a collection.
    pub(super) async fn read_whole(&mut self, id: CollectionId) -> Result<(), StoreError> {
        if self.whole.insert(id) {
            for row in self.tx.containers_of(id).await? {
                // What was read before may have changed since in this transaction.
                self.containers.entry(row.id).or_insert(row);
            }
        }
        Ok(())
    }

    /// A container to change. Read before; a task without its container is damage.
    pub(super) fn container(&mut self, id: ContainerId) -> Result<&mut ContainerRow, StoreError> {
        self.changed_containers.insert(id);
        self.containers
            .get_mut(&id)
            .ok_or_else(|| StoreError::Corrupt {
                what: format!("container {id} is missing"),
            })
    }

    /// A collection to change.
    pub(super) fn collection(
        &mut self,
        id: CollectionId,
    ) -> Result<&mut CollectionRow, StoreError> {
        self.changed_collections.insert(id);
        self.collections
            .get_mut(&id)
            .ok_or_else(|| StoreError::Corrupt {
                what: format!("collection {id} is missing"),
            })
    }

    /// Sets the status of a task.
    pub(super) fn update(&mut self, task: TaskId, status: TaskStatus) {
        self.updates.insert(task, status);
    }

    /// Dispatches a task that the caller has just created as `Running`, or will by
    /// [`start`](Self::start).
    pub(super) fn enqueue(&mut self, task: Task, delay: std::time::Duration) {
        let attempt = task.head.status.attempt;
        let send_at = self.now.after(delay);
        let row = OutboxRow::alone(task.head.id, attempt, send_at);
        if task.head.route == WorkerKind::BareMetal {
            self.bare_metal += 1;
        }
        self.dispatches.push(Dispatch { task, delay, row });
    }

    /// Sends once more what stands in the outbox already.
    pub(super) fn resend(&mut self, task: Task, row: OutboxRow) {
        let delay = std::time::Duration::ZERO;
        self.resent.push(Dispatch { task, delay, row });
    }

    /// Starts an attempt at a task: new status, outbox, dispatch.
    pub(super) fn start(&mut self, mut task: Task, delay: std::time::Duration) {
        Manager::next_attempt(&mut task.head, self.now, delay);
        self.update(task.head.id, task.head.status.clone());
        self.enqueue(task, delay);
    }

    /// Writes the new status of tasks, so that what reads tasks next sees them.
    pub(super) async fn flush_tasks(&mut self) -> Result<(), StoreError> {
        if self.updates.is_empty() {
            return Ok(());
        }
        let mut updates: Vec<_> = self
            .updates
            .drain()
            .map(|(id, status)| TaskUpdate { id, status })
            .collect();
        // In the order of their ids, which is the order in which stores keep them.
        updates.sort_unstable_by_key(|update| update.id);
        self.tx.update_tasks(&updates).await
    }

    /// Writes what is left, commits, and returns what must be sent.
    pub(super) async fn commit(mut self) -> Result<Committed, StoreError> {
        self.flush().await?;
        let Self {
            manager,
            tx,
            leaving,
            mut dispatches,
            mut resent,
            collections,
            cancelled,
            refused,
            early,
            bare_metal,
            ..
        } = self;
        let scopes = collections
            .into_values()
            .filter_map(|collection| Some((collection.id, collection.scope?)))
            .collect();
        dispatches.append(&mut resent);
        let mut dispatches = Dispatches {
            dispatches,
            scopes,
            cancelled,
            bare_metal,
        };
        if mutant!(OutboxBeforeCommit) {
            manager.send(std::mem::take(&mut dispatches)).await;
        }
        tx.commit().await?;
        leaving.are_gone();
        Ok(Committed {
            dispatches,
            refused,
            early,
        })
    }

    async fn flush(&mut self) -> Result<(), StoreError> {
        self.flush_tasks().await?;
        if !self.results.is_empty() {
            self.tx.put_data(&self.results).await?;
        }
        // A container that was closed in this very transaction takes its dispatches along.
        let containers = &self.containers;
        let open = |task: &Task| {
            containers
                .get(&task.head.container)
                .is_none_or(|c| !c.state.is_terminal())
        };
        self.dispatches.retain(|dispatch| open(&dispatch.task));
        self.resent.retain(|dispatch| open(&dispatch.task));
        if !self.dispatches.is_empty() && !mutant!(OutboxForgotten) {
            let rows = batched(&mut self.dispatches);
            self.tx.put_outbox(&rows).await?;
        }
        if !self.changed_containers.is_empty() {
            let rows: Vec<_> = self
                .changed_containers
                .iter()
                .filter_map(|id| self.containers.get(id).cloned())
                .collect();
            self.tx.update_containers(&rows).await?;
        }
        if !self.changed_collections.is_empty() {
            let rows: Vec<_> = self
                .changed_collections
                .iter()
                .filter_map(|id| self.collections.get(id).cloned())
                .collect();
            self.tx.update_collections(&rows).await?;
        }
        Ok(())
    }
}

/// Makes batches of what is sent to one kind of workers at one time: it is sent at once, and so can
/// leave the outbox at once. Of a bounded size, as one that leaves in parts is written anew each time.
fn batched(dispatches: &mut [Dispatch]) -> Vec<OutboxRow> {
    let mut batches = HashMap::new();
    let rows = dispatches.iter_mut().map(|Dispatch { task, row, .. }| {
        let batch = batches.entry((task.head.route, row.send_at));
        let (first, members) = batch.or_insert_with(|| (row.key(), 0));
        if *members == MOST_MEMBERS {
            (*first, *members) = (row.key(), 0);
        }
        *members += 1;
        row.batch = *first;
        *row
    });
    rows.collect()
}

/// Dispatches of a batch of the outbox.
const MOST_MEMBERS: u32 = 1000;
