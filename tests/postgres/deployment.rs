//! Managers with a store each, one carrier, workers; and what must hold when a run is over. Used
//! by tests and by a benchmark.

#![allow(dead_code, reason = "each program uses its part")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use sortie::core::manager::{FenceKey, Manager, ManagerConfig, ManagerLoop, StopHandle};
use sortie::core::message::ToManager;
use sortie::core::ports::data::{DataStore as _, RowKey};
use sortie::core::ports::runtime::{Runtime, TokioRuntime};
use sortie::core::ports::store::Store as _;
use sortie::core::ports::transport::{Outgoing, Transport};
use sortie::core::submit::submission;
use sortie::core::worker::{StockWorker, WorkerLoop};
use sortie::core::{CollectionId, Queue, Timestamp, WorkerKind};
use sortie::prelude::*;
use sortie::stores::{PostgresOptions, PostgresStore};
use sortie::transports::memory::{MemoryConfig, MemoryTransport};
use tokio::task::JoinSet;

use crate::repeating::Repeating;

/// Returns its number.
#[derive(Serialize, Deserialize)]
struct Noop {
    n: u32,
}

impl TaskDefinition for Noop {
    const KIND: &'static str = "test.noop";
    type Requires = needs![];
    type Output = u32;

    async fn run(self, cx: TaskContext<Self::Requires>) -> Result<u32, TaskError> {
        cx.cover("done", 1);
        Ok(self.n)
    }

    fn targets(&self) -> u64 {
        1
    }
}

/// Makes so many of them.
#[derive(Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Noops {
    pub(crate) children: u32,
    /// At once, at most.
    pub(crate) in_flight: u32,
}

impl TaskDefinition for Noops {
    const KIND: &'static str = "test.noops";
    type Requires = needs![QueueAccess];
    type Output = ();

    async fn run(self, cx: TaskContext<Self::Requires>) -> Result<(), TaskError> {
        let children = cx.queue();
        for n in 0..self.children {
            children.create(Noop { n }).await?;
        }
        Ok(())
    }
}

/// What runs here.
pub(crate) fn noops() -> Registry {
    registry![Noop, Noops]
}

/// How many managers there are, and how each of them works.
#[derive(Clone, Copy)]
pub(crate) struct Managers {
    pub(crate) managers: usize,
    /// Messages that one takes into a transaction, at most.
    pub(crate) batch: usize,
    /// Transactions of one manager at once.
    pub(crate) transactions: usize,
}

/// Many managers and one carrier.
pub(crate) struct Deployment {
    carrier: Arc<Repeating>,
    runtime: Arc<dyn Runtime>,
    stores: Vec<PostgresStore>,
    first: Arc<Manager>,
    managers: JoinSet<()>,
    stop_managers: StopHandle,
    workers: JoinSet<()>,
    stop_workers: StopHandle,
}

impl Deployment {
    /// Every `repeat`-th message to the managers comes twice. Of `registry` only what External workers can run is run.
    pub(crate) async fn start(
        options: &PostgresOptions,
        registry: Registry,
        how: Managers,
        repeat: u64,
    ) -> anyhow::Result<Self> {
        PostgresStore::migrate(options).await?;
        let runtime: Arc<dyn Runtime> = Arc::new(TokioRuntime::new());
        let registry = Arc::new(registry);
        let config = MemoryConfig::default()
            .manager_capacity(2048)
            .max_receives(1000);
        let inner = Arc::new(MemoryTransport::new(Arc::clone(&runtime), config));
        let carrier = Arc::new(Repeating::new(inner, repeat));
        let transport: Arc<dyn Transport> = Arc::clone(&carrier) as _;
        let (stop_managers, stopped) = StopHandle::new();
        let mut looping = JoinSet::new();
        let mut stores = Vec::new();
        let mut first = None;
        for _ in 0..how.managers {
            let store = PostgresStore::connect(options).await?;
            let mut config = ManagerConfig::new(FenceKey::new([7; 16]));
            // A server that was away has kept dispatches from leaving; do not wait for long.
            config.outbox_grace = Duration::from_secs(5);
            let manager = Arc::new(Manager::new(
                Arc::new(store.clone()),
                Arc::clone(&transport),
                Arc::clone(&runtime),
                Arc::clone(&registry),
                config,
            ));
            stores.push(store);
            looping.spawn(
                ManagerLoop::new(Arc::clone(&manager))
                    .batch(how.batch)
                    .transactions(how.transactions)
                    .run(stopped.clone()),
            );
            first.get_or_insert(manager);
        }
        let (stop_workers, stopped) = StopHandle::new();
        let mut workers = JoinSet::new();
        let worker = StockWorker::new(
            registry.routed_to(WorkerKind::External),
            Arc::clone(&transport),
            Arc::clone(&runtime),
        );
        let worker = WorkerLoop::new(
            WorkerKind::External,
            Arc::new(worker),
            Arc::clone(&transport),
            Arc::clone(&runtime),
        );
        workers.spawn(worker.concurrency(1000).run(stopped));
        Ok(Self {
            carrier,
            runtime,
            stores,
            first: first.context("at least one manager")?,
            managers: looping,
            stop_managers,
            workers,
            stop_workers,
        })
    }

