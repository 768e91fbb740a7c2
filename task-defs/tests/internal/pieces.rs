//! Interrupted again and again, every task writes what it writes in one go.

use std::fmt::Debug;

use serde_json::{Value, json};
use sortie_task_defs::control::{Conditional, Test};
use sortie_task_defs::data::{
    Condition, Distinct, Filter, FilterByMembership, FilterByScope, GroupBy, Merge, Order,
    Partition, Sample, Side, Split, TopN,
};
use task_core::TaskDefinition;

use crate::bench::Setup;
use crate::filters::{at, from, rows};

async fn same<T: TaskDefinition + Debug>(task: T, count: u64) {
    let hosts = |n: u64| json!({"n": n, "key": n % 7, "host": format!("{n}.example.com")});
    let all: Vec<Value> = (0..count).map(hosts).collect();
    let setup = Setup::new(&all).others(&rows(9));
    let whole = setup.run(&task).await;
    let (pieces, attempts) = setup.run_in_pieces(&task).await;
    assert!(attempts > 1, "{task:?}");
    assert_eq!(pieces.complete.outcome, whole.complete.outcome, "{task:?}");
    let output = |ended: &crate::bench::Ended| {
        ended
            .complete
            .data
            .as_ref()
            .map(|data| data.decode::<Value>().unwrap())
    };
    assert_eq!(output(&pieces), output(&whole), "{task:?}");
    assert_eq!(pieces.written, whole.written, "{task:?}");
}

#[tokio::test]
async fn filters_go_on_where_they_stopped() {
    let even = || Condition::In {
        at: at("/key"),
        list: vec![json!(0), json!(2)],
    };
    same(
        Filter {
            from: from(),
            keep: even(),
        },
        6,
    )
    .await;
    let scope =
        serde_json::from_value(json!({"allow_names": ["1.example.com", "4.example.com"]})).unwrap();
    same(
        FilterByScope {
            from: from(),
            at: at("/host"),
            keep: Side::In,
            scope: Some(scope),
        },
        6,
    )
    .await;
    same(
        Sample {
            from: from(),
            rows: 3,
            seed: 40,
        },
        8,
    )
    .await;
    same(
        Conditional {
            from: from(),
            holds: Test::AllRows(Condition::AllOf(vec![])),
        },
        4,
    )
    .await;
    // These read a chunk at least.
    same(
        Distinct {
            from: from(),
            by: vec![at("/key")],
        },
        600,
    )
    .await;
    let membership = FilterByMembership {
        from: from(),
        at: at("/n"),
        keep: Side::Out,
        among: "others".to_owned(),
        among_at: at("/n"),
    };
    same(membership, 600).await;
    same(
        Merge {
            from: vec![from(), "others".to_owned()],
            by: Some(vec![at("/n")]),
        },
        600,
    )
    .await;
    same(
        Merge {
            from: vec![from(), "others".to_owned()],
            by: None,
        },
        4,
    )
    .await;
}

#[cfg(feature = "expressions")]
#[tokio::test]
async fn a_filter_by_expression_goes_on_in_either_round() {
    let keep = "row.n % 2 == 0".parse().unwrap();
    same(
        sortie_task_defs::data::FilterByExpression { from: from(), keep },
        5,
    )
    .await;
}

#[tokio::test]
async fn aggregators_take_up_what_they_had() {
    same(
        GroupBy {
            from: from(),
            by: at("/key"),
        },
        9,
    )
    .await;
    same(
        TopN {
            from: from(),
            by: at("/key"),
            rows: 4,
            order: Order::Smallest,
        },
        9,
    )
    .await;
    // What they have does not fit a cursor.
    let long = |n: u64| json!({"n": n, "key": format!("{n}{}", "x".repeat(900))});
    let all: Vec<Value> = (0..30).map(long).collect();
    let setup = Setup::new(&all);
    let top = TopN {
        from: from(),
        by: at("/n"),
        rows: 25,
        order: Order::Largest,
    };
    let whole = setup.run(&top).await;
    assert_eq!(setup.run_in_pieces(&top).await.0.written, whole.written);
}

#[tokio::test]
async fn parts_go_on_with_the_next_number() {
    let all = rows(5);
    let by = Split::Chunks { rows: 2 };
    let task = Partition { from: from(), by };
    let (ended, attempts) = Setup::new(&all).run_in_pieces(&task).await;
    assert_eq!(attempts, 6);
    let parts: Vec<_> = ended
        .written
        .iter()
        .map(|part| (part["part"].as_u64().unwrap(), part["rows"][0].clone()))
        .collect();
    assert_eq!(parts, (0..5).zip(all).collect::<Vec<_>>());
}
