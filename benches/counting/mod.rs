//! A store that counts what the manager asks of it.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use async_trait::async_trait;
use sortie::core::ports::data::{DataRow, DataStore, Dataset, RowKey, Writer};
use sortie::core::ports::store::{
    Closed, CollectionRow, ContainerRow, OutboxRow, ResultRow, Store, StoreError, StoreTx, Task,
    TaskHead, TaskUpdate, Trouble,
};
use sortie::core::{CollectionId, ContainerId, MessageId, Payload, TaskId, TaskState, Timestamp};
use sortie::stores::MemoryStore;
#[cfg(feature = "sqlite")]
use sortie::stores::SqliteStore;

/// What was counted.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    transactions: AtomicU64,
    primitives: AtomicU64,
    messages: AtomicU64,
    /// Transactions and statements, of a store that counts these.
    #[cfg(feature = "postgres")]
    postgres: std::sync::OnceLock<stores::PostgresStore>,
    /// Ends when the counts do, and so behind the store.
    #[cfg(feature = "postgres")]
    server: std::sync::OnceLock<crate::server::Server>,
}

impl Counts {
    /// Transactions that were committed.
    pub(crate) fn transactions(&self) -> u64 {
        self.transactions.load(Relaxed)
    }

    /// Messages that a transaction took, on average.
    pub(crate) fn messages_per_transaction(&self) -> f64 {
        self.messages.load(Relaxed) as f64 / self.transactions().max(1) as f64
    }

    /// Statements that a transaction sent, on average, where they are counted.
    pub(crate) fn statements_per_transaction(&self) -> Option<f64> {
        #[cfg(feature = "postgres")]
        if let Some(store) = self.postgres.get() {
            let (transactions, statements) = store.statements();
            return Some(statements as f64 / transactions.max(1) as f64);
        }
        None
    }

    /// Bulk primitives that a transaction called, on average.
    pub(crate) fn primitives_per_transaction(&self) -> f64 {
        self.primitives.load(Relaxed) as f64 / self.transactions().max(1) as f64
    }
}

/// Opens a store by name, counted.
pub(crate) async fn open(
    name: &str,
    folder: &Path,
) -> anyhow::Result<(Arc<dyn Store>, Arc<Counts>)> {
    let counts = Arc::new(Counts::default());
    let inner: Arc<dyn Store> = match name {
        "memory" => Arc::new(MemoryStore::new()),
        #[cfg(feature = "postgres")]
        "postgres" => {
            let server =
                crate::server::Server::start(&["--durable"]).map_err(anyhow::Error::msg)?;
            let options = stores::PostgresOptions::parse(&server.address)?;
            let store = stores::PostgresStore::open(&options.plain_on_loopback()).await?;
            let _ = counts.server.set(server);
            let _ = counts.postgres.set(store.clone());
            Arc::new(store)
        }
        #[cfg(feature = "sqlite")]
        "sqlite" => Arc::new(SqliteStore::open(folder.join("bench.sqlite")).await?),
        other => anyhow::bail!("no store `{other}`; there are memory, sqlite and postgres"),
    };
    Ok((
        Arc::new(Counting {
            inner,
            counts: Arc::clone(&counts),
        }),
        counts,
    ))
}

#[derive(Debug)]
struct Counting {
    inner: Arc<dyn Store>,
    counts: Arc<Counts>,
}

struct CountingTx {
    inner: Box<dyn StoreTx>,
    counts: Arc<Counts>,
}

#[async_trait]
impl DataStore for Counting {
    async fn dataset(&self, id: CollectionId, name: &str) -> Result<Option<Dataset>, StoreError> {
        self.inner.dataset(id, name).await
    }

    async fn rows(
        &self,
        dataset: Dataset,
        after: Option<RowKey>,
        limit: usize,
    ) -> Result<Vec<DataRow>, StoreError> {
        self.inner.rows(dataset, after, limit).await
    }

    async fn count(&self, dataset: Dataset) -> Result<u64, StoreError> {
        self.inner.count(dataset).await
    }

    async fn write_rows(
        &self,
        writer: Writer,
        first: u32,
        rows: &[Payload],
    ) -> Result<(), StoreError> {
        self.inner.write_rows(writer, first, rows).await
    }

    async fn value(&self, id: CollectionId, key: &str) -> Result<Option<Payload>, StoreError> {
        self.inner.value(id, key).await
    }

    async fn set_value(
        &self,
        writer: Writer,
        key: &str,
        value: &Payload,
    ) -> Result<(), StoreError> {
        self.inner.set_value(writer, key, value).await
    }
}

#[async_trait]
impl Store for Counting {
    async fn begin(&self) -> Result<Box<dyn StoreTx>, StoreError> {
        let inner = self.inner.begin().await?;
        Ok(Box::new(CountingTx {
            inner,
            counts: Arc::clone(&self.counts),
        }))
    }

    async fn collection(&self, id: CollectionId) -> Result<Option<CollectionRow>, StoreError> {
        self.inner.collection(id).await
    }

    async fn containers(&self, id: CollectionId) -> Result<Vec<ContainerRow>, StoreError> {
        self.inner.containers(id).await
    }

    async fn troubles(&self, id: CollectionId, limit: usize) -> Result<Vec<Trouble>, StoreError> {
        self.inner.troubles(id, limit).await
    }

    async fn task(&self, id: CollectionId, name: &str) -> Result<Option<TaskHead>, StoreError> {
        self.inner.task(id, name).await
    }

    async fn collections(&self, limit: usize) -> Result<Vec<CollectionRow>, StoreError> {
        self.inner.collections(limit).await
    }
}

