//! The examples that need no arguments.

use std::collections::BTreeSet;
use std::process::Command;

#[cfg(feature = "mutants")]
use serde_json::{Value, json};

use crate::support::{alone, program, run};

#[test]
fn a_custom_task_returns_its_labels() {
    let _alone = alone();
    let ended = run(&mut Command::new(program("custom_task")));
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let expected = "succeeded: Some([\"www\", \"example\", \"com\"])\n";
    assert_eq!(ended.stdout, expected);
}

#[test]
fn a_workflow_filters_squares_and_counts_them() {
    let _alone = alone();
    let ended = run(&mut Command::new(program("workflow")));
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let mut lines: Vec<&str> = ended.stdout.lines().collect();
    let last = lines.pop();
    assert_eq!(last, Some(r#"succeeded: Some(Object {"rows": Number(3)})"#));
    let squares = [8, 9, 10].map(|n| format!(r#"{{"n":{n},"square":{}}}"#, n * n));
    assert_eq!(lines, squares);
}

#[cfg(feature = "sources")]
#[test]
fn a_source_of_ones_own_is_read_page_by_page() {
    let _alone = alone();
    let ended = run(&mut Command::new(program("custom_source")));
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let expected = "api.example.com\nwild.example.com (and *.)\nwww.example.com\n\
                    3 names on 2 pages, {\"email\": 1, \"unrelated\": 1}\n";
    assert_eq!(ended.stdout, expected);
}

/// How many seeds hold is for `certify` itself to say; here, that it says so. With fewer of them not
/// every fault strikes, which is no certificate.
#[cfg(feature = "mutants")]
#[test]
fn a_certificate_is_one_line_of_json() {
    let _alone = alone();
    let ended = run(Command::new(program("certify"))
        .args(["--seeds", "60", "--sqlite", "1", "--hunt", "0", "--json"])
        .env_remove("SORTIE_SIM_SEED"));
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let certificate: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(certificate["runs"], 183);
    assert_eq!(certificate["violations"], json!([]));
    assert!(certificate["effects"].as_u64() > Some(100), "{certificate}");
}

#[test]
fn every_example_has_a_test() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/examples");
    let found: BTreeSet<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned()))
        .collect();
    // `simulate` is its own test.
    let tested = [
        "certify",
        "custom_source",
        "custom_task",
        "localstack_recon",
        "localstack_robots",
        "recon",
        "robots",
        "simulate",
        "syn",
        "syn_lab",
        "workflow",
    ];
    let tested = BTreeSet::from(tested.map(str::to_owned));
    assert_eq!(found, tested, "test the new example here");
}
