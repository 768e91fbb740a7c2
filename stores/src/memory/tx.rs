//! Transactions: the whole state, held until commit or drop.

use async_trait::async_trait;
use task_core::id::{CollectionId, ContainerId, MessageId, TaskId};
use task_core::ports::data::RowKey;
use task_core::ports::store::{
    Closed, CollectionRow, ContainerRow, OutboxRow, ResultRow, StoreError, StoreTx, Task, TaskHead,
    TaskUpdate,
};
use task_core::state::TaskState;
use task_core::time::Timestamp;
use task_core::workflow::Role;
use tokio::sync::OwnedMutexGuard;

use super::read;
use super::record::Status;
use super::state::{Row, State};
use super::undo::Undo;

/// An open transaction.
pub(super) struct MemoryTx {
    state: OwnedMutexGuard<State>,
    /// What was done, oldest first; empty after commit.
    done: Vec<Undo>,
}

impl MemoryTx {
    pub(super) fn new(state: OwnedMutexGuard<State>) -> Self {
        Self {
            state,
            done: Vec::new(),
        }
    }
}

impl Drop for MemoryTx {
    fn drop(&mut self) {
        while let Some(undo) = self.done.pop() {
            undo.apply(&mut self.state);
        }
    }
}

#[async_trait]
impl StoreTx for MemoryTx {
    async fn inbox(&mut self, ids: &[MessageId], now: Timestamp) -> Result<Vec<bool>, StoreError> {
        let state = &mut *self.state;
        let new: Vec<bool> = ids.iter().map(|id| state.inbox.insert(*id)).collect();
        let fresh: Vec<MessageId> = ids
            .iter()
            .zip(&new)
            .filter(|(_, new)| **new)
            .map(|(id, _)| *id)
            .collect();
        if !fresh.is_empty() {
            state
                .inbox_by_time
                .entry(now)
                .or_default()
                .extend_from_slice(&fresh);
            self.done.push(Undo::Remembered(now, fresh));
        }
        Ok(new)
    }

    async fn prune_inbox(&mut self, before: Timestamp) -> Result<u64, StoreError> {
        let state = &mut *self.state;
        let kept = state.inbox_by_time.split_off(&before);
        let forgotten = std::mem::replace(&mut state.inbox_by_time, kept);
        let mut count = 0;
        for id in forgotten.values().flatten() {
            state.inbox.remove(id);
            count += 1;
        }
        self.done.push(Undo::Forgot(forgotten));
        Ok(count)
    }

    async fn collections(
        &mut self,
        ids: &[CollectionId],
    ) -> Result<Vec<CollectionRow>, StoreError> {
        Ok(ids
            .iter()
            .filter_map(|id| self.state.collections.get(id).cloned())
            .collect())
    }

    async fn containers(&mut self, ids: &[ContainerId]) -> Result<Vec<ContainerRow>, StoreError> {
        Ok(ids
            .iter()
            .filter_map(|id| self.state.containers.get(id).cloned())
            .collect())
    }

    async fn containers_of(&mut self, id: CollectionId) -> Result<Vec<ContainerRow>, StoreError> {
        Ok(read::containers_of(&self.state, id))
    }

    async fn heads(&mut self, ids: &[TaskId]) -> Result<Vec<TaskHead>, StoreError> {
        Ok(ids
            .iter()
            .filter_map(|id| Some(self.state.tasks.get(id)?.head(*id)))
            .collect())
    }

    async fn tasks(&mut self, ids: &[TaskId]) -> Result<Vec<Task>, StoreError> {
        Ok(ids
            .iter()
            .filter_map(|id| Some(self.state.tasks.get(id)?.task(*id)))
            .collect())
    }

    async fn waiting(&mut self, wanted: &[(ContainerId, u32)]) -> Result<Vec<Task>, StoreError> {
        let state = &*self.state;
        let mut tasks = Vec::new();
        for (container, limit) in wanted {
            let Some(children) = state.children.get(container) else {
                continue;
            };
            let limit = usize::try_from(*limit).unwrap_or(usize::MAX);
            let ids = children.waiting.iter().take(limit).map(|(_, id)| *id);
            tasks.extend(ids.filter_map(|id| Some(state.tasks.get(&id)?.task(id))));
        }
        Ok(tasks)
    }

    async fn count_from(&mut self, container: ContainerId, from: u32) -> Result<u64, StoreError> {
        let Some(children) = self.state.children.get(&container) else {
            return Ok(0);
        };
        Ok(children
            .ordinals
            .range(from..)
            .map(|(_, count)| u64::from(*count))
            .sum())
    }

    async fn insert_collections(&mut self, rows: &[CollectionRow]) -> Result<(), StoreError> {
        for row in rows {
            if self.state.insert_collection(row) {
                self.done.push(Undo::NewCollection(row.id));
            }
        }
        Ok(())
    }

    async fn insert_containers(&mut self, rows: &[ContainerRow]) -> Result<(), StoreError> {
        for row in rows {
            if self.state.insert_container(row) {
                self.done.push(Undo::NewContainer(row.id));
            }
        }
        Ok(())
    }

