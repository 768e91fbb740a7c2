//! No-op tasks on PostgreSQL that flushes to disk, by 1, 2, 4 and 8 managers at once, while 5 % of
//! the messages to them come twice; checks that everything happened once.
//!
//! `cargo bench --features postgres --bench postgres_managers` prints one JSON object per line.
//! Starts a server of its own by `.ci/postgres`.
//!
//! Environment: `MANAGERS` (`1,2,4,8`), `CHILDREN` of all workflows together (`100000`), `WORKFLOWS` that
//! they are spread over (`1`), `IN_FLIGHT` of each workflow (10000), `RUNS` (1), `BATCH` (1000),
//! `TRANSACTIONS` of each manager at once (1).

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

use deployment::{Deployment, Managers, Noops, everything_happened_once};

/// What a service that allocates as much as a task engine does would choose, too.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[tokio::main(flavor = "multi_thread")]
async fn main() -> anyhow::Result<()> {
    let variable = |name, default: &str| std::env::var(name).unwrap_or_else(|_| default.to_owned());
    let batch = variable("BATCH", "1000").parse()?;
    let transactions = variable("TRANSACTIONS", "1").parse()?;
    let in_flight = variable("IN_FLIGHT", "10000").parse()?;
    for _ in 0..variable("RUNS", "1").parse()? {
        for managers in variable("MANAGERS", "1,2,4,8").split(',') {
            for children in variable("CHILDREN", "100000").split(',') {
                for workflows in variable("WORKFLOWS", "1").split(',') {
                    let case = Case {
                        how: Managers {
                            managers: managers.parse()?,
                            batch,
                            transactions,
                        },
                        workflows: workflows.parse()?,
                        children: children.parse()?,
                        in_flight,
                    };
                    case.measure().await?;
                }
            }
        }
    }
    Ok(())
}

struct Case {
    how: Managers,
    workflows: u32,
    /// Of all workflows together.
    children: u32,
    in_flight: u32,
}

impl Case {
    async fn measure(&self) -> anyhow::Result<()> {
        // A new one for each case: the last one's dead rows are not this one's burden.
        let server = server::Server::start(&["--durable"]).map_err(|why| anyhow!(why))?;
        let options = PostgresOptions::parse(&server.address)?
            .plain_on_loopback()
            .connections(u32::try_from(self.how.transactions)? + 1);
        let deployment = Deployment::start(&options, deployment::noops(), self.how, 20).await?;
        let started = Instant::now();
        let each = Noops {
            children: self.children / self.workflows.max(1),
            in_flight: self.in_flight,
        };
        let mut runs = Vec::new();
        for _ in 0..self.workflows {
            runs.push(deployment.submit(each).await?);
        }
        for run in &runs {
            deployment.wait(*run, Duration::from_secs(600)).await?;
        }
        let seconds = started.elapsed().as_secs_f64();
        let (transactions, statements) = deployment.statements();
        let repeated = deployment.repeated();
        deployment.stop().await;
        for run in runs {
            everything_happened_once(&options, run, each.children).await?;
        }
        let children = each.children * self.workflows;
        let line = serde_json::json!({
            "bench": "postgres_managers",
            "managers": self.how.managers,
            "transactions_at_once": self.how.transactions,
            "workflows": self.workflows,
            "children": children,
            "in_flight": self.in_flight,
            "seconds": seconds,
            "tasks_per_second": f64::from(children) / seconds,
            "repeated_messages": repeated,
            "transactions": transactions,
            "statements_per_transaction": statements as f64 / transactions.max(1) as f64,
        });
        writeln!(std::io::stdout(), "{line}")?;
        Ok(())
    }
}
