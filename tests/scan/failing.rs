//! A machine that cannot look for a while.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use serde_json::json;
use sortie::defs::data::InsertData;
use sortie::defs::scan::{Found, Generate, InvalidOption, LocalFailure, Probe, Scan, Tools};
use sortie::prelude::*;
use sortie::scanners::scope::Name;

use crate::support::{rows, runs, scope};

/// How often the worker was asked for a file, as it were, that it did not have; and how many
/// attempts there were.
#[derive(Default)]
struct Files {
    missed: AtomicU32,
    attempts: AtomicU32,
}

/// Looks that need a file each.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Starved {}

impl Probe for Starved {
    const FAMILY: &'static str = "starved";
    const METHOD: &'static str = "none";
    type Row = Name;
    type Target = Name;
    type Record = Name;
    type Scanner = Arc<Files>;

    fn check(&self) -> Result<(), InvalidOption> {
        Ok(())
    }

    fn deadline(&self) -> Duration {
        Duration::from_secs(1)
    }

    fn targets(&self, row: Name, targets: &mut Vec<Name>) {
        targets.push(row);
    }

    fn set_up(&self, tools: &Tools<'_>) -> Result<Self::Scanner, TaskError> {
        let files = tools.resources().get_or_init(Files::default);
        files.attempts.fetch_add(1, Ordering::Relaxed);
        Ok(files)
    }

    async fn look(&self, files: &Arc<Files>, name: &Name) -> Result<Name, LocalFailure> {
        let short = name.as_str().starts_with('c');
        if short && files.missed.fetch_add(1, Ordering::Relaxed) < 2 {
            return Err(LocalFailure(format!("{name}: too many open files")));
        }
        // What is looked at is told how many attempts it took.
        match files.attempts.load(Ordering::Relaxed) {
            1 => Ok(name.clone()),
            more => Err(LocalFailure(format!("{more} attempts"))),
        }
    }

    fn outcome(_: &Name) -> &'static str {
        "found"
    }

    fn models(_: &Name, _: &mut Found) {}
}

#[tokio::test]
async fn a_failure_of_this_machine_gives_no_record_and_its_target_is_looked_at_again() {
    let registry = sortie::defs::registry()
        .merge(registry![Generate<Starved>, Scan<Starved>])
        .unwrap();
    let engine = Engine::embedded(registry)
        .in_memory()
        .start()
        .await
        .unwrap();
    let names = ["a.example", "b.example", "c.example", "d.example"];
    let mut generate = Generate::new("names", Starved {});
    // One after the other, so that some have a record when the machine gives up.
    generate.concurrency = 1;
    let workflow = Workflow::new("starved")
        .scope(scope(&["example"], &[]).to_json())
        .task(
            "names",
            InsertData {
                rows: names.map(|name| json!(name)).to_vec(),
            },
        )
        .generate("looks", generate, |scans| scans);
    let run = runs(&engine, workflow).await;
    let mut found: Vec<String> = rows(&run, "looks").await;
    found.sort_unstable();
    assert_eq!(found, names);
    let ledger = run.report().await.unwrap().ledger;
    assert_eq!((ledger.targets, ledger.outcomes.get("found")), (4, 4));
    engine.shutdown().await;
}
