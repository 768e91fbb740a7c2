//! A transaction under faults.

use std::collections::BTreeSet;

use async_trait::async_trait;
use task_core::ports::store::{
    Closed, CollectionRow, ContainerRow, OutboxRow, ResultRow, StoreError, StoreTx, Task, TaskHead,
    TaskUpdate,
};
use task_core::{CollectionId, ContainerId, MessageId, TaskId, TaskState, Timestamp};

use super::faults::Fault;
use super::keeper::{Keeper, broken};
use super::model::{Change, Deed};
use super::paths::Path;

/// An open transaction; what it changes is kept for the model until it is committed.
pub(super) struct Transaction {
    keeper: Keeper,
    /// Absent when the connection broke.
    inner: Option<Box<dyn StoreTx>>,
    changes: Vec<Change>,
    ids: Vec<MessageId>,
    /// Those of them that the inbox was asked for.
    asked: BTreeSet<MessageId>,
    /// Those of these that it had never seen before.
    fresh: Vec<MessageId>,
    /// The manager's clock.
    clock: Option<Timestamp>,
}

impl Transaction {
    pub(super) fn new(keeper: Keeper, inner: Box<dyn StoreTx>) -> Self {
        Self {
            keeper,
            inner: Some(inner),
            changes: Vec::new(),
            ids: Vec::new(),
            asked: BTreeSet::new(),
            fresh: Vec::new(),
            clock: None,
        }
    }

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
    fn seen_twice(&self, fresh: &[MessageId], changes: &[Change]) -> Result<(), String> {
        let change = changes.iter().find(|change| is_effect(change));
        match (self.ids.first(), change) {
            (Some(id), Some(change)) if fresh.is_empty() => Err(format!(
                "message {id} was seen before and changed something again: {change:?}"
            )),
            _ => Ok(()),
        }
    }
}

#[async_trait]
impl StoreTx for Transaction {
    fn applies(&mut self, messages: &[MessageId], now: Timestamp) {
        self.ids.extend(messages);
        self.clock = Some(now);
    }

    async fn inbox(&mut self, ids: &[MessageId], now: Timestamp) -> Result<Vec<bool>, StoreError> {
        let fresh = self.open()?.inbox(ids, now).await?;
        let known = self.keeper.shared.world.now();
        let verdict = self.keeper.audit().check_inbox(ids, &fresh, known);
        self.keeper.shared.judge(verdict);
        self.asked.extend(ids);
        let new = ids.iter().zip(&fresh).filter(|(_, fresh)| **fresh);
        self.fresh.extend(new.map(|(id, _)| *id));
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
        self.keeper.runtime.way().await;
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
        self.keeper.runtime.way().await;
        if self.keeper.strikes(Fault::StoreConflict) {
            self.inner = None;
            return Err(StoreError::Conflict);
        }
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
        self.keeper.runtime.way().await;
        self.open()?.put_outbox(rows).await?;
        self.changes.push(Change::Send(rows.to_vec()));
        Ok(())
    }

    async fn remove_outbox(&mut self, rows: &[OutboxRow]) -> Result<(), StoreError> {
        self.open()?.remove_outbox(rows).await?;
        self.changes.push(Change::Unsend(rows.to_vec()));
        Ok(())
    }

    async fn due_outbox(
        &mut self,
        before: Timestamp,
        limit: usize,
    ) -> Result<Vec<OutboxRow>, StoreError> {
        let found = self.open()?.due_outbox(before, limit).await?;
        let shared = &self.keeper.shared;
        let verdict = shared
            .model()
            .check_due_outbox(&self.changes, &found, before, limit);
        shared.judge(verdict);
        Ok(found)
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
        keeper.runtime.way().await;
        // A tick that found nothing to do is no event, and no chance for a fault.
        let idle = !self.changes.iter().any(is_effect) && self.ids.len() <= 1;
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
        // From here on nothing may be waited for until the model knows: whoever is next sees it.
        let now = shared.world.now();
        // What the inbox is not asked for must be known from what it has changed.
        let fenced = self.ids.iter().filter(|id| !self.asked.contains(id));
        let mut fresh = std::mem::take(&mut self.fresh);
        fresh.extend(fenced.filter(|id| !keeper.audit().was_applied(**id)));
        keeper.audit().applied(&self.ids, now);
        let changes = std::mem::take(&mut self.changes);
        if !idle {
            let messages = self.ids.len();
            shared.chaos.note(
                keeper.machine(),
                format_args!("commits {messages} messages"),
            );
            shared.judge(self.seen_twice(&fresh, &changes));
        }
        let deed = Deed {
            changes,
            news: keeper.audit().said(&fresh),
            clock: self.clock,
        };
        let verdict = shared.model().commit(deed, now, |event| {
            shared.chaos.note(keeper.machine(), event);
        });
        shared.judge(verdict);
        if idle {
            return Ok(());
        }
        keeper.runtime.way().await;
        if keeper.strikes(Fault::ManagerDiesAfterCommit) {
            return keeper.die().await;
        }
        if keeper.strikes(Fault::CommitAnswerLost) {
            return Err(broken("the answer was lost"));
        }
        Ok(())
    }
}

/// What was sent and leaves the outbox is only tidied up.
const fn is_effect(change: &Change) -> bool {
    !matches!(change, Change::Unsend(_))
}

/// What was not committed by now never will be.
impl Drop for Transaction {
    fn drop(&mut self) {
        let shared = &self.keeper.shared;
        if self.inner.is_some() && !shared.world.is_alive(self.keeper.machine()) {
            shared.chaos.passed(Path::DiedInTransaction);
        }
        if !self.changes.is_empty() {
            shared.model().rolled_back(&self.changes);
        }
    }
}
