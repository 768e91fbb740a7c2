//! The table of all stock definitions, written from the registry, and their schemas.

#![allow(missing_docs, clippy::unwrap_used, reason = "a test")]
#![cfg(all(
    feature = "expressions",
    feature = "notify",
    feature = "robots",
    feature = "scan",
    feature = "schema",
    feature = "sources"
))]

mod samples;
mod schemas;

use std::fmt::Write as _;
use std::path::Path;

use task_core::task::ErasedTask;

const HEAD: &str = "\
# The stock definitions

Written from the registry by a test; after a change, `DEFINITIONS=overwrite cargo test -p sortie-task-defs
--all-features --test definitions` writes it and the schemas anew. The samples are those that the tests of
the wire form hold every definition against. A file of schemas (JSON Schema 2020-12) has those of the `input`, of the
`output` and, where the product is rows with a type, of a `row`; each stands by itself.

| kind | version | requires | route | creates | input | output or rows | schemas |
|---|---|---|---|---|---|---|---|
";

/// The golden samples of a kind whose names end so, as links.
fn samples(kind: &str, ends: &[&str]) -> String {
    let mut links = Vec::new();
    for end in ends {
        let path = format!("tests/wire/snapshots/{kind}{end}.snap");
        if Path::new(env!("CARGO_MANIFEST_DIR")).join(&path).exists() {
            let name = end.trim_start_matches('.');
            let name = if name.is_empty() { "input" } else { name };
            links.push(format!("[{name}]({path})"));
        }
    }
    links.join(" ")
}

fn row(task: &ErasedTask) -> String {
    // All three return the same.
    let returns = match task.kind.split_once('.') {
        Some(("notify", _)) => "notify",
        _ => task.kind,
    };
    let list = |names: Vec<String>| match names.is_empty() {
        true => "nothing".to_owned(),
        false => names.join(", "),
    };
    let quoted = |name: String| format!("`{name}`");
    let requires = task
        .requirements
        .iter()
        .map(|needed| quoted(format!("{needed:?}")));
    let creates = task.creates.iter().map(|kind| quoted((*kind).to_owned()));
    format!(
        "| `{0}` | {1} | {2} | {3:?} | {4} | {5} | {6} | [schemas](schemas/{0}.json) |",
        task.kind,
        task.version,
        list(requires.collect()),
        task.worker,
        list(creates.collect()),
        samples(task.kind, &[""]),
        samples(returns, &[".output", ".row"]),
    )
}

/// Whether what is written from the registry is to be written anew.
fn overwrite() -> bool {
    std::env::var("DEFINITIONS").is_ok_and(|what| what == "overwrite")
}

#[test]
fn the_table_of_the_definitions_is_the_registry() {
    let mut table = HEAD.to_owned();
    for task in sortie_task_defs::registry().iter() {
        writeln!(table, "{}", row(task)).unwrap();
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("DEFINITIONS.md");
    if overwrite() {
        std::fs::write(&path, &table).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(written == table, "DEFINITIONS.md is stale; see its head");
}

#[test]
fn every_definition_has_samples_of_its_own() {
    for task in sortie_task_defs::registry().iter() {
        let links = samples(task.kind, &[""]);
        assert!(
            links.contains(task.kind),
            "{} has no golden sample",
            task.kind
        );
        // What they return is a type of their own; the others have rows, or nothing.
        if let Some((_, "generate" | "aggregate")) = task.kind.split_once('.') {
            let links = samples(task.kind, &[".output"]);
            assert!(links.contains(task.kind), "{} returns something", task.kind);
        }
    }
}
