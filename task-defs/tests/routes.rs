//! Where the stock definitions run, as one table.

#![allow(missing_docs, reason = "a test")]

use task_core::WorkerKind::{self, External, Internal};

#[test]
fn every_kind_has_its_route() {
    let registry = sortie_task_defs::registry();
    let routes: Vec<(&str, WorkerKind)> = registry
        .iter()
        .map(|task| (task.kind, task.worker))
        .collect();
    let mut expected = vec![
        ("control.conditional", Internal),
        ("control.fail", External),
        ("control.sleep_until", External),
        ("data.count", Internal),
        ("data.distinct", Internal),
        ("data.filter", Internal),
        ("data.filter_by_membership", Internal),
        ("data.filter_by_scope", Internal),
        ("data.group_by", Internal),
        ("data.insert", Internal),
        ("recon.filter_by_freshness", Internal),
        ("recon.list", Internal),
        ("recon.upsert", Internal),
        ("data.merge", Internal),
        ("data.partition", Internal),
        ("data.sample", Internal),
        ("data.to_file", Internal),
        ("data.top_n", Internal),
    ];
    if cfg!(feature = "notify") {
        expected.extend([
            ("notify.error", External),
            ("notify.generic", External),
            ("notify.task_result", Internal),
        ]);
    }
    if cfg!(feature = "expressions") {
        expected.push(("data.filter_by_expression", Internal));
    }
    if cfg!(feature = "robots") {
        expected.extend([
            ("robots.aggregate", Internal),
            ("robots.generate", External),
            ("robots.scan", External),
        ]);
    }
    if cfg!(feature = "sources") {
        expected.extend([
            ("source.censys", External),
            ("source.crtsh", External),
            ("source.shodan", External),
        ]);
    }
    expected.sort_unstable_by_key(|(kind, _)| *kind);
    assert_eq!(routes, expected);
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
