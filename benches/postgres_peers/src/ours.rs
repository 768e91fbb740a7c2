//! Ours: workflows, from their submission to their end.

use std::sync::Arc;
use std::time::Instant;

use sortie::core::WorkerKind;
use sortie::prelude::*;
use sortie::stores::{PostgresOptions, PostgresStore};

use crate::Took;

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

#[derive(Serialize, Deserialize)]
struct Generate {
    tasks: u32,
}

impl TaskDefinition for Generate {
    const KIND: &'static str = "bench.generate";
    type Requires = needs![QueueAccess];
    type Output = ();

    async fn run(self, cx: TaskContext<Self::Requires>) -> Result<(), TaskError> {
        let children = cx.queue();
        for n in 0..self.tasks {
            children.create(Noop { n }).await?;
        }
        Ok(())
    }
}

/// `tasks` in all, in `workflows` at once.
pub(crate) async fn run(address: &str, tasks: u32, workflows: u32) -> anyhow::Result<Took> {
    let options = PostgresOptions::parse(address)?.plain_on_loopback();
    let store = PostgresStore::open(&options).await?;
    let engine = Engine::embedded(registry![Noop, Generate])
        .in_memory()
        .with_store(Arc::new(store))
        .concurrency(WorkerKind::External, 1000)
        .transactions(TRANSACTIONS)
        .start()
        .await?;
    let each = tasks / workflows;
    let started = Instant::now();
    let mut runs = Vec::new();
    for _ in 0..workflows {
        let workflow =
            Workflow::new("bench").generate("noops", Generate { tasks: each }, |settings| {
                // The peers know no limit; ours has one, but need not.
                settings.max_in_flight(each)
            });
        runs.push(engine.submit(workflow).await?);
    }
    let mut done = 0;
    for run in &runs {
        let report = run.wait().await?;
        anyhow::ensure!(
            report.state == TaskState::Succeeded,
            "ended {}",
            report.state
        );
        done += report.ledger.outcomes.get("done");
    }
    let process = started.elapsed().as_secs_f64();
    anyhow::ensure!(done == u64::from(each * workflows), "the ledger is off");
    engine.shutdown().await;
    Ok(Took {
        enqueue: 0.0,
        process,
    })
}

/// Of the manager at once. More than one are of use when several workflows run.
const TRANSACTIONS: usize = 4;
