//! The store as one machine sees it: the real one, with faults in between; what is committed is
//! told to the model.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use task_core::ports::data::{DataRow, DataStore, Dataset, RowKey, Writer};
use task_core::ports::store::{
    Closed, CollectionRow, ContainerRow, OutboxRow, ResultRow, Store, StoreError, StoreTx, Task,
    TaskHead, TaskUpdate, Trouble,
};
use task_core::{CollectionId, ContainerId, MessageId, Payload, TaskId, TaskState, Timestamp};

use super::audit::Audit;
use super::chaos::Chaos;
use super::faults::Fault;
use super::model::{Change, Model};
use super::world::{Machine, World};

/// What all machines' views of the store share.
#[derive(Clone)]
pub(super) struct Shared {
    pub(super) store: Arc<dyn Store>,
    pub(super) world: Arc<World>,
    pub(super) chaos: Arc<Chaos>,
    pub(super) model: Arc<Mutex<Model>>,
    pub(super) audit: Arc<Mutex<Audit>>,
}

impl Shared {
    pub(super) fn model(&self) -> MutexGuard<'_, Model> {
        self.model.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The store of one machine.
#[derive(Clone)]
pub(super) struct Keeper {
    pub(super) shared: Shared,
    pub(super) machine: Machine,
    /// Whether it is a Lambda or a machine that can die in the middle of a write.
    pub(super) mortal_writes: bool,
}

impl Keeper {
    fn strikes(&self, fault: Fault) -> bool {
        self.shared.chaos.strikes(fault, self.machine).is_some()
    }

    async fn die<T>(&self) -> T {
        let (chaos, world) = (&self.shared.chaos, &self.shared.world);
        chaos.note(self.machine, format_args!("dies"));
        world.kill(self.machine);
        std::future::pending().await
    }

    fn connection(&self) -> Result<(), StoreError> {
        if self.strikes(Fault::StoreDisconnect) {
            return Err(broken("the connection broke"));
        }
        Ok(())
    }

    /// Around a write of a worker: it may be lost, done without an answer, or its last deed.
    async fn around<T>(
        &self,
        write: impl Future<Output = Result<T, StoreError>> + Send,
        done: impl FnOnce(&Shared) + Send,
    ) -> Result<T, StoreError> {
        self.connection()?;
        if self.mortal_writes && self.strikes(Fault::WorkerDiesDuringWork) {
            return self.die().await;
        }
        let result = write.await?;
        done(&self.shared);
        if self.mortal_writes && self.strikes(Fault::WorkerDiesDuringWork) {
            return self.die().await;
        }
        if self.strikes(Fault::CommitAnswerLost) {
            return Err(broken("the answer was lost"));
        }
        Ok(result)
    }
}

fn broken(why: &'static str) -> StoreError {
    StoreError::Backend(why.into())
}

#[async_trait]
impl DataStore for Keeper {
    async fn dataset(
        &self,
        collection: CollectionId,
        name: &str,
    ) -> Result<Option<Dataset>, StoreError> {
        self.connection()?;
        self.shared.store.dataset(collection, name).await
    }

    async fn rows(
        &self,
        dataset: Dataset,
        after: Option<RowKey>,
        limit: usize,
    ) -> Result<Vec<DataRow>, StoreError> {
        self.connection()?;
        self.shared.store.rows(dataset, after, limit).await
    }

    async fn count(&self, dataset: Dataset) -> Result<u64, StoreError> {
        self.connection()?;
        self.shared.store.count(dataset).await
    }

    async fn write_rows(
        &self,
        writer: Writer,
        first: u32,
        rows: &[Payload],
    ) -> Result<(), StoreError> {
        let write = self.shared.store.write_rows(writer, first, rows);
        self.around(write, |shared| {
            let note = format_args!("rows {first}.. +{} of {}", rows.len(), writer.task);
            shared.chaos.note(self.machine, note);
            let verdict = shared.model().wrote_rows(writer, first, rows);
            shared.judge(verdict);
        })
        .await
    }

    async fn value(
        &self,
        collection: CollectionId,
        key: &str,
    ) -> Result<Option<Payload>, StoreError> {
        self.connection()?;
        self.shared.store.value(collection, key).await
    }

