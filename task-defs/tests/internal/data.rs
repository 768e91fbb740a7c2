use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use sortie_task_defs::control::{Conditional, Test};
use sortie_task_defs::data::{Condition, Count, Filter, GroupBy, InsertData};
use task_core::message::Outcome;
use task_core::{Arm, Payload};
use transports::objects::ObjectStoreObjects;

use crate::bench::{over, run};

fn rows(n: u64) -> Vec<Value> {
    (0..n)
        .map(|n| json!({"n": n, "even": n.is_multiple_of(2)}))
        .collect()
}

fn from() -> String {
    "rows".to_owned()
}

fn even() -> Condition {
    Condition::Equals {
        at: "/even".parse().unwrap(),
        value: json!(true),
    }
}

fn too_deep() -> Condition {
    (0..40).fold(even(), |inner, _| Condition::Not(Box::new(inner)))
}

#[tokio::test]
async fn insert_writes_its_rows_in_order() {
    let ended = over(&InsertData { rows: rows(1200) }, &[]).await;
    assert_eq!(ended.written, rows(1200));
    assert_eq!(ended.complete.data, None);
}

#[tokio::test]
async fn filter_keeps_what_matches_in_order() {
    let ended = over(
        &Filter {
            from: from(),
            keep: even(),
        },
        &rows(1001),
    )
    .await;
    let expected: Vec<_> = rows(1001).into_iter().step_by(2).collect();
    assert_eq!(ended.written, expected);
    // No match is no rows, and no output in their place.
    let ended = over(
        &Filter {
            from: from(),
            keep: Condition::AnyOf(vec![]),
        },
        &rows(3),
    )
    .await;
    assert_eq!((ended.written.len(), ended.complete.data), (0, None));
}

#[tokio::test]
async fn filter_out_of_time_goes_on_where_it_stopped() {
    let task = Filter {
        from: from(),
        keep: even(),
    };
    let inputs: Vec<_> = rows(5)
        .iter()
        .map(|row| Payload::encode(row).unwrap())
        .collect();
    let objects = Arc::new(ObjectStoreObjects::memory());
    // Always less than the margin: one row an attempt.
    let time = Some(Duration::from_secs(3));
    let mut cursor = None;
    let mut written = Vec::new();
    for _ in 0..5 {
        let ended = run(&task, inputs.clone(), objects.clone(), cursor, time).await;
        written.extend(ended.written);
        let Outcome::Deadline { cursor: next, .. } = ended.complete.outcome else {
            panic!("{:?}", ended.complete.outcome)
        };
        cursor = Some(next);
    }
    assert_eq!(written, rows(5).into_iter().step_by(2).collect::<Vec<_>>());
    let ended = run(&task, inputs, objects, cursor, time).await;
    assert_eq!(
        ended.complete.outcome,
        Outcome::Succeeded { children: None }
    );
}

#[tokio::test]
async fn counts_and_groups() {
    assert_eq!(
        over(&Count { from: from() }, &rows(700)).await.output(),
        json!({"rows": 700})
    );
    let by = GroupBy {
        from: from(),
        by: "/even".parse().unwrap(),
    };
    let expected = json!({"rows": 701, "missing": 0, "groups": [
        {"value": true, "rows": 351}, {"value": false, "rows": 350},
    ]});
    assert_eq!(over(&by, &rows(701)).await.output(), expected);
}

#[tokio::test]
async fn a_choice_reads_no_more_than_it_needs() {
    let any = Condition::Equals {
        at: "/n".parse().unwrap(),
        value: json!(3),
    };
    for (holds, arm, pages) in [
        (Test::HasRows, Arm::Then, 0),
        (Test::RowsAtLeast(1001), Arm::Else, 0),
        (Test::AnyRow(any), Arm::Then, 1),
        (Test::AllRows(even()), Arm::Else, 1),
        (Test::AnyRow(Condition::AnyOf(vec![])), Arm::Else, 4),
    ] {
        let ended = over(
            &Conditional {
                from: from(),
                holds,
            },
            &rows(1000),
        )
        .await;
        assert_eq!(ended.output(), serde_json::to_value(arm).unwrap());
        assert!(ended.read <= pages * 256, "{}", ended.read);
    }
}

#[tokio::test]
async fn what_is_wrong_is_named() {
    let error = over(
        &Count {
            from: "row".to_owned(),
        },
        &[],
    )
    .await;
    assert!(error.fatal().contains("`row`"), "{}", error.fatal());
    let error = over(
        &Filter {
            from: from(),
            keep: too_deep(),
        },
        &[],
    )
    .await;
    assert_eq!(
        error.fatal(),
        "keep: the condition is nested deeper than 32 levels"
    );
    let holds = Test::AllRows(too_deep());
    let error = over(
        &Conditional {
            from: from(),
            holds,
        },
        &[],
    )
    .await;
    assert_eq!(
        error.fatal(),
        "holds: the condition is nested deeper than 32 levels"
    );
}
