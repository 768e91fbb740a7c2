//! Ports that fail when they are told to.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use sortie::core::id::ContainerId;
use sortie::core::ports::data::{DataRow, DataStore, Dataset, RowKey, Writer};
use sortie::core::ports::store::{
    Closed, CollectionRow, ContainerRow, OutboxRow, ResultRow, Store, StoreError, StoreTx, Task,
    TaskHead, TaskUpdate, Trouble,
};
use sortie::core::ports::transport::{
    CarrierLimits, Delivery, Outgoing, ParkReason, Parked, Receipt, Transport, TransportError,
};
use sortie::core::{CollectionId, MessageId, Payload, Queue, TaskId, Timestamp};

/// What the decorators do wrong, and how often.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    /// Transactions that cannot be opened.
    pub(crate) begins: AtomicU32,
    /// Commits that lose a race.
    pub(crate) conflicts: AtomicU32,
    /// Commits that fail.
    pub(crate) commits: AtomicU32,
    /// Commits that succeed but do not say so.
    pub(crate) lies: AtomicU32,
    /// Sends of which nothing is known.
    pub(crate) sends: AtomicU32,
    /// Messages that are refused one by one.
    pub(crate) refusals: AtomicU32,
    /// Receives of the manager that fail right behind one that has brought something.
    pub(crate) gathers: AtomicU32,
    /// Tasks whose new status the store refuses.
    pub(crate) poison: Mutex<Vec<TaskId>>,
}

impl Faults {
    /// No faults yet.
    pub(crate) fn new() -> Arc<Self> {
        Arc::default()
    }

    /// All that are counted, but for those that only a manager in its loop meets.
    pub(crate) const fn all(&self) -> [&AtomicU32; 6] {
        let store = [&self.begins, &self.conflicts, &self.commits, &self.lies];
        let [a, b, c, d] = store;
        [a, b, c, d, &self.sends, &self.refusals]
    }
}

fn due(times: &AtomicU32) -> bool {
    times
        .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1))
        .is_ok()
}

fn backend() -> StoreError {
    StoreError::Backend("the test pulled the plug".into())
}

fn cut() -> TransportError {
    TransportError::Backend("the test cut the wire".into())
}

/// A store with faults.
#[derive(Debug)]
pub(crate) struct FaultyStore {
    inner: Arc<dyn Store>,
    faults: Arc<Faults>,
}

impl FaultyStore {
    /// Around another.
    pub(crate) fn new(inner: Arc<dyn Store>, faults: Arc<Faults>) -> Arc<Self> {
        Arc::new(Self { inner, faults })
    }
}

struct FaultyTx {
    inner: Box<dyn StoreTx>,
    faults: Arc<Faults>,
}