    /// Submits a run of no-ops, and returns when it is stored.
    pub(crate) async fn submit(&self, noops: Noops) -> anyhow::Result<CollectionId> {
        let workflow =
            Workflow::new("noops").generate("noops", noops, |c| c.max_in_flight(noops.in_flight));
        let (id, message) = self.submission(workflow).await?;
        let handled = self.first.handle(vec![message]).await?;
        ensure!(handled.applied == 1, "{handled:?}");
        Ok(id)
    }

    /// Sends a workflow to the managers, as a client does.
    pub(crate) async fn send(&self, workflow: Workflow) -> anyhow::Result<CollectionId> {
        let (id, message) = self.submission(workflow).await?;
        let message = Outgoing::now(message.encode());
        let sent = self.carrier.send(Queue::Manager, vec![message]).await?;
        for one in sent {
            one?;
        }
        Ok(id)
    }

    async fn submission(&self, workflow: Workflow) -> anyhow::Result<(CollectionId, ToManager)> {
        let limit = self.carrier.limits().message_bytes;
        Ok(submission(workflow, None, limit, None, &*self.runtime).await?)
    }

    /// The first manager's store.
    pub(crate) fn store(&self) -> &PostgresStore {
        &self.stores[0]
    }

    /// Messages that came twice.
    pub(crate) fn repeated(&self) -> u64 {
        self.carrier.repeated()
    }

    /// Transactions and statements of all managers.
    pub(crate) fn statements(&self) -> (u64, u64) {
        let all = self.stores.iter().map(PostgresStore::statements);
        all.fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1))
    }

    pub(crate) async fn is_over(&self, run: CollectionId) -> bool {
        let row = self.store().collection(run).await;
        row.is_ok_and(|row| row.is_some_and(|row| row.finished_at.is_some()))
    }

    /// Until the run is over.
    pub(crate) async fn wait(&self, run: CollectionId, longest: Duration) -> anyhow::Result<()> {
        until(longest, async || self.is_over(run).await).await
    }

    pub(crate) async fn stop(mut self) {
        self.stop_workers.stop();
        while self.workers.join_next().await.is_some() {}
        self.stop_managers.stop();
        while self.managers.join_next().await.is_some() {}
        for store in &self.stores {
            store.close().await;
        }
    }
}

/// Asks now and then.
pub(crate) async fn until(longest: Duration, done: impl AsyncFn() -> bool) -> anyhow::Result<()> {
    let begin = Instant::now();
    while !done().await {
        ensure!(begin.elapsed() < longest, "it took longer than {longest:?}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    Ok(())
}

/// Children of the run that have ended.
pub(crate) async fn ended(store: &PostgresStore, run: CollectionId) -> anyhow::Result<u64> {
    let containers = store.containers(run).await?;
    Ok(containers
        .iter()
        .filter(|c| c.name.as_deref() == Some("noops"))
        .map(|c| c.children.done())
        .sum())
}

/// Every child succeeded, has one row of data that says its number, and was counted once; nothing
/// is left to do.
pub(crate) async fn everything_happened_once(
    options: &PostgresOptions,
    run: CollectionId,
    children: u32,
) -> anyhow::Result<()> {
    let store = PostgresStore::connect(options).await?;
    let row = store.collection(run).await?.context("the run is there")?;
    ensure!(
        row.state == TaskState::Succeeded,
        "the run ended {}",
        row.state
    );
    let containers = store.containers(run).await?;
    let noops = containers
        .iter()
        .find(|c| c.name.as_deref() == Some("noops"));
    let noops = noops.context("the container is there")?;
    let total = u64::from(children);
    let counters = noops.children;
    ensure!(
        counters.created == total && counters.succeeded == total,
        "{counters}"
    );
    ensure!(noops.targets == total, "{} targets", noops.targets);
    ensure!(
        noops.outcomes.get("done") == total && noops.outcomes.total() == total,
        "{:?}",
        noops.outcomes
    );
    let set = store
        .dataset(run, "noops")
        .await?
        .context("the data set is there")?;
    let (mut after, mut next): (Option<RowKey>, u32) = (None, 0);
    loop {
        let page = store.rows(set, after, 10_000).await?;
        let Some(last) = page.last() else { break };
        after = Some(last.key);
        for row in &page {
            ensure!(row.body.decode::<u32>()? == next, "row {next} is {row:?}");
            next += 1;
        }
    }
    ensure!(next == children, "{next} rows");
    let mut tx = store.begin().await?;
    let end = Timestamp::from_millis(i64::MAX as u64);
    ensure!(tx.due_tasks(end, 10).await?.is_empty(), "tasks are left");
    drop(tx);
    store.close().await;
    Ok(())
}
