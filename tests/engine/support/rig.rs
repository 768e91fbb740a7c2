//! A whole engine in virtual time: the bench's manager in its loop, and real workers.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use sortie::core::conformance::ManualRuntime;
use sortie::core::manager::{ManagerLoop, StopHandle};
use sortie::core::worker::{StockWorker, Worker, WorkerLoop};
use sortie::core::{CollectionId, Resources, WorkerKind};
use sortie::prelude::*;
use sortie::stores::MemoryStore;
use sortie::transports::objects::ObjectStoreObjects;
use tokio::task::JoinHandle;

use super::bench::{Bench, carrier};
use super::script::{Script, Step};

/// What scripts have said, in order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    /// Says something.
    pub(crate) fn say(&self, text: impl Into<String>) {
        self.0.lock().unwrap().push(text.into());
    }

    /// All that was said.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

/// An engine that runs scripts.
pub(crate) struct Rig {
    pub(crate) bench: Bench,
    pub(crate) log: Log,
    stop_manager: StopHandle,
    stop_workers: StopHandle,
    manager: JoinHandle<()>,
    workers: Vec<JoinHandle<()>>,
}

impl Rig {
    /// With the stock workers.
    pub(crate) fn new() -> Self {
        let runtime = ManualRuntime::new(1);
        let transport = carrier(&runtime);
        let bench = Bench::over(
            runtime,
            Arc::new(MemoryStore::new()),
            transport,
            registry![Script],
        );
        Self::on(
            bench.with_objects(Arc::new(ObjectStoreObjects::memory())),
            None,
        )
    }

    /// On parts that are there, perhaps with a worker of the test's own for internal tasks.
    pub(crate) fn on(bench: Bench, own: Option<Arc<dyn Worker>>) -> Self {
        let log = Log::default();
        let runtime = Arc::new(bench.runtime.clone());
        let objects = bench.objects.clone().unwrap();
        let stock = StockWorker::new(
            (*bench.registry).clone(),
            bench.transport.clone(),
            runtime.clone(),
        )
        .with_objects(objects.clone())
        .with_data(bench.store.clone() as _)
        .with_resources(Arc::new(Resources::new().with(log.clone())));
        let worker = own.unwrap_or_else(|| Arc::new(stock));
        let (stop_manager, stopped) = StopHandle::new();
        let managed = ManagerLoop::new(bench.manager.clone());
        let manager = tokio::spawn(managed.run(stopped));
        let (stop_workers, stopped) = StopHandle::new();
        let kind = WorkerKind::Internal;
        let workers = (0..2)
            .map(|_| {
                let transport = bench.transport.clone();
                let worker = WorkerLoop::new(kind, worker.clone(), transport, runtime.clone())
                    .concurrency(4)
                    .cancellations(objects.clone(), Duration::from_secs(1))
                    .grace(Duration::from_secs(10));
                tokio::spawn(worker.run(stopped.clone()))
            })
            .collect();
        Self {
            bench,
            log,
            stop_manager,
            stop_workers,
            manager,
            workers,
        }
    }

    /// Lets time pass.
    pub(crate) async fn wait(&self, seconds: u64) {
        self.bench
            .runtime
            .advance(Duration::from_secs(seconds))
            .await;
    }

    /// Lets time pass until the run is over; returns its state.
    pub(crate) async fn over(&self, id: CollectionId) -> TaskState {
        for _ in 0..5_000 {
            let state = self.bench.state(id).await;
            if state.is_terminal() {
                return state;
            }
            self.bench.runtime.advance(Duration::from_secs(2)).await;
        }
        panic!(
            "the run does not end: {:#?}",
            self.bench.truth.containers(id).await
        );
    }

    /// Runs one script as `a`, alone.
    pub(crate) async fn run(&self, script: impl Into<Child<Script>>) -> (CollectionId, TaskState) {
        let id = self
            .bench
            .submit(Workflow::new("w").task("a", script))
            .await;
        let state = self.over(id).await;
        (id, state)
    }

    /// Stops the workers, then the manager, as an engine does; the bench is left.
    pub(crate) async fn shutdown(self) -> Bench {
        let runtime = self.bench.runtime.clone();
        self.stop_workers.stop();
        let drained = async {
            for worker in self.workers {
                worker.await.unwrap();
            }
            self.stop_manager.stop();
            self.manager.await.unwrap();
        };
        let (drained, ()) = tokio::join!(
            tokio::time::timeout(Duration::from_secs(30), drained),
            runtime.advance(Duration::from_secs(60)),
        );
        drained.expect("the rig stops");
        self.bench
    }
}

/// A script for one attempt and all that follow.
pub(crate) fn script(steps: Vec<Step>) -> Script {
    Script {
        attempts: vec![steps],
        targets: 0,
    }
}
