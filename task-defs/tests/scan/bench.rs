//! A bare-metal worker on the bench: an envelope in, rows and a completion out. Its store is as slow
//! as it is told, and it leaves when it is told.

use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use scanners::scope::ScopeSpec;
use serde_json::Value;
use task_core::conformance::ManualRuntime;
use task_core::envelope::{DispatchTask, Fence, WIRE_VERSION};
use task_core::manager::StopHandle;
use task_core::message::{CompleteTask, Message, Outcome, ToManager};
use task_core::ports::data::{DataRow, DataStore, Dataset, RowKey, Writer};
use task_core::ports::recon::{ReconError, ReconStore};
use task_core::ports::runtime::Runtime;
use task_core::ports::store::StoreError;
use task_core::ports::transport::{Outgoing, Transport};
use task_core::recon::{Change, ModelRow, Observation, Observer, Position, Query, Schema};
use task_core::worker::{StockWorker, WorkerLoop};
use task_core::{
    Claim, CollectionId, Payload, Queue, Registry, Resources, TaskDefinition, Timestamp, WorkerKind,
};
use transports::memory::{MemoryConfig, MemoryTransport};
use transports::objects::ObjectStoreObjects;

use crate::machine::{Machine, Seen};

/// What the task has written.
pub(crate) struct Data {
    runtime: ManualRuntime,
    /// How long it takes to write.
    pub(crate) pause: Mutex<Duration>,
    pub(crate) written: Mutex<Vec<Payload>>,
}

impl fmt::Debug for Data {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Data").finish_non_exhaustive()
    }
}

#[async_trait]
impl DataStore for Data {
    async fn dataset(&self, _: CollectionId, _: &str) -> Result<Option<Dataset>, StoreError> {
        Ok(None)
    }

    async fn rows(
        &self,
        _: Dataset,
        _: Option<RowKey>,
        _: usize,
    ) -> Result<Vec<DataRow>, StoreError> {
        Ok(Vec::new())
    }

    async fn count(&self, _: Dataset) -> Result<u64, StoreError> {
        Ok(0)
    }

    async fn write_rows(&self, _: Writer, first: u32, rows: &[Payload]) -> Result<(), StoreError> {
        let pause = *self.pause.lock().unwrap();
        self.runtime.sleep(pause).await;
        let mut written = self.written.lock().unwrap();
        written.truncate(first as usize);
        written.extend_from_slice(rows);
        Ok(())
    }

    async fn value(&self, _: CollectionId, _: &str) -> Result<Option<Payload>, StoreError> {
        Ok(None)
    }

    async fn set_value(&self, _: Writer, _: &str, _: &Payload) -> Result<(), StoreError> {
        Ok(())
    }
}

/// Nothing is known before, and nobody asks what was written.
#[async_trait]
impl ReconStore for Data {
    async fn observe(
        &self,
        _: Observer<'_>,
        _: &Schema,
        _: Timestamp,
        seen: &[Observation],
    ) -> Result<Vec<Change>, ReconError> {
        Ok(vec![Change::Inserted; seen.len()])
    }

    async fn list(
        &self,
        _: &Schema,
        _: &Query,
        _: Option<&Position>,
        _: usize,
    ) -> Result<Vec<ModelRow>, ReconError> {
        Ok(Vec::new())
    }

    async fn count(&self, _: &Schema, _: &Query) -> Result<u64, ReconError> {
        Ok(0)
    }
}

/// A worker, and all that outlives its attempts.
pub(crate) struct Bench {
    pub(crate) runtime: ManualRuntime,
    pub(crate) machine: Arc<Machine>,
    pub(crate) data: Arc<Data>,
    pub(crate) scope: ScopeSpec,
    resources: Arc<Resources>,
    objects: Arc<ObjectStoreObjects>,
    registry: fn() -> Registry,
    attempts: u32,
    cursor: Option<Payload>,
}

impl Bench {
    pub(crate) fn new(registry: fn() -> Registry) -> Self {
        let runtime = ManualRuntime::new(7);
        let resources = Resources::new().with(Machine::new(runtime.clone()));
        Self {
            machine: resources.get().unwrap(),
            data: Arc::new(Data {
                runtime: runtime.clone(),
                pause: Mutex::new(Duration::ZERO),
                written: Mutex::default(),
            }),
            scope: ScopeSpec {
                allow_domains: vec!["example".to_owned()],
                ..ScopeSpec::default()
            },
            resources: Arc::new(resources),
            objects: Arc::new(ObjectStoreObjects::memory()),
            registry,
            attempts: 0,
            cursor: None,
            runtime,
        }
    }

    /// Rows and a cursor that earlier attempts have left.
    pub(crate) fn left_behind(&mut self, rows: &[Value], at: &Value) {
        let rows: Vec<_> = rows
            .iter()
            .map(|row| Payload::encode(row).unwrap())
            .collect();
        let resume = serde_json::json!({"rows": rows.len(), "children": 0, "at": at});
        *self.data.written.lock().unwrap() = rows;
        self.cursor = Some(Payload::encode(&resume).unwrap());
        self.attempts += 1;
    }

