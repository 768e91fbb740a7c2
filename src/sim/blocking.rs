//! A store that does real I/O, for one thread: every call is over when it returns, so that no
//! other thread decides what happens next.

use std::sync::Arc;

use async_trait::async_trait;
use task_core::ports::data::{DataRow, DataStore, Dataset, RowKey, Writer};
use task_core::ports::recon::{ReconError, ReconStore};
use task_core::ports::store::{
    Closed, CollectionRow, ContainerRow, OutboxRow, ResultRow, Store, StoreError, StoreTx, Task,
    TaskHead, TaskUpdate, Trouble,
};
use task_core::recon::{Change, ModelRow, Observation, Observer, Position, Query, Schema};
use task_core::{CollectionId, ContainerId, MessageId, Payload, TaskId, TaskState, Timestamp};
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tokio::sync::{Mutex, OwnedMutexGuard};

/// A store, and a runtime for its I/O. Who writes waits here, under the simulation's eyes, and not
/// inside of the database.
#[derive(Debug)]
pub(super) struct Blocking<S> {
    store: S,
    runtime: Arc<Runtime>,
    writer: Arc<Mutex<()>>,
    /// What the store needs for as long as it is open.
    _folder: Option<TempDir>,
}

impl<S> Blocking<S> {
    /// The store that `open` makes, on the runtime that it is used on.
    pub(super) fn open(
        open: impl Future<Output = Result<S, StoreError>>,
    ) -> Result<Self, StoreError> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| StoreError::Backend(error.into()))?;
        Ok(Self {
            store: runtime.block_on(open)?,
            runtime: Arc::new(runtime),
            writer: Arc::default(),
            _folder: None,
        })
    }
}

#[cfg(feature = "sqlite")]
impl Blocking<stores::SqliteStore> {
    /// In a temporary folder.
    pub(super) fn sqlite() -> Result<Self, StoreError> {
        let folder = tempfile::tempdir().map_err(|error| StoreError::Backend(error.into()))?;
        let file = folder.path().join("state.sqlite");
        Ok(Self {
            _folder: Some(folder),
            ..Self::open(stores::SqliteStore::open(file))?
        })
    }
}

#[async_trait]
impl<S: DataStore> DataStore for Blocking<S> {
    async fn dataset(
        &self,
        collection: CollectionId,
        name: &str,
    ) -> Result<Option<Dataset>, StoreError> {
        self.runtime.block_on(self.store.dataset(collection, name))
    }

    async fn rows(
        &self,
        dataset: Dataset,
        after: Option<RowKey>,
        limit: usize,
    ) -> Result<Vec<DataRow>, StoreError> {
        self.runtime
            .block_on(self.store.rows(dataset, after, limit))
    }

    async fn count(&self, dataset: Dataset) -> Result<u64, StoreError> {
        self.runtime
            .block_on(DataStore::count(&self.store, dataset))
    }

    async fn write_rows(
        &self,
        writer: Writer,
        first: u32,
        rows: &[Payload],
    ) -> Result<(), StoreError> {
        let _alone = self.writer.lock().await;
        self.runtime
            .block_on(self.store.write_rows(writer, first, rows))
    }

    async fn value(
        &self,
        collection: CollectionId,
        key: &str,
    ) -> Result<Option<Payload>, StoreError> {
        self.runtime.block_on(self.store.value(collection, key))
    }

    async fn set_value(
        &self,
        writer: Writer,
        key: &str,
        value: &Payload,
    ) -> Result<(), StoreError> {
        let _alone = self.writer.lock().await;
        self.runtime
            .block_on(self.store.set_value(writer, key, value))
    }
}

#[async_trait]
impl<S: ReconStore> ReconStore for Blocking<S> {
    async fn observe(
        &self,
        observer: Observer<'_>,
        schema: &Schema,
        at: Timestamp,
        seen: &[Observation],
    ) -> Result<Vec<Change>, ReconError> {
        let _alone = self.writer.lock().await;
        self.runtime
            .block_on(self.store.observe(observer, schema, at, seen))
    }

    async fn list(
        &self,
        schema: &Schema,
        query: &Query,
        after: Option<&Position>,
        limit: usize,
    ) -> Result<Vec<ModelRow>, ReconError> {
        self.runtime
            .block_on(self.store.list(schema, query, after, limit))
    }

    async fn count(&self, schema: &Schema, query: &Query) -> Result<u64, ReconError> {
        // The data port has a `count`, too.
        self.runtime
            .block_on(ReconStore::count(&self.store, schema, query))
    }
}

