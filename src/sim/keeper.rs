//! The store as one machine sees it: the real one, with faults in between; what is committed is
//! told to the model.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;

use async_trait::async_trait;
use task_core::ports::data::{DataRow, DataStore, Dataset, RowKey, Writer};
use task_core::ports::objects::Objects;
use task_core::ports::recon::ReconStore;
use task_core::ports::store::{
    CollectionRow, ContainerRow, Store, StoreError, StoreTx, TaskHead, Trouble,
};
use task_core::{CollectionId, Payload, TaskId};

use super::audit::Audit;
use super::chaos::Chaos;
use super::faults::Fault;
use super::model::Model;
use super::paths::Path;
use super::transaction::Transaction;
use super::world::{Machine, MachineRuntime, World};

/// What all machines' views of the store share.
#[derive(Clone)]
pub(super) struct Shared {
    pub(super) store: Arc<dyn Store>,
    pub(super) recon: Arc<dyn ReconStore>,
    pub(super) world: Arc<World>,
    pub(super) chaos: Arc<Chaos>,
    pub(super) model: Arc<Mutex<Model>>,
    pub(super) audit: Arc<Mutex<Audit>>,
    pub(super) objects: Arc<dyn Objects>,
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
    pub(super) runtime: Arc<MachineRuntime>,
    /// Whether it is a Lambda or a machine that can die in the middle of a write.
    pub(super) mortal_writes: bool,
}

impl Keeper {
    pub(super) fn machine(&self) -> Machine {
        self.runtime.machine()
    }

    pub(super) fn strikes(&self, fault: Fault) -> bool {
        self.shared.chaos.strikes(fault, self.machine()).is_some()
    }

    pub(super) fn audit(&self) -> MutexGuard<'_, Audit> {
        let audit = self.shared.audit.lock();
        audit.unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) async fn die<T>(&self) -> T {
        let (chaos, world) = (&self.shared.chaos, &self.shared.world);
        chaos.note(self.machine(), format_args!("dies"));
        world.kill(self.machine());
        std::future::pending().await
    }

    pub(super) fn connection(&self) -> Result<(), StoreError> {
        if self.strikes(Fault::StoreDisconnect) {
            return Err(broken("the connection broke"));
        }
        Ok(())
    }

    /// Around a write of a worker: it may be lost, done without an answer, or its last deed.
    pub(super) async fn around<T, E: From<StoreError>>(
        &self,
        write: impl Future<Output = Result<T, E>> + Send,
        done: impl FnOnce(&Shared) + Send,
    ) -> Result<T, E> {
        self.connection()?;
        if self.mortal_writes && self.strikes(Fault::WorkerDiesDuringWork) {
            return self.die().await;
        }
        self.runtime.way().await;
        let result = write.await?;
        done(&self.shared);
        self.runtime.way().await;
        if self.mortal_writes && self.strikes(Fault::WorkerDiesDuringWork) {
            return self.die().await;
        }
        if self.strikes(Fault::CommitAnswerLost) {
            return Err(broken("the answer was lost").into());
        }
        Ok(result)
    }
}

pub(super) fn broken(why: &'static str) -> StoreError {
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
        self.runtime.way().await;
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
            shared.chaos.note(self.machine(), note);
            shared.count_rows(writer.task, first, rows.len());
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
            shared.chaos.note(self.machine(), note);
            let verdict = shared.model().wrote_value(writer);
            shared.judge(verdict);
        })
        .await
    }
}

impl Shared {
    /// Which rare ways this write of rows takes.
    fn count_rows(&self, task: TaskId, first: u32, rows: usize) {
        let before = self
            .model()
            .tasks
            .get(&task)
            .map_or(0, |leaf| leaf.rows.len());
        if first > 0 {
            self.chaos.passed(Path::RowsContinued);
        }
        if before > first as usize + rows {
            self.chaos.passed(Path::RowsLeftOver);
        }
    }

    pub(super) fn judge(&self, verdict: Result<(), String>) {
        if let Err(violation) = verdict {
            self.chaos.violated(violation);
        }
    }
}

#[async_trait]
impl Store for Keeper {
    async fn begin(&self) -> Result<Box<dyn StoreTx>, StoreError> {
        self.connection()?;
        self.runtime.way().await;
        let mut begin = self.shared.store.begin();
        let mut inner = match futures_util::poll!(&mut begin) {
            Poll::Ready(inner) => inner?,
            Poll::Pending => {
                self.shared.chaos.passed(Path::TransactionsMet);
                begin.await?
            }
        };
        let suspects = self.shared.model().suspects();
        if let Some(traces) = suspects {
            let found = traces.look(&mut *inner).await?;
            let verdict = self.shared.model().check_traces(&traces, &found);
            self.shared.judge(verdict);
        }
        Ok(Box::new(Transaction::new(self.clone(), inner)))
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

impl fmt::Debug for Keeper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keeper")
            .field("machine", &self.machine())
            .finish_non_exhaustive()
    }
}
