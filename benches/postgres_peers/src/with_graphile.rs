//! graphile_worker with a local queue of two times 5,000 jobs, completions in batches of 5 ms, 8 at
//! once, three producers of 5,000 jobs.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::{Duration, Instant};

use graphile_worker::{
    IntoTaskHandlerResult, JobSpec, LocalQueueConfig, RawJobSpec, TaskHandler, WorkerContext,
    WorkerOptions,
};
use serde::{Deserialize, Serialize};
use sqlx::postgres::PgPoolOptions;

use crate::Took;

const BATCH: u32 = 5_000;

#[derive(Serialize, Deserialize)]
struct Noop {
    n: u32,
}

#[derive(Clone, Debug)]
struct Done(Arc<AtomicU32>);

impl TaskHandler for Noop {
    const IDENTIFIER: &'static str = "noop";

    async fn run(self, cx: WorkerContext) -> impl IntoTaskHandlerResult {
        if let Some(done) = cx.get_ext::<Done>() {
            done.0.fetch_add(1, Relaxed);
        }
        Ok::<(), String>(())
    }
}

pub(crate) async fn run(address: &str, tasks: u32) -> anyhow::Result<Took> {
    let pool = PgPoolOptions::new()
        .max_connections(20)
        .connect(address)
        .await?;
    let done = Arc::new(AtomicU32::new(0));
    let worker = WorkerOptions::default()
        .pg_pool(pool.clone())
        .schema("graphile_worker")
        .concurrency(8)
        .poll_interval(Duration::from_millis(100))
        .complete_job_batch_delay(Duration::from_millis(5))
        .local_queue(
            LocalQueueConfig::default()
                .with_size(5_000)
                .with_queue_count(2),
        )
        .add_extension(Done(Arc::clone(&done)))
        .listen_os_shutdown_signals(false)
        .define_job::<Noop>()
        .init()
        .await?;

    let started = Instant::now();
    let producers: Vec<_> = (0..3)
        .map(|producer| {
            let utils = worker.create_utils();
            tokio::spawn(async move {
                let mut first = producer * BATCH;
                while first < tasks {
                    let jobs: Vec<RawJobSpec> = (first..tasks.min(first + BATCH))
                        .map(|n| RawJobSpec {
                            identifier: Noop::IDENTIFIER.to_owned(),
                            payload: serde_json::json!({ "n": n }),
                            spec: JobSpec::default(),
                        })
                        .collect();
                    utils.add_raw_jobs(&jobs).await?;
                    first += 3 * BATCH;
                }
                anyhow::Ok(())
            })
        })
        .collect();
    for producer in producers {
        producer.await??;
    }
    let enqueue = started.elapsed().as_secs_f64();

    let started = Instant::now();
    let worker = Arc::new(worker);
    let running = {
        let worker = Arc::clone(&worker);
        tokio::spawn(async move { worker.run().await })
    };
    while done.load(Relaxed) < tasks {
        anyhow::ensure!(!running.is_finished(), "the worker has ended");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    // Removed once they are complete.
    loop {
        let left: i64 = sqlx::query_scalar("SELECT count(*) FROM graphile_worker._private_jobs")
            .fetch_one(&pool)
            .await?;
        if left == 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let process = started.elapsed().as_secs_f64();
    worker.request_shutdown();
    running.await??;
    Ok(Took { enqueue, process })
}
