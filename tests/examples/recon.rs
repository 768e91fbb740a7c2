//! The whole reconnaissance, and what a second one has to say.

use std::process::Command;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{alone, program, run};

/// Runs it in `place`, which must go well; what it reports.
fn recon(place: &TempDir, seeds: &[&str]) -> Value {
    let mut command = Command::new(program("recon"));
    command
        .current_dir(place.path())
        .args(["--json"])
        .args(seeds);
    let ended = run(&mut command);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let line = ended.stdout.lines().last().unwrap_or_default();
    let report: Value = serde_json::from_str(line).unwrap();
    assert_eq!(report["state"], "succeeded", "{}", ended.stderr);
    assert_eq!(report["unaccounted"], 0);
    assert_eq!(report["forbidden_connections"], 0);
    for branch in report["tree"].as_array().unwrap() {
        let state = branch["state"].as_str().unwrap();
        assert!(["succeeded", "disabled"].contains(&state), "{branch}");
    }
    report
}

#[test]
fn a_second_run_reports_only_what_changed() {
    let _alone = alone();
    let place = TempDir::new().unwrap();
    let first = recon(&place, &["lab.test"]);
    // Who is named in certificates is known, all of them; who is out of scope is not looked up.
    let names = lab::ct_names("lab.test").len() as u64;
    assert_eq!(first["models"]["domain"], names);
    assert_eq!(first["families"]["dns"]["records"], names - 1);
    assert_eq!(first["families"]["ports"]["method"], "connect");
    assert_eq!(first["news"], first["models"], "all is new");
    for model in ["certificate", "endpoint", "web_document"] {
        assert!(
            first["models"][model].as_u64() > Some(0),
            "{model}: {first}"
        );
    }
    let told = &first["notifications"][0];
    assert_eq!(told["type"], "notification.task_result");
    let news: u64 = first["news"]
        .as_object()
        .unwrap()
        .values()
        .filter_map(Value::as_u64)
        .sum();
    assert_eq!(told["data"]["rows"], news);
    // The targets of all four families are in the ledger.
    let records: u64 = ["dns", "ports", "tls", "pages"]
        .iter()
        .filter_map(|family| first["families"][family]["records"].as_u64())
        .sum();
    assert_eq!(first["ledger"]["targets"], records);

    let nothing = json!({"certificate": 0, "domain": 0, "endpoint": 0, "web_document": 0});
    let second = recon(&place, &["lab.test"]);
    assert_eq!(second["news"], nothing);
    assert_eq!(second["models"], first["models"]);
    assert_eq!(second["notifications"], json!([]));

    let third = recon(&place, &["lab.test", "example.test"]);
    let more = lab::ct_names("example.test").len() as u64;
    assert_eq!(third["news"]["domain"], more);
    assert_eq!(third["models"]["domain"], names + more);
    assert_eq!(third["notifications"].as_array().unwrap().len(), 1);
}
