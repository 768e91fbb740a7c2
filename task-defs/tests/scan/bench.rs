//! A bare-metal worker on the bench: an envelope in, rows and a completion out. A machine has so
//! many files, a store is as slow as it is told, and the worker leaves when it is told.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use scanners::scope::ScopeSpec;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sortie_task_defs::scan::{Found, InvalidOption, LocalFailure, Probe, Scan, Target, Tools};
use task_core::conformance::ManualRuntime;
use task_core::envelope::{DispatchTask, Fence, WIRE_VERSION};
use task_core::manager::StopHandle;
use task_core::message::{CompleteTask, Message, Outcome, ToManager};
use task_core::ports::data::{DataRow, DataStore, Dataset, RowKey, Writer};
use task_core::ports::runtime::Runtime;
use task_core::ports::store::StoreError;
use task_core::ports::transport::{Outgoing, Transport};
use task_core::worker::{StockWorker, WorkerLoop};
use task_core::{
    Claim, CollectionId, Payload, Queue, Registry, Resources, TaskDefinition, TaskError, WorkerKind,
};
use transports::memory::{MemoryConfig, MemoryTransport};
use transports::objects::ObjectStoreObjects;

/// The machine that looks are made on.
pub(crate) struct Machine {
    pub(crate) runtime: ManualRuntime,
    /// How many looks there is a file for.
    pub(crate) files: AtomicUsize,
    pub(crate) open: AtomicUsize,
    pub(crate) most_open: AtomicUsize,
    pub(crate) refused: AtomicUsize,
    /// How often each target was looked at to the end.
    pub(crate) looked: Mutex<BTreeMap<u32, u32>>,
}

/// Looks that take a file each, and their time.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Slow {}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Sight {
    pub(crate) n: u32,
    /// How long a look takes.
    pub(crate) millis: u64,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Seen {
    pub(crate) n: u32,
    /// How long it took.
    pub(crate) took: u64,
}

impl Target for Sight {
    type Key = u32;

    fn key(&self) -> u32 {
        self.n
    }
}

impl Probe for Slow {
    const FAMILY: &'static str = "slow";
    const METHOD: &'static str = "none";
    type Row = Sight;
    type Target = Sight;
    type Record = Seen;
    type Scanner = Arc<Machine>;

    fn check(&self) -> Result<(), InvalidOption> {
        Ok(())
    }

    fn deadline(&self) -> Duration {
        Duration::from_secs(45)
    }

    fn targets(&self, row: Sight, targets: &mut Vec<Sight>) {
        targets.push(row);
    }

    fn set_up(&self, tools: &Tools<'_>) -> Result<Arc<Machine>, TaskError> {
        Ok(tools.resources().get::<Machine>().unwrap())
    }

    async fn look(&self, machine: &Arc<Machine>, sight: &Sight) -> Result<Seen, LocalFailure> {
        let file = File::open(machine)?;
        let begun = machine.runtime.now();
        // In two steps, as a conversation is: it takes longer if it is not driven on.
        for _ in 0..2 {
            machine
                .runtime
                .sleep(Duration::from_millis(sight.millis / 2))
                .await;
        }
        drop(file);
        *machine.looked.lock().unwrap().entry(sight.n).or_default() += 1;
        let took = machine.runtime.now().since(begun).as_millis() as u64;
        Ok(Seen { n: sight.n, took })
    }

    fn outcome(_: &Seen) -> &'static str {
        "seen"
    }

    fn models(_: &Seen, _: &mut Found) {}
}

struct File<'a>(&'a Machine);

impl<'a> File<'a> {
    fn open(machine: &'a Machine) -> Result<Self, LocalFailure> {
        let open = machine.open.load(Ordering::Relaxed);
        if open >= machine.files.load(Ordering::Relaxed) {
            machine.refused.fetch_add(1, Ordering::Relaxed);
            return Err(LocalFailure("too many open files".to_owned()));
        }
        machine.open.store(open + 1, Ordering::Relaxed);
        machine.most_open.fetch_max(open + 1, Ordering::Relaxed);
        Ok(Self(machine))
    }
}

impl Drop for File<'_> {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::Relaxed);
    }
}

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
        let resources = Resources::new().with(Machine {
            runtime: runtime.clone(),
            files: AtomicUsize::new(usize::MAX),
            open: AtomicUsize::new(0),
            most_open: AtomicUsize::new(0),
            refused: AtomicUsize::new(0),
            looked: Mutex::default(),
        });
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
            .with_data(self.data.clone());
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

/// A chunk of looks.
pub(crate) fn chunk(looks: impl IntoIterator<Item = u64>, concurrency: u16) -> Scan<Slow> {
    let targets = looks.into_iter().zip(0..);
    Scan {
        targets: targets.map(|(millis, n)| Sight { n, millis }).collect(),
        concurrency,
        options: Slow {},
    }
}

pub(crate) fn collection() -> CollectionId {
    "01890a5d-ac96-774b-bcce-b302099a8057".parse().unwrap()
}
