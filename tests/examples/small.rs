//! The examples that need no arguments.

use std::collections::BTreeSet;
use std::process::Command;

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

#[test]
fn every_example_has_a_test() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/examples");
    let found: BTreeSet<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned()))
        .collect();
    let tested = ["custom_task", "robots", "workflow"].map(str::to_owned);
    assert_eq!(found, BTreeSet::from(tested), "test the new example here");
}