    async fn set_value(
        &self,
        writer: Writer,
        key: &str,
        value: &Payload,
    ) -> Result<(), StoreError> {
        let write = self.shared.store.set_value(writer, key, value);
        self.around(write, |shared| {
            let note = format_args!("value {key} of {}", writer.task);
            shared.chaos.note(self.machine, note);
            let verdict = shared.model().wrote_value(writer);
            shared.judge(verdict);
        })
        .await
    }
}

impl Shared {
    fn judge(&self, verdict: Result<(), String>) {
        if let Err(violation) = verdict {
            self.chaos.violated(violation);
        }
    }
}

#[async_trait]
impl Store for Keeper {
    async fn begin(&self) -> Result<Box<dyn StoreTx>, StoreError> {
        self.connection()?;
        let inner = self.shared.store.begin().await?;
        Ok(Box::new(Transaction {
            keeper: self.clone(),
            inner: Some(inner),
            changes: Vec::new(),
            ids: Vec::new(),
            fresh: false,
        }))
    }

    async fn collection(&self, id: CollectionId) -> Result<Option<CollectionRow>, StoreError> {
        self.shared.store.collection(id).await
    }

    async fn containers(&self, id: CollectionId) -> Result<Vec<ContainerRow>, StoreError> {
        self.shared.store.containers(id).await
    }

    async fn troubles(&self, id: CollectionId, limit: usize) -> Result<Vec<Trouble>, StoreError> {
        self.shared.store.troubles(id, limit).await
    }

    async fn task(&self, id: CollectionId, name: &str) -> Result<Option<TaskHead>, StoreError> {
        self.shared.store.task(id, name).await
    }

    async fn collections(&self, limit: usize) -> Result<Vec<CollectionRow>, StoreError> {
        self.shared.store.collections(limit).await
    }
}

/// An open transaction; what it changes is kept for the model until it is committed.
struct Transaction {
    keeper: Keeper,
    /// Absent when the connection broke.
    inner: Option<Box<dyn StoreTx>>,
    changes: Vec<Change>,
    ids: Vec<MessageId>,
    /// Whether any of them was never seen before.
    fresh: bool,
}

impl Transaction {
    fn open(&mut self) -> Result<&mut dyn StoreTx, StoreError> {
        if let Err(error) = self.keeper.connection() {
            self.inner = None;
            return Err(error);
        }
        match &mut self.inner {
            Some(inner) => Ok(&mut **inner),
            None => Err(broken("the connection broke")),
        }
    }
}

impl Transaction {
    /// Messages that were all seen before have had their effect.
    fn seen_twice(&self, changes: &[Change]) -> Result<(), String> {
        match (self.ids.first(), changes.first()) {
            (Some(id), Some(change)) if !self.fresh => Err(format!(
                "message {id} was seen before and changed something again: {change:?}"
            )),
            _ => Ok(()),
        }
    }
}

#[async_trait]
impl StoreTx for Transaction {
    async fn inbox(&mut self, ids: &[MessageId], now: Timestamp) -> Result<Vec<bool>, StoreError> {
        let fresh = self.open()?.inbox(ids, now).await?;
        self.ids.extend(ids);
        self.fresh |= fresh.contains(&true);
        Ok(fresh)
    }

    async fn prune_inbox(&mut self, before: Timestamp) -> Result<u64, StoreError> {
        self.open()?.prune_inbox(before).await
    }

    async fn collections(
        &mut self,
        ids: &[CollectionId],
    ) -> Result<Vec<CollectionRow>, StoreError> {
        self.open()?.collections(ids).await
    }

    async fn containers(&mut self, ids: &[ContainerId]) -> Result<Vec<ContainerRow>, StoreError> {
        self.open()?.containers(ids).await
    }

    async fn containers_of(&mut self, id: CollectionId) -> Result<Vec<ContainerRow>, StoreError> {
        self.open()?.containers_of(id).await
    }

    async fn heads(&mut self, ids: &[TaskId]) -> Result<Vec<TaskHead>, StoreError> {
        self.open()?.heads(ids).await
    }

    async fn tasks(&mut self, ids: &[TaskId]) -> Result<Vec<Task>, StoreError> {
        self.open()?.tasks(ids).await
    }

    async fn waiting(&mut self, wanted: &[(ContainerId, u32)]) -> Result<Vec<Task>, StoreError> {
        self.open()?.waiting(wanted).await
    }

    async fn count_from(&mut self, container: ContainerId, from: u32) -> Result<u64, StoreError> {
        self.open()?.count_from(container, from).await
    }

    async fn insert_collections(&mut self, rows: &[CollectionRow]) -> Result<(), StoreError> {
        self.open()?.insert_collections(rows).await?;
        self.changes
            .extend(rows.iter().cloned().map(Change::Collection));
        Ok(())
    }

    async fn insert_containers(&mut self, rows: &[ContainerRow]) -> Result<(), StoreError> {
        self.open()?.insert_containers(rows).await?;
        let new = rows.iter().cloned().map(Box::new).map(Change::NewContainer);
        self.changes.extend(new);
        Ok(())
    }

