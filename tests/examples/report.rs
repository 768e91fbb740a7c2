//! A scan of the lab from end to end, and what it reports.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::support::{Place, alone, run};

#[test]
fn the_report_is_one_line_of_json_and_agrees_with_the_file() {
    let _alone = alone();
    let place = Place::new();
    let ended = run(&mut place.robots(["--sites", "1500", "--json"]));
    let report = ended.good();
    assert_eq!(ended.stdout.lines().count(), 1, "{}", ended.stdout);

    let keys: BTreeSet<&str> = report
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    let promised = BTreeSet::from([
        "targets",
        "outcomes",
        "unaccounted",
        "tasks",
        "seconds",
        "targets_per_second",
        "bytes_out",
        "estimated_usd",
        "mismatches",
        "forbidden_connections",
        "state",
    ]);
    assert_eq!(keys, promised);

    assert_eq!(report["targets"], 1500);
    let tasks = report["tasks"].as_u64().unwrap();
    // At least 64, give or take what does not divide.
    assert!((60..=64).contains(&tasks), "{tasks} tasks");
    let number = |key: &str| report[key].as_f64().unwrap();
    let rate = 1500.0 / number("seconds");
    assert!((number("targets_per_second") / rate - 1.0).abs() < 0.01);
    assert!(number("estimated_usd") > 0.0);
    let size = std::fs::metadata(place.path("out/robots.ndjson.gz")).unwrap();
    assert_eq!(report["bytes_out"], size.len());

    // The file: one line per site, sorted, with the outcomes that are reported.
    let records = place.records();
    let domains: Vec<&str> = records.iter().map(|r| r.domain.as_str()).collect();
    assert!(domains.is_sorted_by(|one, next| one < next));
    let sites: BTreeSet<String> = (0..1500).map(lab::Lab::name).collect();
    assert!(domains.iter().copied().eq(&sites));
    let mut outcomes: BTreeMap<String, Value> = BTreeMap::new();
    for record in &records {
        let n = outcomes
            .entry(record.outcome.as_str().to_owned())
            .or_insert_with(|| 0.into());
        *n = (n.as_u64().unwrap() + 1).into();
    }
    assert_eq!(report["outcomes"], Value::from_iter(outcomes));

    // Nothing is left but the file and the lock.
    let left: BTreeSet<String> = std::fs::read_dir(place.path("out"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    let kept = ["robots.lock", "robots.ndjson.gz"].map(str::to_owned);
    assert_eq!(left, BTreeSet::from(kept));
}