#[async_trait]
impl<S: Store> Store for Blocking<S> {
    async fn begin(&self) -> Result<Box<dyn StoreTx>, StoreError> {
        let alone = Arc::clone(&self.writer).lock_owned().await;
        let inner = self.runtime.block_on(self.store.begin())?;
        Ok(Box::new(Transaction {
            inner: Some(inner),
            runtime: Arc::clone(&self.runtime),
            _alone: alone,
        }))
    }

    async fn collection(&self, id: CollectionId) -> Result<Option<CollectionRow>, StoreError> {
        self.runtime.block_on(self.store.collection(id))
    }

    async fn containers(&self, id: CollectionId) -> Result<Vec<ContainerRow>, StoreError> {
        self.runtime.block_on(self.store.containers(id))
    }

    async fn troubles(&self, id: CollectionId, limit: usize) -> Result<Vec<Trouble>, StoreError> {
        self.runtime.block_on(self.store.troubles(id, limit))
    }

    async fn task(&self, id: CollectionId, name: &str) -> Result<Option<TaskHead>, StoreError> {
        self.runtime.block_on(self.store.task(id, name))
    }

    async fn collections(&self, limit: usize) -> Result<Vec<CollectionRow>, StoreError> {
        self.runtime.block_on(self.store.collections(limit))
    }
}

struct Transaction {
    /// Absent once it is committed.
    inner: Option<Box<dyn StoreTx>>,
    runtime: Arc<Runtime>,
    _alone: OwnedMutexGuard<()>,
}

impl Drop for Transaction {
    fn drop(&mut self) {
        // Undoing wants tokio's context.
        let _context = self.runtime.enter();
        self.inner = None;
    }
}

/// Each primitive, passed on.
macro_rules! pass_on {
    ($(fn $name:ident(&mut self $(, $arg:ident: $kind:ty)*) -> $out:ty;)*) => {
        #[async_trait]
        impl StoreTx for Transaction {
            $(async fn $name(&mut self $(, $arg: $kind)*) -> Result<$out, StoreError> {
                let Self { inner, runtime, .. } = self;
                match inner {
                    Some(inner) => runtime.block_on(inner.$name($($arg),*)),
                    None => Err(StoreError::Backend("the transaction is over".into())),
                }
            })*

            async fn commit(mut self: Box<Self>) -> Result<(), StoreError> {
                match self.inner.take() {
                    Some(inner) => self.runtime.block_on(inner.commit()),
                    None => Err(StoreError::Backend("the transaction is over".into())),
                }
            }
        }
    };
}

pass_on! {
    fn inbox(&mut self, ids: &[MessageId], now: Timestamp) -> Vec<bool>;
    fn prune_inbox(&mut self, before: Timestamp) -> u64;
    fn collections(&mut self, ids: &[CollectionId]) -> Vec<CollectionRow>;
    fn containers(&mut self, ids: &[ContainerId]) -> Vec<ContainerRow>;
    fn containers_of(&mut self, id: CollectionId) -> Vec<ContainerRow>;
    fn heads(&mut self, ids: &[TaskId]) -> Vec<TaskHead>;
    fn tasks(&mut self, ids: &[TaskId]) -> Vec<Task>;
    fn waiting(&mut self, wanted: &[(ContainerId, u32)]) -> Vec<Task>;
    fn count_from(&mut self, container: ContainerId, from: u32) -> u64;
    fn insert_collections(&mut self, rows: &[CollectionRow]) -> ();
    fn insert_containers(&mut self, rows: &[ContainerRow]) -> ();
    fn insert_tasks(&mut self, tasks: &[Task]) -> Vec<bool>;
    fn update_collections(&mut self, rows: &[CollectionRow]) -> ();
    fn update_containers(&mut self, rows: &[ContainerRow]) -> ();
    fn update_tasks(&mut self, updates: &[TaskUpdate]) -> ();
    fn close_tasks(&mut self, containers: &[ContainerId], state: TaskState, now: Timestamp) -> Vec<Closed>;
    fn put_data(&mut self, rows: &[ResultRow]) -> ();
    fn put_outbox(&mut self, rows: &[OutboxRow]) -> ();
    fn remove_outbox(&mut self, rows: &[OutboxRow]) -> ();
    fn due_outbox(&mut self, before: Timestamp, limit: usize) -> Vec<OutboxRow>;
    fn due_tasks(&mut self, now: Timestamp, limit: usize) -> Vec<TaskHead>;
    fn due_containers(&mut self, now: Timestamp) -> Vec<ContainerRow>;
    fn due_collections(&mut self, now: Timestamp) -> Vec<CollectionRow>;
    fn bare_metal_running(&mut self) -> u64;
}
