//! A scan family under faults, with a probe that needs no network.

use std::collections::BTreeSet;

use serde_json::json;
use sortie::defs::data::InsertData;
use sortie::defs::recon::{Domain, ListModels};
use sortie::defs::scan::{
    Aggregate, Found, Generate, Generated, InvalidOption, LocalFailure, Probe, Scan, Summary, Tools,
};
use sortie::prelude::*;
use sortie::scanners::scope::{Name, Scope, ScopeSpec};
use sortie::sim::{Faults, Sim, sweep};
use std::time::Duration;

/// Looks at names without asking anybody.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Guess {}

#[derive(Debug, Serialize, Deserialize)]
struct Guessed {
    name: Name,
    outcome: String,
}

impl Probe for Guess {
    const FAMILY: &'static str = "guess";
    const METHOD: &'static str = "none";
    type Row = Name;
    type Target = Name;
    type Record = Guessed;
    type Scanner = Scope;

    fn check(&self) -> Result<(), InvalidOption> {
        Ok(())
    }

    fn deadline(&self) -> Duration {
        Duration::from_secs(1)
    }

    fn targets(&self, row: Name, targets: &mut Vec<Name>) {
        targets.push(row);
    }

    fn set_up(&self, tools: &Tools<'_>) -> Result<Scope, TaskError> {
        Ok(tools.scope().clone())
    }

    async fn look(&self, scope: &Scope, name: &Name) -> Result<Guessed, LocalFailure> {
        let outcome = match scope.admit(name.clone()) {
            Ok(_) => "found",
            Err(_) => "out_of_scope",
        };
        Ok(Guessed {
            name: name.clone(),
            outcome: outcome.to_owned(),
        })
    }

    fn outcome(record: &Guessed) -> &'static str {
        match record.outcome.as_str() {
            "found" => "found",
            _ => "out_of_scope",
        }
    }

    fn models(record: &Guessed, found: &mut Found) {
        match record.outcome.as_str() {
            "found" => found.add(&Domain::new(record.name.clone())),
            // Never known.
            _ => found.add_if_known(&Domain::new(record.name.clone())),
        }
    }
}

fn name(n: u64) -> String {
    let suffix = if n.is_multiple_of(10) { "out" } else { "in" };
    format!("host-{n}.{suffix}.example")
}

fn workflow() -> Workflow {
    let scope = ScopeSpec {
        allow_domains: vec!["in.example".to_owned()],
        ..ScopeSpec::default()
    };
    // 300 names, each of a third of them twice.
    let rows = (0..400).map(|n| json!(name(n % 300))).collect();
    let generate = Generate::new("rows", Guess {}).chunk(20);
    Workflow::new("guess")
        .scope(scope.to_json())
        .task("rows", InsertData { rows })
        .generate("guesses", generate, |scans| scans.max_in_flight(5))
        .aggregate("outcomes", Aggregate::<Guess>::new("guesses"))
        .task("known", ListModels::new("domain"))
}

/// Whatever fails meanwhile, each name has one row and one count, and each model is there.
#[test]
fn every_look_is_recorded_once() {
    let mut well = 0;
    sweep(12, |seed| {
        let families = registry![Generate<Guess>, Scan<Guess>, Aggregate<Guess>];
        let registry = sortie::defs::registry().merge(families).unwrap();
        let report = Sim::new(seed)
            .registry(registry)
            .workflow(workflow())
            .faults(Faults::aws())
            .run()
            .unwrap_or_else(|error| panic!("{error}"));
        if report.run.state != TaskState::Succeeded {
            return; // A task used up its retries; the ledger, which the simulation checks, says so.
        }
        well += 1;
        let generated: Generated = report.result("guesses.generator").unwrap();
        assert_eq!((generated.rows, generated.targets), (400, 300));
        assert_eq!((generated.duplicates, generated.tasks), (100, 15));
        let rows: Vec<Guessed> = report.rows("guesses").unwrap();
        let names: BTreeSet<Name> = rows.iter().map(|row| row.name.clone()).collect();
        assert_eq!((rows.len(), names.len()), (300, 300));
        let summary: Summary = report.result("outcomes").unwrap();
        assert_eq!(summary.records, 300);
        assert_eq!(summary.outcomes["found"], 270);
        assert_eq!(summary.outcomes["out_of_scope"], 30);
        let models = report.rows::<serde_json::Value>("known").unwrap();
        assert_eq!(models.len(), 270);
        let ledger = &report.run.ledger;
        assert_eq!((ledger.targets, ledger.outcomes.total()), (300, 300));
    });
    assert!(well > 0, "no run went well");
}
