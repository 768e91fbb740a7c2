//! The stock definitions under faults: a user's workflow, as users would write it.

use std::time::Duration;

use serde_json::{Value, json};
use sortie::core::recon::{Changes, Filter};
use sortie::defs::data::{Count, InsertData, RowCount};
use sortie::defs::recon::{FilterByFreshness, Here, ListModels, UpsertModels, Upserted};
use sortie::prelude::*;
use sortie::sim::{Faults, Sim, sweep};

/// Names, some of them twice, in rows of ten.
fn rows() -> Vec<Value> {
    let name = |n: u64| json!({"name": format!("host-{}.example", n * 7 % 900)});
    let row = |n: u64| json!({"domains": (n * 10..n * 10 + 10).map(name).collect::<Vec<_>>()});
    (0..120).map(row).collect()
}

fn workflow() -> Workflow {
    let named = Filter::StartsWith("name".into(), "host-1".into());
    let list = ListModels::new("domain").only(Here::Found);
    Workflow::new("stock")
        .task("rows", InsertData { rows: rows() })
        .parallel("both", |both| {
            let upsert = |from: &str| {
                UpsertModels::new("domain", from).each("/domains".parse().unwrap_or_default())
            };
            both.task("one", upsert("rows"))
                .task("other", upsert("rows"))
        })
        .task("news", list.clone())
        .task(
            "some",
            list.query(sortie::core::recon::Query::all().filter(named)),
        )
        .task(
            "count",
            Count {
                from: "news".to_owned(),
            },
        )
        .task(
            "stale",
            FilterByFreshness::new("domain", "news", Duration::from_secs(1_000_000))
                .each("/key".parse().unwrap_or_default()),
        )
}

/// Two tasks that store the same names at once: each name is found once, by one of them, and said
/// to be new in one report.
#[test]
fn stock_tasks_report_each_finding_once() {
    let mut well = 0;
    sweep(12, |seed| {
        let sim = Sim::new(seed)
            .registry(sortie::defs::registry())
            .workflow(workflow());
        let report = sim
            .faults(Faults::aws())
            .run()
            .unwrap_or_else(|error| panic!("{error}"));
        if report.run.state != TaskState::Succeeded {
            return; // A task used up its retries; nothing is claimed of what came of it.
        }
        well += 1;
        let mut sum = Changes::default();
        for task in ["one", "other"] {
            let upserted: Upserted = report.result(task).unwrap();
            assert_eq!(upserted.changes.total(), 1200);
            sum.merge(&upserted.changes);
        }
        assert_eq!(sum.inserted, 900);
        assert_eq!(sum.changed, 0);
        assert_eq!(report.result::<RowCount>("count").unwrap().rows, 900);
        assert_eq!(report.rows::<Value>("some").unwrap().len(), 111);
        assert_eq!(report.rows::<Value>("stale").unwrap().len(), 0);
    });
    assert!(well > 0, "no run went well");
}
