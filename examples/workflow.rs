//! A generator, a filter, a condition and an aggregator, with stock definitions and two own ones.
//!
//! `cargo run --example workflow`

use serde_json::json;
use sortie::defs::control::{Conditional, Test};
use sortie::defs::data::{Condition, Count, Filter, InsertData};
use sortie::prelude::*;

/// Creates one [`Square`] per row of `from`. Reads data and creates tasks, and says so.
#[derive(Serialize, Deserialize)]
struct SquareAll {
    from: String,
}

impl TaskDefinition for SquareAll {
    const KIND: &'static str = "example.square_all";
    type Requires = needs![TaskDataAccess, QueueAccess];
    type Output = ();

    async fn run(self, cx: TaskContext<Self::Requires>) -> Result<(), TaskError> {
        let mut rows = cx.task_data().of::<u64>(&self.from).await?;
        while let Some(n) = rows.next().await? {
            cx.queue().create(Square { n }).await?;
        }
        Ok(())
    }
}

/// Squares a number. What it needs is in its payload, so it can run anywhere.
#[derive(Serialize, Deserialize)]
struct Square {
    n: u64,
}

impl TaskDefinition for Square {
    const KIND: &'static str = "example.square";
    type Requires = needs![];
    type Output = serde_json::Value;

    async fn run(self, _cx: TaskContext<Self::Requires>) -> Result<Self::Output, TaskError> {
        Ok(json!({ "n": self.n, "square": self.n * self.n }))
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let registry = sortie::defs::registry().merge(registry![SquareAll, Square])?;
    let engine = Engine::embedded(registry).start().await?;
    let large = Condition::Greater {
        at: "/square".parse()?,
        than: 50.into(),
    };
    let workflow = Workflow::new("squares")
        .task(
            "numbers",
            InsertData {
                rows: (1..=10).map(|n| json!(n)).collect(),
            },
        )
        .generate(
            "squares",
            SquareAll {
                from: "numbers".into(),
            },
            |each| each.max_in_flight(4),
        )
        .aggregate(
            "large",
            Filter {
                from: "squares".into(),
                keep: large,
            },
        )
        .when(
            "any",
            Conditional {
                from: "large".into(),
                holds: Test::HasRows,
            },
            |then| {
                then.task(
                    "count",
                    Count {
                        from: "large".into(),
                    },
                )
            },
            |otherwise| otherwise,
        );
    let run = engine.submit(workflow).await?;
    let report = run.wait().await?;
    let mut rows = run.rows::<serde_json::Value>("large").await?;
    while let Some(row) = rows.next().await? {
        println!("{row}");
    }
    println!(
        "{}: {:?}",
        report.state,
        run.result::<serde_json::Value>("count").await?
    );
    engine.shutdown().await;
    Ok(())
}
