//! Engines, and workflows that run to their end.

use serde::de::DeserializeOwned;
use serde_json::Value;
use sortie::core::recon::{Model, Query, Seen};
use sortie::defs::data::InsertData;
use sortie::defs::recon::{UpsertModels, Upserted};
use sortie::prelude::*;

/// One engine in memory and one on SQLite, each with its own state.
pub(crate) async fn engines() -> [Engine; 2] {
    let memory = Engine::embedded(sortie::defs::registry()).in_memory();
    let sqlite = Engine::embedded(sortie::defs::registry());
    [memory.start().await.unwrap(), sqlite.start().await.unwrap()]
}

/// Inserts `rows` and writes them as models.
pub(crate) fn upserts(model: &str, rows: Vec<Value>) -> Workflow {
    Workflow::new("upsert")
        .task("rows", InsertData { rows })
        .task("stored", UpsertModels::new(model, "rows"))
}

/// Runs a workflow, which must go well.
pub(crate) async fn runs(engine: &Engine, workflow: Workflow) -> Run {
    let run = engine.submit(workflow).await.unwrap();
    let report = run.wait().await.unwrap();
    let troubles = run.troubles(10).await.unwrap();
    assert_eq!(report.state, TaskState::Succeeded, "{troubles:?}");
    run
}

/// Runs a workflow, which must fail; says why.
pub(crate) async fn fails(engine: &Engine, workflow: Workflow) -> String {
    let run = engine.submit(workflow).await.unwrap();
    let report = run.wait().await.unwrap();
    assert_eq!(report.state, TaskState::Failed);
    run.troubles(1).await.unwrap()[0]
        .error
        .clone()
        .unwrap_or_default()
}

pub(crate) async fn upserted(run: &Run) -> Upserted {
    run.result("stored").await.unwrap().unwrap()
}

pub(crate) async fn rows<T: DeserializeOwned>(run: &Run, name: &str) -> Vec<T> {
    let mut rows = run.rows::<T>(name).await.unwrap();
    let mut all = Vec::new();
    while let Some(row) = rows.next().await.unwrap() {
        all.push(row);
    }
    all
}

pub(crate) async fn models<M: Model>(engine: &Engine, query: Query) -> Vec<Seen<M>> {
    let mut rows = engine.models::<M>(query).unwrap();
    let mut all = Vec::new();
    while let Some(row) = rows.next().await.unwrap() {
        all.push(row);
    }
    all
}