    /// Runs one attempt from where the last one has stopped.
    pub(crate) async fn attempt<T: TaskDefinition>(&mut self, task: &T) -> CompleteTask {
        self.attempt_of(task, T::VERSION, Told::Nothing).await
    }

    /// Runs one attempt, in the middle of which something happens.
    pub(crate) async fn attempt_of<T: TaskDefinition>(
        &mut self,
        task: &T,
        version: u32,
        told: Told<'_>,
    ) -> CompleteTask {
        self.attempts += 1;
        let runtime = Arc::new(self.runtime.clone());
        let transport = Arc::new(MemoryTransport::new(
            runtime.clone(),
            MemoryConfig::default(),
        ));
        let worker = StockWorker::new((self.registry)(), transport.clone(), runtime.clone())
            .with_objects(self.objects.clone())
            .with_resources(self.resources.clone())
            .with_data(self.data.clone())
            .with_recon(self.data.clone());
        let (stop, stopped) = StopHandle::new();
        let worker = WorkerLoop::new(
            WorkerKind::BareMetal,
            Arc::new(worker),
            transport.clone(),
            runtime.clone(),
        );
        drop(tokio::spawn(worker.run(stopped)));
        let scope = self.scope.to_json();
        let scope = Claim::store("scope".to_owned(), scope.into(), &*self.objects);
        let now = runtime.now();
        let envelope = DispatchTask {
            v: WIRE_VERSION,
            kind: T::KIND.to_owned(),
            kind_version: version,
            task_id: collection().task(0),
            collection_id: collection(),
            parent_id: collection().container(0),
            ordinal: 0,
            attempt: self.attempts,
            fence: Fence(7),
            start_by: now.after(Duration::from_secs(60)),
            deadline: match told {
                Told::TimeIsOver(after) => Some(now.after(after)),
                _ => None,
            },
            lease: Duration::from_secs(60),
            scope: Some(scope.await.unwrap()),
            trace: String::new(),
            cursor: self.cursor.clone(),
            payload: Payload::encode(task).unwrap(),
        };
        let body = Outgoing::now(envelope.encode().into());
        transport.send(Queue::BareMetal, vec![body]).await.unwrap();
        // What blocks takes no virtual time: see `in_virtual_time`.
        for _ in 0..16 {
            self.runtime.settle().await;
            tokio::task::spawn_blocking(|| ()).await.unwrap();
        }
        let mut told = told;
        let visibility = Duration::from_secs(3600);
        // Ten virtual minutes are more than any attempt takes.
        for step in 0..60_000u64 {
            self.runtime.advance(STEP).await;
            let elapsed = STEP * u32::try_from(step).unwrap();
            match &mut told {
                Told::ToLeave(after) if elapsed >= *after => stop.stop(),
                Told::Meanwhile(after, happens) if elapsed >= *after => happens(),
                _ => {}
            }
            let deliveries = transport
                .receive(Queue::Manager, 10, Duration::ZERO, visibility)
                .await
                .unwrap();
            for delivery in deliveries {
                // There are signs of life, too.
                if let Message::CompleteTask(done) = ToManager::decode(&delivery.body).unwrap().body
                {
                    if let Outcome::Deadline { cursor, .. } = &done.outcome {
                        self.cursor = Some(cursor.clone());
                    }
                    return *done;
                }
            }
        }
        panic!("the attempt does not end")
    }

    /// The numbers of the targets that have a row, sorted; with how long each look took at most.
    pub(crate) fn rows(&self) -> (Vec<u32>, u64) {
        let rows = self.data.written.lock().unwrap();
        let rows: Vec<Seen> = rows.iter().map(|row| row.decode().unwrap()).collect();
        let mut numbers: Vec<u32> = rows.iter().map(|row| row.n).collect();
        numbers.sort_unstable();
        let longest = rows.iter().map(|row| row.took).max();
        (numbers, longest.unwrap_or(0))
    }
}

/// Runs a test, with one thread for all that blocks: whoever gives it something to do and waits
/// knows that what was there before is done.
pub(crate) fn in_virtual_time(test: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(1)
        .build()
        .unwrap()
        .block_on(test);
}

const STEP: Duration = Duration::from_millis(10);

/// What happens in the middle of an attempt.
pub(crate) enum Told<'a> {
    Nothing,
    /// The worker is to leave, after so long.
    ToLeave(Duration),
    /// There is so much time in all.
    TimeIsOver(Duration),
    /// Something else, after so long.
    Meanwhile(Duration, &'a mut (dyn FnMut() + Send)),
}

pub(crate) fn collection() -> CollectionId {
    "01890a5d-ac96-774b-bcce-b302099a8057".parse().unwrap()
}