#[async_trait]
impl StoreTx for CountingTx {
    fn applies(&mut self, messages: &[MessageId], now: Timestamp) {
        self.counts
            .messages
            .fetch_add(messages.len() as u64, Relaxed);
        self.inner.applies(messages, now);
    }

    async fn inbox(&mut self, ids: &[MessageId], now: Timestamp) -> Result<Vec<bool>, StoreError> {
        self.counts.primitives.fetch_add(1, Relaxed);
        self.inner.inbox(ids, now).await
    }

    async fn prune_inbox(&mut self, before: Timestamp) -> Result<u64, StoreError> {
        self.counts.primitives.fetch_add(1, Relaxed);
        self.inner.prune_inbox(before).await
    }

    async fn collections(
        &mut self,
        ids: &[CollectionId],
    ) -> Result<Vec<CollectionRow>, StoreError> {
        self.counts.primitives.fetch_add(1, Relaxed);
        self.inner.collections(ids).await
    }

    async fn containers(&mut self, ids: &[ContainerId]) -> Result<Vec<ContainerRow>, StoreError> {
        self.counts.primitives.fetch_add(1, Relaxed);
        self.inner.containers(ids).await
    }

    async fn containers_of(&mut self, id: CollectionId) -> Result<Vec<ContainerRow>, StoreError> {
        self.counts.primitives.fetch_add(1, Relaxed);
        self.inner.containers_of(id).await
    }

    async fn heads(&mut self, ids: &[TaskId]) -> Result<Vec<TaskHead>, StoreError> {
        self.counts.primitives.fetch_add(1, Relaxed);
        self.inner.heads(ids).await
    }

    async fn tasks(&mut self, ids: &[TaskId]) -> Result<Vec<Task>, StoreError> {
        self.counts.primitives.fetch_add(1, Relaxed);
        self.inner.tasks(ids).await
    }

    async fn waiting(&mut self, wanted: &[(ContainerId, u32)]) -> Result<Vec<Task>, StoreError> {
        self.counts.primitives.fetch_add(1, Relaxed);
        self.inner.waiting(wanted).await
    }

    async fn count_from(&mut self, container: ContainerId, from: u32) -> Result<u64, StoreError> {
        self.counts.primitives.fetch_add(1, Relaxed);
        self.inner.count_from(container, from).await
    }

    async fn insert_collections(&mut self, rows: &[CollectionRow]) -> Result<(), StoreError> {
        self.counts.primitives.fetch_add(1, Relaxed);
        self.inner.insert_collections(rows).await
    }

    async fn insert_containers(&mut self, rows: &[ContainerRow]) -> Result<(), StoreError> {
        self.counts.primitives.fetch_add(1, Relaxed);
        self.inner.insert_containers(rows).await
    }

    async fn insert_tasks(&mut self, tasks: &[Task]) -> Result<Vec<bool>, StoreError> {
        self.counts.primitives.fetch_add(1, Relaxed);
        self.inner.insert_tasks(tasks).await
    }

    async fn update_collections(&mut self, rows: &[CollectionRow]) -> Result<(), StoreError> {
        self.counts.primitives.fetch_add(1, Relaxed);
        self.inner.update_collections(rows).await
    }

    async fn update_containers(&mut self, rows: &[ContainerRow]) -> Result<(), StoreError> {
        self.counts.primitives.fetch_add(1, Relaxed);
        self.inner.update_containers(rows).await
    }

    async fn update_tasks(&mut self, updates: &[TaskUpdate]) -> Result<(), StoreError> {
        self.counts.primitives.fetch_add(1, Relaxed);
        self.inner.update_tasks(updates).await
    }

    async fn close_tasks(
        &mut self,
        containers: &[ContainerId],
        state: TaskState,
        now: Timestamp,
    ) -> Result<Vec<Closed>, StoreError> {
        self.counts.primitives.fetch_add(1, Relaxed);
        self.inner.close_tasks(containers, state, now).await
    }

    async fn put_data(&mut self, rows: &[ResultRow]) -> Result<(), StoreError> {
        self.counts.primitives.fetch_add(1, Relaxed);
        self.inner.put_data(rows).await
    }

    async fn put_outbox(&mut self, rows: &[OutboxRow]) -> Result<(), StoreError> {
        self.counts.primitives.fetch_add(1, Relaxed);
        self.inner.put_outbox(rows).await
    }

    async fn remove_outbox(&mut self, rows: &[OutboxRow]) -> Result<(), StoreError> {
        self.counts.primitives.fetch_add(1, Relaxed);
        self.inner.remove_outbox(rows).await
    }

    async fn due_outbox(
        &mut self,
        before: Timestamp,
        limit: usize,
    ) -> Result<Vec<OutboxRow>, StoreError> {
        self.counts.primitives.fetch_add(1, Relaxed);
        self.inner.due_outbox(before, limit).await
    }

    async fn due_tasks(
        &mut self,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<TaskHead>, StoreError> {
        self.counts.primitives.fetch_add(1, Relaxed);
        self.inner.due_tasks(now, limit).await
    }

    async fn due_containers(&mut self, now: Timestamp) -> Result<Vec<ContainerRow>, StoreError> {
        self.counts.primitives.fetch_add(1, Relaxed);
        self.inner.due_containers(now).await
    }

    async fn due_collections(&mut self, now: Timestamp) -> Result<Vec<CollectionRow>, StoreError> {
        self.counts.primitives.fetch_add(1, Relaxed);
        self.inner.due_collections(now).await
    }

    async fn bare_metal_running(&mut self) -> Result<u64, StoreError> {
        self.counts.primitives.fetch_add(1, Relaxed);
        self.inner.bare_metal_running().await
    }

    async fn commit(self: Box<Self>) -> Result<(), StoreError> {
        self.counts.transactions.fetch_add(1, Relaxed);
        self.inner.commit().await
    }
}
