//! Engines, and workflows that run to their end.

use serde::de::DeserializeOwned;
use sortie::prelude::*;
use sortie::scanners::scope::ScopeSpec;

pub(crate) async fn engine() -> Engine {
    let engine = Engine::embedded(sortie::defs::registry()).in_memory();
    engine.start().await.unwrap()
}

/// A scope of these domains, and of the nets with a reason to be loopback.
pub(crate) fn scope(domains: &[&str], nets: &[&str]) -> ScopeSpec {
    ScopeSpec {
        allow_domains: domains.iter().map(|domain| (*domain).to_owned()).collect(),
        allow_nets: nets.iter().map(|net| net.parse().unwrap()).collect(),
        ..ScopeSpec::default()
    }
}

/// Runs a workflow, which must go well, with an exact ledger.
pub(crate) async fn runs(engine: &Engine, workflow: Workflow) -> Run {
    let run = engine.submit(workflow).await.unwrap();
    let report = run.wait().await.unwrap();
    let troubles = run.troubles(10).await.unwrap();
    assert_eq!(report.state, TaskState::Succeeded, "{troubles:?}");
    assert_eq!(report.ledger.unaccounted(), 0);
    assert_eq!(report.ledger.overcounted(), 0);
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

pub(crate) async fn rows<T: DeserializeOwned>(run: &Run, name: &str) -> Vec<T> {
    let mut rows = run.rows::<T>(name).await.unwrap();
    let mut all = Vec::new();
    while let Some(row) = rows.next().await.unwrap() {
        all.push(row);
    }
    all
}
