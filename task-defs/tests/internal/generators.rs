//! Generators that go on where an earlier attempt has stopped.

use std::collections::BTreeSet;
use std::time::Duration;

use scanners::scope::ScopeSpec;
use serde_json::{Value, json};
use sortie_task_defs::scan::{Dns, Generate, Generated, PortScan, Scan, TcpSyn};
use task_core::message::{NewChild, Outcome};
use task_core::{Claim, Payload, TaskDefinition};

use crate::bench::{Ended, Setup};

/// Rows, with hardly any time for them: one task an attempt.
async fn setup(rows: &[Value]) -> Setup {
    let mut setup = Setup::new(rows);
    let spec = ScopeSpec {
        allow_domains: vec!["example".to_owned()],
        allow_nets: vec!["198.18.0.0/15".parse().unwrap()],
        ..ScopeSpec::default()
    };
    let scope = Claim::store("scope".to_owned(), spec.to_json().into(), &*setup.objects);
    setup.scope = Some(scope.await.unwrap());
    setup.time = Some(Duration::from_secs(3));
    setup
}

/// Runs attempts until one does not hand back a cursor; all tasks that they created.
async fn in_pieces<T: TaskDefinition>(mut setup: Setup, task: &T) -> (Vec<NewChild>, Ended) {
    let mut children = Vec::new();
    loop {
        let mut ended = setup.run(task).await;
        children.append(&mut ended.children);
        match &ended.complete.outcome {
            Outcome::Deadline { cursor, .. } => setup.cursor = Some(cursor.clone()),
            _ => return (children, ended),
        }
        setup.attempt += 1;
    }
}

fn names(count: u32) -> Vec<Value> {
    (0..count).map(|n| json!(format!("n{n}.example"))).collect()
}

fn dns() -> Generate<Dns> {
    Generate::new("rows", Dns::default()).chunk(2)
}

fn cursor(ended: &Ended) -> Payload {
    match &ended.complete.outcome {
        Outcome::Deadline { cursor, .. } => cursor.clone(),
        other => panic!("{other:?}"),
    }
}

/// What the generator itself wrote into it.
fn place(cursor: &Payload) -> Value {
    cursor.decode::<Value>().unwrap()["at"].clone()
}

/// The cursor of an attempt that has created one task, with another place in it.
fn at(place: &Value) -> Option<Payload> {
    Some(Payload::encode(&json!({"rows": 0, "children": 1, "at": place})).unwrap())
}

#[tokio::test]
async fn a_generator_that_goes_on_gives_every_target_to_one_task() {
    let (children, ended) = in_pieces(setup(&names(9)).await, &dns()).await;
    let outcome = Outcome::Succeeded { children: Some(5) };
    assert_eq!(ended.complete.outcome, outcome);
    let generated: Generated = ended.complete.data.unwrap().decode().unwrap();
    assert_eq!((generated.tasks, generated.targets), (5, 9));
    let ordinals: Vec<u32> = children.iter().map(|child| child.ordinal).collect();
    assert_eq!(ordinals, [0, 1, 2, 3, 4]);
    let scans = children
        .iter()
        .map(|child| child.payload.decode::<Scan<Dns>>().unwrap());
    let targets: Vec<_> = scans.flat_map(|scan| scan.targets).collect();
    let distinct: BTreeSet<_> = targets.iter().collect();
    assert_eq!((targets.len(), distinct.len()), (9, 9));
}

#[tokio::test]
async fn a_generator_does_not_go_on_with_tasks_of_another_split() {
    let first = setup(&names(9)).await;
    let begun = cursor(&first.run(&dns()).await);
    let with = |change: fn(&mut Setup, &mut Generate<Dns>)| {
        let (mut next, mut task) = (first.clone(), dns());
        (next.cursor, next.attempt) = (Some(begun.clone()), 2);
        change(&mut next, &mut task);
        async move { next.run(&task).await }
    };
    let same = with(|_, _| ()).await;
    assert_eq!(place(&cursor(&same))["created"], 2);
    // As if another version of the program read or split them otherwise: as many tasks each time.
    let changes: [fn(&mut Setup, &mut Generate<Dns>); 3] = [
        |setup, _| setup.rows[3] = Payload::encode(&"other.example").unwrap(),
        |setup, _| setup.rows.swap(0, 1),
        |_, task| task.seed = 1,
    ];
    for change in changes {
        let ended = with(change).await;
        let error = ended.fatal();
        assert!(error.contains("has created 1 tasks"), "{error}");
        assert!(error.contains("5 tasks of 9 targets"), "{error}");
        assert!(error.contains("submit the workflow again"), "{error}");
        assert!(ended.children.is_empty());
    }
}

#[tokio::test]
async fn a_cursor_of_the_first_version_is_gone_on_with_if_its_tasks_can_be_these() {
    let mut setup = setup(&names(9)).await;
    (setup.cursor, setup.attempt) = (at(&json!(1)), 2);
    let (children, ended) = in_pieces(setup.clone(), &dns()).await;
    assert_eq!((children.len(), children[0].ordinal), (4, 1));
    let outcome = Outcome::Succeeded { children: Some(5) };
    assert_eq!(ended.complete.outcome, outcome);

    // There are more already than there would be.
    setup.cursor = Some(Payload::encode(&json!({"rows": 0, "children": 6, "at": 6})).unwrap());
    let ended = setup.run(&dns()).await;
    assert!(
        ended.fatal().contains("has created 6 tasks"),
        "{}",
        ended.fatal()
    );
    setup.cursor = at(&json!("x"));
    assert!(
        setup
            .run(&dns())
            .await
            .fatal()
            .contains("a number of tasks")
    );
}

#[tokio::test]
async fn a_generator_of_port_scans_goes_on_with_its_own_tasks_alone() {
    let rows = [
        json!("198.18.0.0/24"),
        json!({"name": "a.example", "addresses": ["198.18.7.7", "198.18.7.8"]}),
    ];
    let options = TcpSyn {
        ports: vec![80],
        ..TcpSyn::default()
    };
    let task = || Generate::new("rows", options.clone()).chunk(100);
    let mut setup = setup(&rows).await;
    let (children, ended) = in_pieces(setup.clone(), &task()).await;
    let outcome = Outcome::Succeeded { children: Some(4) };
    assert_eq!(ended.complete.outcome, outcome);
    let targets: u64 = children.iter().map(|child| child.targets).sum();
    let generated: Generated = ended.complete.data.unwrap().decode().unwrap();
    assert_eq!((targets, generated.targets, generated.tasks), (258, 258, 4));
    for child in &children {
        let scan: PortScan = child.payload.decode().unwrap();
        assert!(scan.portion.is_some());
    }

    let first = cursor(&setup.run(&task()).await);
    for (old, same) in [
        (place(&first), true),
        (json!(1), true),
        (place(&first), false),
    ] {
        (setup.cursor, setup.attempt) = (at(&old), 2);
        let task = if same { task() } else { task().chunk(99) };
        let ended = setup.run(&task).await;
        match same {
            true => assert_eq!(place(&cursor(&ended))["created"], 2),
            false => assert!(
                ended.fatal().contains("4 tasks of 258 targets"),
                "{}",
                ended.fatal()
            ),
        }
    }
}
