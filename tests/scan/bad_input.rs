//! Rows and settings that are none.

use serde_json::{Value, json};
use sortie::core::requirements::DeclaresQueue;
use sortie::defs::data::InsertData;
use sortie::defs::scan::{Dns, Generate, Generated, TcpSyn};
use sortie::prelude::*;

use crate::support::{engine, fails, rows, runs, scope};

fn over<T>(rows: Vec<Value>, generate: T) -> Workflow
where
    T: TaskDefinition<Requires: DeclaresQueue>,
{
    Workflow::new("bad")
        .scope(scope(&["example"], &[]).to_json())
        .task("rows", InsertData { rows })
        .generate("scans", generate, |scans| scans)
}

#[tokio::test]
async fn a_row_that_is_none_is_named_or_skipped() {
    let engine = engine().await;
    // Out of scope, so that nobody is asked.
    let bad = || {
        vec![
            json!("a.test"),
            json!({"name": "no name"}),
            json!(7),
            json!("A.test."),
        ]
    };
    let error = fails(&engine, over(bad(), Generate::new("rows", Dns::default()))).await;
    assert!(error.starts_with("row 1 of task"), "{error}");
    assert!(error.contains("host name"), "{error}");

    let skipping = Generate::new("rows", Dns::default()).skip_bad_rows();
    let run = runs(&engine, over(bad(), skipping)).await;
    let generated: Generated = run.result("scans.generator").await.unwrap().unwrap();
    let expected = Generated {
        rows: 4,
        skipped: 2,
        without_target: 0,
        targets: 1,
        duplicates: 1,
        tasks: 1,
        ..Generated::default()
    };
    assert_eq!(generated, expected);
    let records: Vec<Value> = rows(&run, "scans").await;
    assert_eq!(records.len(), 1);
    assert_eq!(records[0]["outcome"], "out_of_scope");
    engine.shutdown().await;
}

#[tokio::test]
async fn items_of_an_array_are_rows_and_nothing_is_none() {
    let engine = engine().await;
    let all = vec![
        json!({"domains": [{"name": "a.test"}, {"name": "b.test"}]}),
        json!({"domains": []}),
        json!({}),
    ];
    let generate = Generate::new("rows", Dns::default()).at("/domains".parse().unwrap());
    let run = runs(&engine, over(all, generate)).await;
    assert_eq!(rows::<Value>(&run, "scans").await.len(), 2);
    // No targets at all are no tasks, and no failure.
    let run = runs(&engine, over(vec![], Generate::new("rows", Dns::default()))).await;
    assert!(rows::<Value>(&run, "scans").await.is_empty());
    engine.shutdown().await;
}

#[tokio::test]
async fn settings_beyond_their_limits_are_named() {
    let engine = engine().await;
    let with = |change: fn(&mut Generate<TcpSyn>)| {
        let mut generate = Generate::new("rows", TcpSyn::default());
        change(&mut generate);
        over(vec![], generate)
    };
    for (change, expected) in [
        (
            (|g| g.chunk = Some(0)) as fn(&mut Generate<TcpSyn>),
            "chunk is 0; 1 to 1048576 are allowed",
        ),
        (
            |g| g.concurrency = 0,
            "concurrency is 0; 1 to 10000 are allowed",
        ),
        (
            |g| g.options.ports = vec![80, 80],
            "options.ports is a list of 2; give at least one port, none twice, and not 0",
        ),
        (
            |g| g.options.timeout = std::time::Duration::from_secs(60),
            "options.timeout_ms is 60000; 10 to 45000 are allowed",
        ),
        (
            |g| g.options.rate = 0,
            "options.rate is 0; 1 to 10000000 are allowed",
        ),
        (
            |g| g.from = "nothing".to_owned(),
            "this workflow has no task or container called `nothing`",
        ),
    ] {
        assert_eq!(fails(&engine, with(change)).await, expected);
    }
    engine.shutdown().await;
}

#[tokio::test]
async fn without_a_scope_nothing_is_looked_at() {
    let engine = engine().await;
    let workflow = Workflow::new("bare")
        .task(
            "rows",
            InsertData {
                rows: vec![json!("a.example")],
            },
        )
        .generate("scans", Generate::new("rows", Dns::default()), |s| s);
    let error = fails(&engine, workflow).await;
    assert!(error.contains("Workflow::scope"), "{error}");
    engine.shutdown().await;
}