#[async_trait]
impl Store for FaultyStore {
    async fn begin(&self) -> Result<Box<dyn StoreTx>, StoreError> {
        if due(&self.faults.begins) {
            return Err(backend());
        }
        let (inner, faults) = (self.inner.begin().await?, Arc::clone(&self.faults));
        Ok(Box::new(FaultyTx { inner, faults }))
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
impl DataStore for FaultyStore {
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

macro_rules! pass_on {
    ($($name:ident($($arg:ident: $type:ty),*) -> $out:ty;)*) => {
        #[async_trait]
        impl StoreTx for FaultyTx {
            $(async fn $name(&mut self, $($arg: $type),*) -> Result<$out, StoreError> {
                self.inner.$name($($arg),*).await
            })*

            async fn update_tasks(&mut self, updates: &[TaskUpdate]) -> Result<(), StoreError> {
                let poisoned = {
                    let poison = self.faults.poison.lock().unwrap();
                    updates.iter().any(|update| poison.contains(&update.id))
                };
                if poisoned {
                    return Err(StoreError::Refused("poison".to_owned()));
                }
                self.inner.update_tasks(updates).await
            }

            async fn commit(self: Box<Self>) -> Result<(), StoreError> {
                if due(&self.faults.conflicts) {
                    return Err(StoreError::Conflict);
                }
                if due(&self.faults.commits) {
                    return Err(backend());
                }
                self.inner.commit().await?;
                if due(&self.faults.lies) { Err(backend()) } else { Ok(()) }
            }
        }
    };
}

pass_on! {
    inbox(ids: &[MessageId], now: Timestamp) -> Vec<bool>;
    prune_inbox(before: Timestamp) -> u64;
    collections(ids: &[CollectionId]) -> Vec<CollectionRow>;
    containers(ids: &[ContainerId]) -> Vec<ContainerRow>;
    containers_of(id: CollectionId) -> Vec<ContainerRow>;
    heads(ids: &[TaskId]) -> Vec<TaskHead>;
    tasks(ids: &[TaskId]) -> Vec<Task>;
    waiting(wanted: &[(ContainerId, u32)]) -> Vec<Task>;
    count_from(container: ContainerId, from: u32) -> u64;
    insert_collections(rows: &[CollectionRow]) -> ();
    insert_containers(rows: &[ContainerRow]) -> ();
    insert_tasks(tasks: &[Task]) -> Vec<bool>;
    update_collections(rows: &[CollectionRow]) -> ();
    update_containers(rows: &[ContainerRow]) -> ();
    close_tasks(containers: &[ContainerId], state: sortie::core::TaskState, now: Timestamp) -> Vec<Closed>;
    put_data(rows: &[ResultRow]) -> ();
    put_outbox(rows: &[OutboxRow]) -> ();
    remove_outbox(rows: &[OutboxRow]) -> ();
    due_outbox(before: Timestamp, limit: usize) -> Vec<OutboxRow>;
    due_tasks(now: Timestamp, limit: usize) -> Vec<TaskHead>;
    due_containers(now: Timestamp) -> Vec<ContainerRow>;
    due_collections(now: Timestamp) -> Vec<CollectionRow>;
    bare_metal_running() -> u64;
}

/// A carrier with faults: only what is sent to workers is lost.
#[derive(Debug)]
pub(crate) struct FaultyTransport {
    inner: Arc<dyn Transport>,
    faults: Arc<Faults>,
    /// Whether the manager's last receive has brought something.
    brought: AtomicBool,
}

impl FaultyTransport {
    /// Around another.
    pub(crate) fn new(inner: Arc<dyn Transport>, faults: Arc<Faults>) -> Arc<Self> {
        let brought = AtomicBool::new(false);
        Arc::new(Self {
            inner,
            faults,
            brought,
        })
    }
}

#[async_trait]
impl Transport for FaultyTransport {
    fn limits(&self) -> CarrierLimits {
        self.inner.limits()
    }

    async fn send(
        &self,
        queue: Queue,
        messages: Vec<Outgoing>,
    ) -> Result<Vec<Result<(), TransportError>>, TransportError> {
        if queue == Queue::Manager {
            return self.inner.send(queue, messages).await;
        }
        if due(&self.faults.sends) {
            return Err(cut());
        }
        let mut results = Vec::new();
        for message in messages {
            results.push(if due(&self.faults.refusals) {
                Err(cut())
            } else {
                self.inner.send(queue, vec![message]).await?.remove(0)
            });
        }
        Ok(results)
    }

    async fn receive(
        &self,
        queue: Queue,
        max: usize,
        wait: Duration,
        visibility: Duration,
    ) -> Result<Vec<Delivery>, TransportError> {
        let of_manager = queue == Queue::Manager;
        if of_manager && self.brought.swap(false, Ordering::SeqCst) && due(&self.faults.gathers) {
            return Err(cut());
        }
        let deliveries = self.inner.receive(queue, max, wait, visibility).await?;
        if of_manager {
            self.brought.store(!deliveries.is_empty(), Ordering::SeqCst);
        }
        Ok(deliveries)
    }

    async fn ack(&self, queue: Queue, receipts: &[Receipt]) -> Result<(), TransportError> {
        self.inner.ack(queue, receipts).await
    }

    async fn extend(
        &self,
        queue: Queue,
        receipt: &Receipt,
        visibility: Duration,
    ) -> Result<(), TransportError> {
        self.inner.extend(queue, receipt, visibility).await
    }

    async fn park(
        &self,
        queue: Queue,
        delivery: Delivery,
        reason: ParkReason,
    ) -> Result<(), TransportError> {
        self.inner.park(queue, delivery, reason).await
    }

    async fn parked(&self, queue: Queue, max: usize) -> Result<Vec<Parked>, TransportError> {
        self.inner.parked(queue, max).await
    }

    async fn redrive(&self, queue: Queue) -> Result<usize, TransportError> {
        self.inner.redrive(queue).await
    }

    async fn depth(&self, queue: Queue) -> Result<u64, TransportError> {
        self.inner.depth(queue).await
    }
}