    async fn insert_tasks(&mut self, tasks: &[Task]) -> Result<Vec<bool>, StoreError> {
        let fresh = self.open()?.insert_tasks(tasks).await?;
        let new = tasks.iter().zip(&fresh).filter(|(_, fresh)| **fresh);
        self.changes
            .extend(new.map(|(task, _)| Change::NewTask(Box::new(task.clone()))));
        Ok(fresh)
    }

    async fn update_collections(&mut self, rows: &[CollectionRow]) -> Result<(), StoreError> {
        self.open()?.update_collections(rows).await?;
        self.changes
            .extend(rows.iter().cloned().map(Change::Collection));
        Ok(())
    }

    async fn update_containers(&mut self, rows: &[ContainerRow]) -> Result<(), StoreError> {
        self.open()?.update_containers(rows).await?;
        let changed = rows.iter().cloned().map(Box::new).map(Change::Container);
        self.changes.extend(changed);
        Ok(())
    }

    async fn update_tasks(&mut self, updates: &[TaskUpdate]) -> Result<(), StoreError> {
        self.open()?.update_tasks(updates).await?;
        self.changes
            .extend(updates.iter().cloned().map(Box::new).map(Change::Task));
        Ok(())
    }

    async fn close_tasks(
        &mut self,
        containers: &[ContainerId],
        state: TaskState,
        now: Timestamp,
    ) -> Result<Vec<Closed>, StoreError> {
        let closed = self.open()?.close_tasks(containers, state, now).await?;
        self.changes.push(Change::Close(containers.to_vec(), state));
        Ok(closed)
    }

    async fn put_data(&mut self, rows: &[ResultRow]) -> Result<(), StoreError> {
        self.open()?.put_data(rows).await?;
        self.changes.extend(rows.iter().cloned().map(Change::Data));
        Ok(())
    }

    async fn put_outbox(&mut self, rows: &[OutboxRow]) -> Result<(), StoreError> {
        self.open()?.put_outbox(rows).await
    }

    async fn remove_outbox(&mut self, keys: &[(TaskId, u32)]) -> Result<(), StoreError> {
        self.open()?.remove_outbox(keys).await
    }

    async fn due_outbox(
        &mut self,
        before: Timestamp,
        limit: usize,
    ) -> Result<Vec<OutboxRow>, StoreError> {
        self.open()?.due_outbox(before, limit).await
    }

    async fn due_tasks(
        &mut self,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<TaskHead>, StoreError> {
        self.open()?.due_tasks(now, limit).await
    }

    async fn due_containers(&mut self, now: Timestamp) -> Result<Vec<ContainerRow>, StoreError> {
        self.open()?.due_containers(now).await
    }

    async fn due_collections(&mut self, now: Timestamp) -> Result<Vec<CollectionRow>, StoreError> {
        self.open()?.due_collections(now).await
    }

    async fn bare_metal_running(&mut self) -> Result<u64, StoreError> {
        self.open()?.bare_metal_running().await
    }

    async fn commit(mut self: Box<Self>) -> Result<(), StoreError> {
        let keeper = self.keeper.clone();
        let shared = &keeper.shared;
        // A tick that found nothing to do is no event, and no chance for a fault.
        let idle = self.changes.is_empty() && self.ids.len() <= 1;
        if !idle {
            if keeper.strikes(Fault::ManagerDiesBeforeCommit) {
                return keeper.die().await;
            }
            if keeper.strikes(Fault::StoreConflict) {
                return Err(StoreError::Conflict);
            }
        }
        let inner = self
            .inner
            .take()
            .ok_or_else(|| broken("the connection broke"))?;
        inner.commit().await?;
        let audit = &shared.audit;
        audit
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .applied(&self.ids);
        if idle {
            return Ok(());
        }
        let messages = self.ids.len();
        shared
            .chaos
            .note(keeper.machine, format_args!("commits {messages} messages"));
        let now = shared.world.now();
        let changes = std::mem::take(&mut self.changes);
        shared.judge(self.seen_twice(&changes));
        let verdict = shared.model().commit(changes, now, |event| {
            shared.chaos.note(keeper.machine, event);
        });
        shared.judge(verdict);
        let cancelled = {
            let audit = audit.lock().unwrap_or_else(PoisonError::into_inner);
            audit.cancellations(&self.ids)
        };
        for collection in cancelled {
            let verdict = shared.model().check_cancelled(collection);
            shared.judge(verdict);
        }
        if keeper.strikes(Fault::ManagerDiesAfterCommit) {
            return keeper.die().await;
        }
        if keeper.strikes(Fault::CommitAnswerLost) {
            return Err(broken("the answer was lost"));
        }
        Ok(())
    }
}

impl fmt::Debug for Keeper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keeper")
            .field("machine", &self.machine)
            .finish_non_exhaustive()
    }
}
