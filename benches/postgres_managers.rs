//! No-op tasks on PostgreSQL that flushes to disk, by 1, 2, 4 and 8 managers at once, while 5 % of
//! the messages to them come twice; checks that everything happened once.
//!
//! `cargo bench --features postgres --bench postgres_managers` prints one JSON object per line.
//! Starts a server of its own by `.ci/postgres`.
//!
//! Environment: `MANAGERS` (`1,2,4,8`), `CHILDREN` (`100000`), `RUNS` (1), `BATCH` (1000).

use std::io::Write as _;
use std::time::{Duration, Instant};

use anyhow::anyhow;
use sortie::stores::PostgresOptions;

#[path = "../tests/postgres/deployment.rs"]
mod deployment;
#[path = "../tests/postgres/repeating.rs"]
mod repeating;
#[path = "../stores/tests/server/own.rs"]
mod server;

use deployment::{Deployment, Noops, everything_happened_once};

/// What a service that allocates as much as a task engine does would choose, too.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[tokio::main(flavor = "multi_thread")]
async fn main() -> anyhow::Result<()> {
    let variable = |name, default: &str| std::env::var(name).unwrap_or_else(|_| default.to_owned());
    let batch = variable("BATCH", "1000").parse()?;
    for _ in 0..variable("RUNS", "1").parse()? {
        for managers in variable("MANAGERS", "1,2,4,8").split(',') {
            for children in variable("CHILDREN", "100000").split(',') {
                measure(managers.parse()?, children.parse()?, batch).await?;
            }
        }
    }
    Ok(())
}

async fn measure(managers: usize, children: u32, batch: usize) -> anyhow::Result<()> {
    // A new one for each case: the last one's dead rows are not this one's burden.
    let server = server::Server::start(&["--durable"]).map_err(|why| anyhow!(why))?;
    let options = PostgresOptions::parse(&server.address)?
        .plain_on_loopback()
        .connections(2);
    let deployment = Deployment::start(&options, deployment::noops(), managers, batch, 20).await?;
    let started = Instant::now();
    let run = deployment
        .submit(Noops {
            children,
            in_flight: 10_000,
        })
        .await?;
    deployment.wait(run, Duration::from_secs(600)).await?;
    let seconds = started.elapsed().as_secs_f64();
    let (transactions, statements) = deployment.statements();
    let repeated = deployment.repeated();
    deployment.stop().await;
    everything_happened_once(&options, run, children).await?;
    let line = serde_json::json!({
        "bench": "postgres_managers",
        "managers": managers,
        "children": children,
        "seconds": seconds,
        "tasks_per_second": f64::from(children) / seconds,
        "repeated_messages": repeated,
        "transactions": transactions,
        "statements_per_transaction": statements as f64 / transactions.max(1) as f64,
    });
    writeln!(std::io::stdout(), "{line}")?;
    Ok(())
}
