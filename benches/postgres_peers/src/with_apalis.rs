//! apalis-postgres with batches of 5,000, two workers, each task in a task of the runtime, a poll
//! each millisecond, without a lock statement for each task.

use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::{Duration, Instant};

use apalis::prelude::*;
use apalis_postgres::{Config, PostgresStorage};
use sqlx::postgres::{PgPool, PgPoolOptions};

use crate::Took;

const BATCH: usize = 5_000;

static DONE: AtomicU32 = AtomicU32::new(0);

async fn noop(n: u32) -> Result<u32, BoxDynError> {
    DONE.fetch_add(1, Relaxed);
    Ok(n)
}

pub(crate) async fn run(address: &str, tasks: u32) -> anyhow::Result<Took> {
    let pool = PgPoolOptions::new()
        .max_connections(20)
        .connect(address)
        .await?;
    PostgresStorage::setup(&pool).await?;
    let config = Config::default()
        .queue("noop")
        .batch_size(BATCH)
        .lock_tasks(false);
    let storage = PostgresStorage::<u32>::new(&pool).with_config(config);

    let started = Instant::now();
    let numbers: Vec<u32> = (0..tasks).collect();
    let mut sink = storage.clone();
    for batch in numbers.chunks(BATCH) {
        let jobs = futures_util::stream::iter(
            batch
                .iter()
                .map(|n| TaskBuilder::new(*n).build())
                .collect::<Vec<_>>(),
        );
        let mut jobs = std::pin::pin!(jobs);
        sink.push_all(&mut jobs)
            .await
            .map_err(|error| anyhow::anyhow!("{error}"))?;
    }
    let enqueue = started.elapsed().as_secs_f64();

    let started = Instant::now();
    let worker = |name: &str| {
        let storage = storage
            .clone()
            .poll_with_strategy(Strategy::new().interval(Duration::from_millis(1)));
        WorkerBuilder::new(name)
            .backend(storage)
            .parallelize(tokio::spawn)
            .build(noop)
    };
    tokio::select! {
        ended = worker("worker-1").run() => anyhow::bail!("a worker has ended: {ended:?}"),
        ended = worker("worker-2").run() => anyhow::bail!("a worker has ended: {ended:?}"),
        done = all_done(&pool, tasks) => done?,
    }
    let process = started.elapsed().as_secs_f64();
    Ok(Took { enqueue, process })
}

/// Once the table says so.
async fn all_done(pool: &PgPool, tasks: u32) -> anyhow::Result<()> {
    while DONE.load(Relaxed) < tasks {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    while sqlx::query_scalar::<_, i64>("SELECT count(*) FROM apalis.jobs WHERE status <> 'Done'")
        .fetch_one(pool)
        .await?
        > 0
    {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    Ok(())
}
