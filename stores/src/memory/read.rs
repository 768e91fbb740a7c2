//! Snapshots.

use async_trait::async_trait;
use task_core::id::CollectionId;
use task_core::ports::store::{
    CollectionRow, ContainerRow, Store, StoreError, StoreTx, TaskHead, Trouble,
};

use std::sync::Arc;

use super::MemoryStore;
use super::state::{State, named};
use super::tx::MemoryTx;

#[async_trait]
impl Store for MemoryStore {
    async fn begin(&self) -> Result<Box<dyn StoreTx>, StoreError> {
        Ok(Box::new(MemoryTx::new(
            Arc::clone(&self.state).lock_owned().await,
        )))
    }

    async fn collection(&self, id: CollectionId) -> Result<Option<CollectionRow>, StoreError> {
        Ok(self.state.lock().await.collections.get(&id).cloned())
    }

    async fn containers(&self, id: CollectionId) -> Result<Vec<ContainerRow>, StoreError> {
        Ok(containers_of(&*self.state.lock().await, id))
    }

    async fn troubles(&self, id: CollectionId, limit: usize) -> Result<Vec<Trouble>, StoreError> {
        let state = self.state.lock().await;
        let ids = state.troubles.get(&id).into_iter().flatten().take(limit);
        Ok(ids
            .filter_map(|id| {
                let record = state.tasks.get(id)?;
                Some(Trouble {
                    task: *id,
                    kind: Arc::clone(&record.kind),
                    state: record.status.state,
                    attempts: record.status.attempt,
                    error: record.status.error().cloned(),
                })
            })
            .collect())
    }

    async fn task(&self, id: CollectionId, name: &str) -> Result<Option<TaskHead>, StoreError> {
        let state = self.state.lock().await;
        let task = named(&state.task_names, id, name);
        Ok(task.and_then(|id| Some(state.tasks.get(&id)?.head(id))))
    }

    async fn collections(&self, limit: usize) -> Result<Vec<CollectionRow>, StoreError> {
        let state = self.state.lock().await;
        let ids = state.newest.iter().rev().take(limit);
        Ok(ids
            .filter_map(|(_, id)| state.collections.get(id).cloned())
            .collect())
    }
}

/// The containers of a collection by id, which puts parents before children.
pub(super) fn containers_of(state: &State, id: CollectionId) -> Vec<ContainerRow> {
    let ids = state.containers_of.get(&id).into_iter().flatten();
    ids.filter_map(|id| state.containers.get(id).cloned())
        .collect()
}