    async fn insert_tasks(&mut self, tasks: &[Task]) -> Result<Vec<bool>, StoreError> {
        let state = &mut *self.state;
        let new: Vec<bool> = tasks.iter().map(|task| state.insert_task(task)).collect();
        let created = tasks.iter().zip(&new).filter(|(_, new)| **new);
        self.done
            .extend(created.map(|(task, _)| Undo::NewTask(task.head.id)));
        Ok(new)
    }

    async fn update_collections(&mut self, rows: &[CollectionRow]) -> Result<(), StoreError> {
        for row in rows {
            if let Some(old) = self.state.replace_collection(row) {
                self.done.push(Undo::OldCollection(Box::new(old)));
            }
        }
        Ok(())
    }

    async fn update_containers(&mut self, rows: &[ContainerRow]) -> Result<(), StoreError> {
        for row in rows {
            if let Some(old) = self.state.update_container(row) {
                self.done.push(Undo::OldContainer(Box::new(old)));
            }
        }
        Ok(())
    }

    async fn update_tasks(&mut self, updates: &[TaskUpdate]) -> Result<(), StoreError> {
        for update in updates {
            if let Some(old) = self
                .state
                .set_status(update.id, Status::new(&update.status))
            {
                self.done.push(Undo::OldStatus(update.id, old));
            }
        }
        Ok(())
    }

    async fn close_tasks(
        &mut self,
        containers: &[ContainerId],
        state: TaskState,
        _now: Timestamp,
    ) -> Result<Vec<Closed>, StoreError> {
        let mut all = Vec::new();
        for container in containers {
            let Some(children) = self.state.children.get(container) else {
                continue;
            };
            let waiting = children.waiting.iter().map(|(_, id)| *id);
            let open: Vec<TaskId> = waiting.chain(children.active.iter().copied()).collect();
            if open.is_empty() {
                continue;
            }
            let mut closed = Closed {
                container: *container,
                waiting: 0,
                running: 0,
                targets: 0,
            };
            for id in open {
                let Some(record) = self.state.tasks.get(&id) else {
                    continue;
                };
                if record.role != Role::Generator {
                    let pending = record.status.state == TaskState::Pending;
                    *if pending {
                        &mut closed.waiting
                    } else {
                        &mut closed.running
                    } += 1;
                    closed.targets = closed
                        .targets
                        .saturating_add(record.targets.saturating_sub(record.status.accounted));
                }
                let status = record.status.closed(state);
                if let Some(old) = self.state.set_status(id, status) {
                    self.done.push(Undo::OldStatus(id, old));
                }
            }
            all.push(closed);
        }
        Ok(all)
    }

    async fn put_data(&mut self, rows: &[ResultRow]) -> Result<(), StoreError> {
        for row in rows {
            let key = RowKey {
                task: row.task,
                seq: row.seq,
            };
            let new = Row {
                attempt: 0,
                body: row.body.clone(),
            };
            let old = self.state.set_row(row.container, key, Some(new));
            self.done
                .push(Undo::Data(row.container, key, old.map(Box::new)));
        }
        Ok(())
    }

    async fn put_outbox(&mut self, rows: &[OutboxRow]) -> Result<(), StoreError> {
        for row in rows {
            if self.state.insert_outbox(*row) {
                self.done.push(Undo::NewOutbox(row.task, row.attempt));
            }
        }
        Ok(())
    }

    async fn remove_outbox(&mut self, rows: &[OutboxRow]) -> Result<(), StoreError> {
        for row in rows {
            if let Some(old) = self.state.remove_outbox(row.task, row.attempt) {
                self.done.push(Undo::OldOutbox(old));
            }
        }
        Ok(())
    }

    async fn due_outbox(
        &mut self,
        before: Timestamp,
        limit: usize,
    ) -> Result<Vec<OutboxRow>, StoreError> {
        let rows = self
            .state
            .outbox_by_time
            .iter()
            .take_while(|(at, ..)| *at <= before);
        let rows = rows.take(limit);
        Ok(rows
            .map(|&(send_at, task, attempt)| OutboxRow::alone(task, attempt, send_at))
            .collect())
    }

    async fn due_tasks(
        &mut self,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<TaskHead>, StoreError> {
        let state = &*self.state;
        let ids = state
            .due
            .iter()
            .take_while(|(at, _)| *at <= now)
            .map(|(_, id)| *id);
        Ok(ids
            .take(limit)
            .filter_map(|id| Some(state.tasks.get(&id)?.head(id)))
            .collect())
    }

    async fn due_containers(&mut self, now: Timestamp) -> Result<Vec<ContainerRow>, StoreError> {
        let state = &*self.state;
        let ids = state.cut_offs.iter().take_while(|(at, _)| *at <= now);
        Ok(ids
            .filter_map(|(_, id)| state.containers.get(id).cloned())
            .collect())
    }

    async fn due_collections(&mut self, now: Timestamp) -> Result<Vec<CollectionRow>, StoreError> {
        let state = &*self.state;
        let ids = state.deadlines.iter().take_while(|(at, _)| *at <= now);
        Ok(ids
            .filter_map(|(_, id)| state.collections.get(id).cloned())
            .collect())
    }

    async fn bare_metal_running(&mut self) -> Result<u64, StoreError> {
        Ok(self.state.bare_metal_running)
    }

    async fn commit(mut self: Box<Self>) -> Result<(), StoreError> {
        self.done.clear();
        Ok(())
    }
}
