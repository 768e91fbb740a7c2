use std::fs;
use std::io::Read as _;
use std::path::Path;
use std::sync::Arc;

use flate2::read::GzDecoder;
use serde_json::{Value, json};
use sortie_task_defs::robots::{RobotsAggregate, RobotsSummary};
use task_core::{Claim, Payload};
use transports::objects::ObjectStoreObjects;

use crate::bench::{Ended, collection, run};

fn record(n: u32, outcome: &str) -> Value {
    let domain = format!("{n:03}.example");
    json!({"domain": domain, "outcome": outcome, "bytes_read": 1, "bytes_body": 0, "millis": 1,
        "rules": 0, "groups": 0, "sitemaps": 0})
}

async fn aggregate(out: &Path, rows: &[Value], objects: Arc<ObjectStoreObjects>) -> Ended {
    let task = RobotsAggregate {
        from: "rows".to_owned(),
        out: out.to_owned(),
    };
    let rows = rows
        .iter()
        .map(|row| Payload::encode(row).unwrap())
        .collect();
    run(&task, rows, objects, None, None).await
}

fn domains(path: &Path) -> Vec<String> {
    let mut text = String::new();
    GzDecoder::new(fs::File::open(path).unwrap())
        .read_to_string(&mut text)
        .unwrap();
    let domain = |line| {
        serde_json::from_str::<Value>(line).unwrap()["domain"]
            .as_str()
            .map(str::to_owned)
    };
    text.lines().map(|line| domain(line).unwrap()).collect()
}

fn key() -> String {
    format!("results/{}/t.parts/p", collection())
}

#[tokio::test]
async fn rows_and_parts_become_one_sorted_file() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("robots.ndjson.gz");
    let objects = Arc::new(ObjectStoreObjects::memory());
    let part = format!("{}\n{}\n", record(0, "timeout"), record(4, "not_found"));
    let part = Claim::store(key(), part.into(), &*objects).await.unwrap();
    let rows = [
        json!({"records": [record(3, "rules"), record(5, "rules")], "parts": [part]}),
        json!({"records": [record(1, "empty"), record(2, "rules")]}),
    ];
    let ended = aggregate(&out, &rows, objects).await;
    let summary: RobotsSummary = serde_json::from_value(ended.output()).unwrap();
    assert_eq!(summary.records, 6);
    assert_eq!(summary.bytes, fs::metadata(&out).unwrap().len());
    assert_eq!(summary.path, out);
    let outcomes: Vec<_> = summary
        .outcomes
        .iter()
        .map(|(class, n)| (class.as_str(), *n))
        .collect();
    assert_eq!(
        outcomes,
        [("empty", 1), ("not_found", 1), ("rules", 3), ("timeout", 1)]
    );
    assert_eq!(
        domains(&out),
        (0..6)
            .map(|n| format!("{n:03}.example"))
            .collect::<Vec<_>>()
    );
}

#[tokio::test]
async fn what_goes_wrong_is_named_and_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("robots.ndjson.gz");
    let objects = || Arc::new(ObjectStoreObjects::memory());
    let ended = aggregate(&out, &[json!({"rows": 1})], objects()).await;
    assert!(
        ended.fatal().contains("does not decode"),
        "{}",
        ended.fatal()
    );

    let claim = |key| json!([{"key": key, "len": 3, "sha256": "abc"}]);
    let forged = json!({"records": [], "parts": claim("targets/secret".to_owned())});
    let ended = aggregate(&out, &[forged], objects()).await;
    assert_eq!(
        ended.fatal(),
        "`targets/secret` is no part of this collection"
    );

    let store = objects();
    Claim::store(key(), "{1}".into(), &*store).await.unwrap();
    let tampered = json!({"records": [], "parts": claim(key())});
    let ended = aggregate(&out, &[tampered], store).await;
    assert!(
        ended.fatal().contains("does not have the length and hash"),
        "{}",
        ended.fatal()
    );

    let ended = aggregate(&folder.path().join("gone/x.gz"), &[], objects()).await;
    assert!(
        ended.fatal().starts_with("out: there is no folder for"),
        "{}",
        ended.fatal()
    );
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}
