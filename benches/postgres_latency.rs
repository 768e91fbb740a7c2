//! How long it takes from the submission of a workflow to the start of its first task on a worker,
//! on PostgreSQL that flushes to disk: while nothing else is going on, and while the managers work
//! off a large run.
//!
//! `cargo bench --features postgres --bench postgres_latency` prints one JSON object per line.
//! Starts a server of its own by `.ci/postgres`. The clock starts before the plan is checked and
//! sent to the managers' queue, and stops in the task's first line. The carrier is in memory: what
//! SQS would add, twice, is not in it.
//!
//! Environment: `MANAGERS` (`1,4`), `SAMPLES` (1000), `CHILDREN` of the large run (200000).

use std::io::Write as _;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{anyhow, ensure};
use sortie::prelude::*;
use sortie::stores::PostgresOptions;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

#[path = "../tests/postgres/deployment.rs"]
mod deployment;
#[path = "../tests/postgres/repeating.rs"]
mod repeating;
#[path = "../stores/tests/server/own.rs"]
mod server;

use deployment::{Deployment, Managers, Noops, noops};

/// What a service that allocates as much as a task engine does would choose, too.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Where the started tasks say so.
static STARTED: Mutex<Option<UnboundedSender<(u32, Instant)>>> = Mutex::new(None);

/// Says that it has started.
#[derive(Serialize, Deserialize)]
struct Mark {
    n: u32,
}

impl TaskDefinition for Mark {
    const KIND: &'static str = "bench.mark";
    type Requires = needs![];
    type Output = ();

    async fn run(self, _: TaskContext<Self::Requires>) -> Result<(), TaskError> {
        let now = Instant::now();
        if let Ok(Some(started)) = STARTED.lock().as_deref() {
            // Nobody listens any more when the measuring is over.
            let _ = started.send((self.n, now));
        }
        Ok(())
    }
}

#[tokio::main(flavor = "multi_thread")]
async fn main() -> anyhow::Result<()> {
    let variable = |name, default: &str| std::env::var(name).unwrap_or_else(|_| default.to_owned());
    let samples = variable("SAMPLES", "1000").parse()?;
    let children = variable("CHILDREN", "200000").parse()?;
    for managers in variable("MANAGERS", "1,4").split(',') {
        for beside in [0, children] {
            measure(managers.parse()?, samples, beside).await?;
        }
    }
    Ok(())
}

async fn measure(managers: usize, samples: u32, beside: u32) -> anyhow::Result<()> {
    let server = server::Server::start(&["--durable"]).map_err(|why| anyhow!(why))?;
    let options = PostgresOptions::parse(&server.address)?
        .plain_on_loopback()
        .connections(2);
    let (started, mut starts) = unbounded_channel();
    if let Ok(mut listener) = STARTED.lock() {
        *listener = Some(started);
    }
    let registry = noops().merge(registry![Mark])?;
    let how = Managers {
        managers,
        batch: 1000,
        transactions: 1,
    };
    let deployment = Deployment::start(&options, registry, how, u64::MAX).await?;
    let mut took = Vec::new();
    if beside == 0 {
        for n in 0..samples {
            took.push(one(&deployment, n, &mut starts).await?);
        }
    } else {
        let large = Noops {
            children: beside,
            in_flight: 10_000,
        };
        let run = deployment.submit(large).await?;
        let over = AtomicBool::new(false);
        let wait = async {
            let ended = deployment.wait(run, Duration::from_secs(600)).await;
            over.store(true, Ordering::Relaxed);
            ended
        };
        let ask = async {
            let mut took = Vec::new();
            for n in 0..samples {
                let one = one(&deployment, n, &mut starts).await?;
                if over.load(Ordering::Relaxed) {
                    break;
                }
                took.push(one);
            }
            anyhow::Ok(took)
        };
        let (ended, asked) = tokio::join!(wait, ask);
        ended?;
        took = asked?;
    }
    deployment.stop().await;
    ensure!(
        !took.is_empty(),
        "the large run was over before the first small one"
    );
    took.sort();
    let at = |per_mille: usize| took[(took.len() - 1) * per_mille / 1000].as_secs_f64() * 1e3;
    let line = serde_json::json!({
        "bench": "postgres_latency",
        "managers": managers,
        "beside": beside,
        "samples": took.len(),
        "p50_ms": at(500),
        "p90_ms": at(900),
        "p99_ms": at(990),
        "longest_ms": at(1000),
    });
    writeln!(std::io::stdout(), "{line}")?;
    Ok(())
}

/// From the submission of one task to its start.
async fn one(
    deployment: &Deployment,
    n: u32,
    starts: &mut UnboundedReceiver<(u32, Instant)>,
) -> anyhow::Result<Duration> {
    let began = Instant::now();
    deployment
        .send(Workflow::new("mark").task("mark", Mark { n }))
        .await?;
    loop {
        let next = tokio::time::timeout(Duration::from_secs(60), starts.recv()).await?;
        match next {
            Some((number, at)) if number == n => return Ok(at.saturating_duration_since(began)),
            Some(_) => {}
            None => return Err(anyhow!("nobody can start any more")),
        }
    }
}
