//! What the stock definitions require and where they run, as one table.

#![allow(missing_docs, reason = "a test")]

use proptest::prelude::*;
use task_core::WorkerKind::{self, BareMetal, External, Internal};
use task_core::WorkerRequirement::{
    self, QueueAccess, RawSocketAccess, ReconDataAccess, TaskDataAccess,
};
use task_core::route;

/// A kind, what it requires, and where it runs.
type Row = (&'static str, &'static [WorkerRequirement], WorkerKind);

const NOTHING: &[WorkerRequirement] = &[];
const DATA: &[WorkerRequirement] = &[TaskDataAccess];
const RECON: &[WorkerRequirement] = &[TaskDataAccess, ReconDataAccess];
const QUEUE: &[WorkerRequirement] = &[QueueAccess];
const DATA_AND_QUEUE: &[WorkerRequirement] = &[TaskDataAccess, QueueAccess];
const SCAN: &[WorkerRequirement] = &[TaskDataAccess, ReconDataAccess, RawSocketAccess];

/// The seed's table of workers: public APIs on External ones; filters, models, aggregators and
/// conditions on Internal ones; scans that make packets on bare metal.
const STOCK: [Row; 19] = [
    ("control.conditional", DATA, Internal),
    ("control.fail", NOTHING, External),
    ("control.sleep_until", NOTHING, External),
    ("data.count", DATA, Internal),
    ("data.distinct", DATA, Internal),
    ("data.filter", DATA, Internal),
    ("data.filter_by_membership", DATA, Internal),
    ("data.filter_by_scope", DATA, Internal),
    ("data.group_by", DATA, Internal),
    ("data.insert", DATA, Internal),
    ("data.merge", DATA, Internal),
    ("data.partition", DATA, Internal),
    ("data.sample", DATA, Internal),
    ("data.to_file", DATA, Internal),
    ("data.top_n", DATA, Internal),
    ("recon.filter_by_freshness", RECON, Internal),
    ("recon.list", RECON, Internal),
    ("recon.upsert", RECON, Internal),
    ("data.filter_by_expression", DATA, Internal),
];
const NOTIFY: [Row; 3] = [
    ("notify.error", NOTHING, External),
    ("notify.generic", NOTHING, External),
    ("notify.task_result", DATA, Internal),
];
const ROBOTS: [Row; 3] = [
    ("robots.aggregate", DATA, Internal),
    ("robots.generate", QUEUE, External),
    ("robots.scan", NOTHING, External),
];
const SCANS: [Row; 12] = [
    ("dns.aggregate", DATA, Internal),
    ("dns.generate", DATA_AND_QUEUE, Internal),
    ("dns.scan", SCAN, BareMetal),
    ("http.aggregate", DATA, Internal),
    ("http.generate", DATA_AND_QUEUE, Internal),
    ("http.scan", SCAN, BareMetal),
    ("tcp_syn.aggregate", DATA, Internal),
    ("tcp_syn.generate", DATA_AND_QUEUE, Internal),
    ("tcp_syn.scan", SCAN, BareMetal),
    ("tls.aggregate", DATA, Internal),
    ("tls.generate", DATA_AND_QUEUE, Internal),
    ("tls.scan", SCAN, BareMetal),
];
const SOURCES: [Row; 3] = [
    ("source.censys", NOTHING, External),
    ("source.crtsh", NOTHING, External),
    ("source.shodan", NOTHING, External),
];

#[test]
fn every_kind_has_its_requirements_and_its_route() {
    let registry = sortie_task_defs::registry();
    let found: Vec<Row> = registry
        .iter()
        .map(|task| (task.kind, task.requirements, task.worker))
        .collect();
    let mut expected = STOCK.to_vec();
    if !cfg!(feature = "expressions") {
        expected.retain(|(kind, ..)| *kind != "data.filter_by_expression");
    }
    for (compiled, rows) in [
        (cfg!(feature = "notify"), &NOTIFY[..]),
        (cfg!(feature = "robots"), &ROBOTS),
        (cfg!(feature = "scan"), &SCANS),
        (cfg!(feature = "sources"), &SOURCES),
    ] {
        expected.extend(rows.iter().filter(|_| compiled));
    }
    expected.sort_unstable_by_key(|(kind, ..)| *kind);
    assert_eq!(found, expected);
    for (kind, requires, worker) in found {
        assert_eq!(as_the_seed_says(requires), worker, "{kind}");
    }
}

/// The seed's three sentences, word by word.
fn as_the_seed_says(requires: &[WorkerRequirement]) -> WorkerKind {
    let mut worker = None;
    if requires.contains(&RawSocketAccess) {
        worker = Some(BareMetal);
    }
    if (requires.contains(&TaskDataAccess) || requires.contains(&ReconDataAccess))
        && !requires.contains(&RawSocketAccess)
    {
        worker = Some(Internal);
    }
    worker.unwrap_or(External)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(65_536))]

    #[test]
    fn any_requirements_go_where_the_seed_says(
        requires in prop::collection::vec(prop::sample::select(&WorkerRequirement::ALL[..]), 0..12)
    ) {
        prop_assert_eq!(route(&requires), as_the_seed_says(&requires));
    }
}

#[test]
fn the_table_in_the_documentation_is_the_registry() {
    let source = include_str!("../src/lib.rs");
    for task in sortie_task_defs::registry().iter() {
        let requires: Vec<String> = task
            .requirements
            .iter()
            .map(|needed| format!("`{needed:?}`"))
            .collect();
        let requires = if requires.is_empty() {
            "nothing".to_owned()
        } else {
            requires.join(", ")
        };
        let row = format!("| `{}` | {requires} | {:?} |", task.kind, task.worker);
        assert!(source.contains(&row), "the table lacks: {row}");
    }
}
