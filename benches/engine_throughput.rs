//! No-op tasks end to end: submit → manager → carrier → worker → completion.
//!
//! `cargo bench --bench engine_throughput` prints one JSON object per line. Each case runs in a
//! process of its own, so that peak memory belongs to it alone.
//!
//! Environment: `STORES` (`memory,sqlite`; with the feature `postgres` also `postgres`, on a server
//! of its own that flushes to disk), `CHILDREN` (`1000,10000,100000,1000000`), `RUNS` (3).

use std::io::Write as _;
use std::process::{Command, ExitCode};
use std::time::Instant;

use sortie::core::WorkerKind;
use sortie::prelude::*;

mod counting;
#[cfg(feature = "postgres")]
#[path = "../stores/tests/server/own.rs"]
mod server;

/// What a service that allocates as much as a task engine does would choose, too.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Does nothing, but its output is stored and its target counted.
#[derive(Serialize, Deserialize)]
struct Noop {
    n: u32,
}

impl TaskDefinition for Noop {
    const KIND: &'static str = "bench.noop";
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

/// One container of `children` no-ops.
#[derive(Serialize, Deserialize)]
struct Generate {
    children: u32,
}

impl TaskDefinition for Generate {
    const KIND: &'static str = "bench.generate";
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

fn main() -> ExitCode {
    let variable = |name, default: &str| std::env::var(name).unwrap_or_else(|_| default.to_owned());
    if let Ok(case) = std::env::var("SORTIE_BENCH_CASE") {
        return match run_case(&case) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("{case}: {error:#}");
                ExitCode::FAILURE
            }
        };
    }
    let runs: u32 = variable("RUNS", "3").parse().unwrap_or(3);
    let mut failed = false;
    for store in variable("STORES", "memory,sqlite").split(',') {
        for children in variable("CHILDREN", "1000,10000,100000,1000000").split(',') {
            for _ in 0..runs {
                let status = std::env::current_exe().and_then(|exe| {
                    let case = format!("{store}:{children}");
                    Command::new(exe).env("SORTIE_BENCH_CASE", case).status()
                });
                failed |= !status.is_ok_and(|status| status.success());
            }
        }
    }
    if failed {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    }
}

fn run_case(case: &str) -> anyhow::Result<()> {
    let (store, children) = case.split_once(':').unwrap_or((case, "10000"));
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(measure(store, children.parse()?))
}

async fn measure(store: &str, children: u32) -> anyhow::Result<()> {
    let folder = tempfile::tempdir_in(std::env::var("BENCH_DIR").unwrap_or_else(|_| ".".into()))?;
    let (counted, counts) = counting::open(store, folder.path()).await?;
    let engine = Engine::embedded(registry![Noop, Generate])
        .in_memory()
        .with_store(counted)
        .concurrency(WorkerKind::External, 1000)
        .start()
        .await?;
    let workflow = Workflow::new("bench").generate("noops", Generate { children }, |settings| {
        settings.max_in_flight(10_000)
    });
    let started = Instant::now();
    let run = engine.submit(workflow).await?;
    let report = run.wait().await?;
    let seconds = started.elapsed().as_secs_f64();
    anyhow::ensure!(
        report.state == TaskState::Succeeded,
        "ended {}",
        report.state
    );
    anyhow::ensure!(
        report.ledger.outcomes.get("done") == u64::from(children),
        "ledger is off"
    );
    anyhow::ensure!(
        report.ledger.unaccounted() == 0,
        "targets are unaccounted for"
    );
    engine.shutdown().await;
    let line = serde_json::json!({
        "bench": "engine_throughput",
        "store": store,
        "children": children,
        "seconds": seconds,
        "tasks_per_second": f64::from(children) / seconds,
        "us_per_task": seconds * 1e6 / f64::from(children),
        "peak_rss_mib": peak_rss_mib(),
        "transactions": counts.transactions(),
        "messages_per_transaction": counts.messages_per_transaction(),
        "primitives_per_transaction": counts.primitives_per_transaction(),
        "statements_per_transaction": counts.statements_per_transaction(),
        "cpu_seconds": cpu_seconds(),
    });
    writeln!(std::io::stdout(), "{line}")?;
    Ok(())
}

/// The peak of this process, from the kernel.
fn peak_rss_mib() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    let kib: f64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kib / 1024.0)
}

/// User and system time of this process, from the kernel, in seconds.
fn cpu_seconds() -> Option<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks: f64 = fields.get(11)?.parse::<f64>().ok()? + fields.get(12)?.parse::<f64>().ok()?;
    Some(ticks / 100.0)
}
