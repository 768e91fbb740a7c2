//! The golden samples of the wire form, held against the schemas.

use std::collections::BTreeMap;
use std::path::Path;

use boon::{Compiler, Schemas};
use serde_json::{Value, json};

use crate::schemas::schemas;

/// The golden samples: the kind, which of its forms it is, and what is there.
fn samples() -> Vec<(String, &'static str, Value)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/wire/snapshots");
    let mut samples = Vec::new();
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap();
        let (kind, form) = match name.rsplit_once('.').unwrap() {
            (kind, "output") => (kind, "output"),
            (kind, "row") => (kind, "row"),
            (kind, "expressions") => (kind, "input"),
            _ => (name, "input"),
        };
        let text = std::fs::read_to_string(&path).unwrap();
        let (_, text) = text.split_once("\n---\n").unwrap();
        // No form is a list: that is several samples in one file.
        match serde_json::from_str(text).unwrap() {
            Value::Array(all) => {
                samples.extend(all.into_iter().map(|one| (kind.to_owned(), form, one)));
            }
            // All three return the same.
            one if kind == "notify" => {
                let kinds = ["notify.error", "notify.generic", "notify.task_result"];
                samples.extend(kinds.map(|kind| (kind.to_owned(), form, one.clone())));
            }
            one => samples.push((kind.to_owned(), form, one)),
        }
    }
    samples
}

fn check(
    schemas: &BTreeMap<&str, Value>,
    kind: &str,
    form: &str,
    value: &Value,
) -> Result<(), String> {
    let schema = schemas.get(kind).and_then(|all| all.get(form));
    let schema = schema.unwrap_or_else(|| panic!("{kind} has no schema of its {form}"));
    let (mut compiler, mut compiled) = (Compiler::new(), Schemas::new());
    let place = "urn:sortie:schema";
    compiler.add_resource(place, schema.clone()).unwrap();
    let index = compiler.compile(place, &mut compiled).unwrap();
    let checked = compiled.validate(value, index);
    checked.map_err(|error| format!("{kind}, {form}: {error}"))
}

#[test]
fn every_golden_sample_is_valid_against_its_schema() {
    let schemas = schemas();
    for (kind, form, sample) in samples() {
        assert_eq!(check(&schemas, &kind, form, &sample), Ok(()));
    }
}

#[test]
fn what_is_of_another_form_is_not_valid() {
    let schemas = schemas();
    let bad = [
        ("data.filter", "input", json!({"from": "scan"})),
        (
            "data.filter",
            "input",
            json!({"from": "scan", "keep": {"exists": {}}}),
        ),
        ("data.count", "output", json!({"rows": -1})),
        (
            "dns.generate",
            "input",
            json!({"from": "scan", "options": {"timeout": 5}}),
        ),
        (
            "tcp_syn.scan",
            "row",
            json!({"address": "192.0.2.1", "port": 70_000}),
        ),
        (
            "recon.list",
            "input",
            json!({"model": "domain", "query": {"order": "size"}}),
        ),
    ];
    for (kind, form, value) in bad {
        assert!(
            check(&schemas, kind, form, &value).is_err(),
            "{kind}, {form}: {value}"
        );
    }
}
