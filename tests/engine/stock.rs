//! The stock definitions as their users run them.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use sortie::core::WorkerKind;
use sortie::core::workflow::Sequence;
use sortie::defs::control::{Conditional, Fail, SleepUntil, Test};
use sortie::defs::data::{Condition, Count, InsertData, OutputFolder, ToFile};
use sortie::prelude::*;

fn insert(rows: &[Value]) -> InsertData {
    InsertData {
        rows: rows.to_vec(),
    }
}

fn asks(holds: Test) -> Conditional {
    Conditional {
        from: "found".to_owned(),
        holds,
    }
}

fn fail(message: &str) -> Fail {
    Fail {
        message: message.to_owned(),
    }
}

/// Something found? Then: much of it? Then `many`, else `few` or, if one of them is bad, a failure.
fn triage(rows: &[Value]) -> Workflow {
    let bad = Test::AnyRow(Condition::Equals {
        at: "/bad".parse().unwrap(),
        value: json!(true),
    });
    let one = |s: Sequence, name: &str| s.task(name.to_owned(), insert(&[json!(name)]));
    Workflow::new("triage")
        .task("found", insert(rows))
        .when(
            "any",
            asks(Test::HasRows),
            |then| {
                then.when(
                    "much",
                    asks(Test::RowsAtLeast(3)),
                    |then| one(then, "many"),
                    |otherwise| {
                        otherwise.when(
                            "bad",
                            asks(bad),
                            |then| then.task("stop", fail("a bad one among few")),
                            |otherwise| one(otherwise, "few"),
                        )
                    },
                )
            },
            |otherwise| one(otherwise, "none"),
        )
        .task(
            "count",
            Count {
                from: "found".to_owned(),
            },
        )
}

async fn triaged(rows: &[Value]) -> (TaskState, Vec<&'static str>, Vec<String>) {
    let engine = Engine::embedded(sortie::defs::registry()).in_memory();
    let engine = engine.start().await.unwrap();
    let run = engine.submit(triage(rows)).await.unwrap();
    let state = run.wait().await.unwrap().state;
    let mut taken = Vec::new();
    for name in ["many", "few", "none", "count"] {
        let mut rows = run.rows::<Value>(name).await.unwrap();
        taken.extend(rows.next().await.unwrap().map(|_| name));
    }
    let troubles = run.troubles(10).await.unwrap();
    let errors = troubles.into_iter().filter_map(|trouble| trouble.error);
    let ended = (state, taken, errors.collect());
    engine.shutdown().await;
    ended
}

#[tokio::test]
async fn nested_branches_are_chosen_by_stored_data() {
    use TaskState::{Failed, Succeeded};
    let (good, bad) = (json!({"bad": false}), json!({"bad": true}));
    let many = vec![bad.clone(); 3];
    assert_eq!(
        triaged(&[]).await,
        (Succeeded, vec!["none", "count"], vec![])
    );
    assert_eq!(
        triaged(std::slice::from_ref(&good)).await,
        (Succeeded, vec!["few", "count"], vec![])
    );
    assert_eq!(
        triaged(&many).await,
        (Succeeded, vec!["many", "count"], vec![])
    );
    // What stands behind a failure does not run.
    let error = "a bad one among few".to_owned();
    assert_eq!(triaged(&[good, bad]).await, (Failed, vec![], vec![error]));
}

#[cfg(feature = "expressions")]
#[tokio::test]
async fn a_branch_is_chosen_by_an_expression() {
    let engine = Engine::embedded(sortie::defs::registry())
        .in_memory()
        .start()
        .await
        .unwrap();
    for (ports, arm) in [(json!([22, 443]), "open"), (json!([22]), "closed")] {
        let web = Test::AnyRowBy("row.ports.exists(p, p in [80, 443])".parse().unwrap());
        let workflow = Workflow::new("w")
            .task("found", insert(&[json!({"ports": ports})]))
            .when(
                "web",
                asks(web),
                |then| then.task("open", insert(&[json!(1)])),
                |otherwise| otherwise.task("closed", insert(&[json!(1)])),
            );
        let run = engine.submit(workflow).await.unwrap();
        assert_eq!(run.wait().await.unwrap().state, TaskState::Succeeded);
        assert!(run.result::<Value>(arm).await.unwrap().is_some());
    }
    engine.shutdown().await;
}

#[tokio::test]
async fn twenty_sleepers_share_one_worker() {
    let engine = Engine::embedded(sortie::defs::registry()).in_memory();
    let engine = engine
        .concurrency(WorkerKind::External, 1)
        .start()
        .await
        .unwrap();
    let wait = Duration::from_millis(500);
    let workflow = Workflow::new("w").parallel("sleepers", |all| {
        (0..20).fold(all, |all, n| {
            let once = Child::new(SleepUntil::after(wait)).retry(RetryPolicy::NEVER);
            all.task(format!("{n}"), once)
        })
    });
    let started = Instant::now();
    let run = engine.submit(workflow).await.unwrap();
    assert_eq!(run.wait().await.unwrap().state, TaskState::Succeeded);
    let took = started.elapsed();
    assert!(took >= wait && took < 10 * wait, "{took:?}");
    engine.shutdown().await;
}

#[tokio::test]
async fn a_file_lies_in_the_folder_of_the_engine() {
    let folder = tempfile::tempdir().unwrap();
    let engine = Engine::embedded(sortie::defs::registry()).in_memory();
    let engine = engine
        .resource(OutputFolder(folder.path().to_owned()))
        .start()
        .await
        .unwrap();
    let file = ToFile {
        from: "found".to_owned(),
        name: "found.ndjson".parse().unwrap(),
        compression: sortie::defs::data::Compression::None,
    };
    let rows = [json!({"a": 1}), json!([2])];
    let workflow = Workflow::new("w")
        .task("found", insert(&rows))
        .aggregate("file", file);
    let run = engine.submit(workflow).await.unwrap();
    assert_eq!(run.wait().await.unwrap().state, TaskState::Succeeded);
    let text = std::fs::read_to_string(folder.path().join("found.ndjson")).unwrap();
    assert_eq!(text, "{\"a\":1}\n[2]\n");
    engine.shutdown().await;
}
