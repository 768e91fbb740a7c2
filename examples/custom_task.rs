//! A definition of your own, from type to result.
//!
//! `cargo run --example custom_task`

use sortie::prelude::*;

/// Splits a host name into its labels.
#[derive(Serialize, Deserialize)]
struct SplitName {
    name: String,
}

impl TaskDefinition for SplitName {
    const KIND: &'static str = "example.split_name"; // the wire name
    type Requires = needs![]; // nothing: External; TaskDataAccess: Internal; RawSocketAccess: Bare Metal
    type Output = Vec<String>;

    async fn run(self, _cx: TaskContext<Self::Requires>) -> Result<Vec<String>, TaskError> {
        if self.name.is_empty() {
            return Err(TaskError::fatal("`name` is empty"));
        }
        Ok(self.name.split('.').map(str::to_owned).collect())
    }
}

#[tokio::main]
async fn main() -> Result<(), EngineError> {
    let engine = Engine::embedded(registry![SplitName]).start().await?;
    let task = SplitName {
        name: "www.example.com".to_owned(),
    };
    let run = engine
        .submit(Workflow::new("split").task("split", task))
        .await?;
    let report = run.wait().await?;
    let labels: Option<Vec<String>> = run.result("split").await?;
    println!("{}: {labels:?}", report.state);
    engine.shutdown().await;
    Ok(())
}
