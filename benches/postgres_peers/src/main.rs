//! No-op tasks on a PostgreSQL that flushes to disk: ours, apalis-postgres and graphile_worker in
//! turns, each case on a server and in a process of its own.
//!
//! Ours counts from the submission of a workflow to its terminal state: a generator makes the
//! tasks, the manager dispatches and completes them exactly once, the output of each is stored. All
//! tasks of a workflow move the same counters, so `ours` is one transaction at a time; `ours_8` is as
//! many tasks in eight workflows at once, which is how the peers' jobs are: independent. The
//! peers are given the same number of jobs first and then work them off, by settings that were found
//! to be their best on such a machine; their job is over when it is marked as done or removed, and
//! apalis stores a result.
//!
//! Environment: `CASES` (`ours,ours_8,apalis,graphile`), `TASKS` (100000), `ROUNDS` (5). Prints one JSON
//! object per line.

#![allow(missing_docs, reason = "a program")]

mod ours;
#[path = "../../../stores/tests/server/own.rs"]
mod server;
mod with_apalis;
mod with_graphile;

use std::process::{Command, ExitCode};

use serde_json::json;

/// The same for all three.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Seconds that it took to store the jobs, where that is a step of its own, and to work them off.
struct Took {
    enqueue: f64,
    process: f64,
}

fn main() -> ExitCode {
    let variable = |name, default: &str| std::env::var(name).unwrap_or_else(|_| default.to_owned());
    if let Ok(case) = std::env::var("SORTIE_BENCH_CASE") {
        return match measure(
            &case,
            variable("TASKS", "100000").parse().unwrap_or(100_000),
        ) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("{case}: {error:#}");
                ExitCode::FAILURE
            }
        };
    }
    let mut failed = false;
    for _ in 0..variable("ROUNDS", "5").parse().unwrap_or(5) {
        for case in variable("CASES", "ours,ours_8,apalis,graphile").split(',') {
            let status = std::env::current_exe()
                .and_then(|exe| Command::new(exe).env("SORTIE_BENCH_CASE", case).status());
            failed |= !status.is_ok_and(|status| status.success());
        }
    }
    if failed {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    }
}

#[tokio::main]
async fn measure(case: &str, tasks: u32) -> anyhow::Result<()> {
    let server = server::Server::start(&["--durable"]).map_err(anyhow::Error::msg)?;
    let took = match case {
        "ours" => ours::run(&server.address, tasks, 1).await?,
        "ours_8" => ours::run(&server.address, tasks, 8).await?,
        "apalis" => with_apalis::run(&server.address, tasks).await?,
        "graphile" => with_graphile::run(&server.address, tasks).await?,
        other => anyhow::bail!("no case `{other}`; there are ours, ours_8, apalis and graphile"),
    };
    let rate = |seconds: f64| f64::from(tasks) / seconds;
    println!(
        "{}",
        json!({
            "bench": "postgres_peers",
            "case": case,
            "tasks": tasks,
            "enqueued_per_second": (took.enqueue > 0.0).then(|| rate(took.enqueue)),
            "processed_per_second": rate(took.process),
            "tasks_per_second": rate(took.enqueue + took.process),
        })
    );
    Ok(())
}
