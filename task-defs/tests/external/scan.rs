use std::net::SocketAddr;
use std::time::Duration;

use scanners::http::robots::RobotsOutcome;
use sortie_task_defs::robots::{RobotsChunk, RobotsOptions, RobotsRecord, RobotsScan};
use task_core::message::Outcome;

use crate::bench::{Bench, knows_nothing, says_nothing};

fn scan(names: impl IntoIterator<Item = impl Into<String>>, resolver: SocketAddr) -> RobotsScan {
    RobotsScan {
        names: names.into_iter().map(Into::into).collect(),
        options: RobotsOptions {
            resolver: Some(resolver),
            ..RobotsOptions::default()
        },
    }
}

#[tokio::test]
async fn every_name_has_a_record_and_a_count() {
    let bench = Bench::new().await;
    let names = ["z.example", "a.example", "other.test", "no name"];
    let ended = bench
        .run(&scan(names, knows_nothing().await))
        .await
        .complete;
    assert_eq!(ended.outcome, Outcome::Succeeded { children: None });
    let chunk: RobotsChunk = ended.data.unwrap().decode().unwrap();
    assert!(chunk.parts.is_empty());
    let records: Vec<_> = chunk
        .records
        .iter()
        .map(|record| (record.domain.as_str(), record.outcome))
        .collect();
    let expected = [
        ("a.example", RobotsOutcome::NoSuchName),
        ("no name", RobotsOutcome::InvalidName),
        ("other.test", RobotsOutcome::OutOfScope),
        ("z.example", RobotsOutcome::NoSuchName),
    ];
    assert_eq!(records, expected);
    let counts: Vec<_> = ended.coverage.iter().collect();
    assert_eq!(
        counts,
        [
            ("invalid_name", 1),
            ("no_such_name", 2),
            ("out_of_scope", 1)
        ]
    );
}

#[tokio::test]
async fn what_was_found_before_the_deadline_is_kept_and_the_next_attempt_goes_on() {
    let bench = Bench::new().await;
    let mut task = scan(
        (0..12).map(|n| format!("{n:02}.example")),
        says_nothing().await,
    );
    task.options.concurrency = 2;
    task.options.deadline = Duration::from_millis(300);
    task.options.spare = Duration::from_millis(300);
    // Time for two pairs or three, and for no more.
    let started = bench.now();
    let time = Duration::from_millis(1200);
    let first = bench.run_attempt(&task, 1, None, Some(time)).await.complete;
    assert!(bench.now().since(started) < time);
    let Outcome::Deadline { cursor, .. } = first.outcome else {
        panic!("{:?}", first.outcome)
    };
    let done = first.coverage.total();
    assert!((2..12).contains(&done), "{done}");
    assert_eq!(first.data, None);

    let second = bench
        .run_attempt(&task, 2, Some(cursor), None)
        .await
        .complete;
    assert_eq!(second.outcome, Outcome::Succeeded { children: None });
    assert_eq!(second.coverage.total() + done, 12);
    let chunk: RobotsChunk = second.data.unwrap().decode().unwrap();
    assert_eq!(chunk.parts.len(), 1);
    let part = bench.fetch(&chunk.parts[0]).await;
    let mut records: Vec<RobotsRecord> = part
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(records.len() as u64, done);
    records.extend(chunk.records);
    records.sort_by(|a, b| a.domain.cmp(&b.domain));
    let domains: Vec<_> = records.into_iter().map(|record| record.domain).collect();
    assert_eq!(domains, task.names);
}

#[tokio::test]
async fn a_worker_without_time_fails_and_does_not_go_round_in_circles() {
    let bench = Bench::new().await;
    let task = scan(["a.example"], knows_nothing().await);
    let ended = bench
        .run_attempt(&task, 1, None, Some(Duration::from_secs(5)))
        .await
        .complete;
    let Outcome::Retry { error, .. } = ended.outcome else {
        panic!("{:?}", ended.outcome)
    };
    assert!(error.contains("12000 ms"), "{error}");
    assert_eq!(ended.coverage.total(), 0);
}

#[tokio::test]
async fn without_a_scope_nothing_is_scanned() {
    let bench = Bench::new().await.without_scope();
    let ended = bench
        .run(&scan(["a.example"], knows_nothing().await))
        .await
        .complete;
    let Outcome::OutOfScope { error } = ended.outcome else {
        panic!("{:?}", ended.outcome)
    };
    assert!(error.contains("Workflow::scope"), "{error}");
}

#[tokio::test]
async fn an_option_beyond_its_limits_is_fatal_and_named() {
    let bench = Bench::new().await;
    let mut task = scan(["a.example"], knows_nothing().await);
    task.options.concurrency = 0;
    let ended = bench.run(&task).await.complete;
    let error = "options.concurrency is 0; 1 to 10000 are allowed".to_owned();
    assert_eq!(ended.outcome, Outcome::Fatal { error });
}
