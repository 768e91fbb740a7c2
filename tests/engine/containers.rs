//! Sequences, parallel containers, and how they nest.

use std::collections::BTreeSet;
use std::time::Duration;

use sortie::core::envelope::DispatchTask;
use sortie::prelude::*;

use crate::support::audit;
use crate::support::bench::Bench;
use crate::support::defs::Leaf;
use crate::support::messages::{done, fatal, output};

/// The payload's number, by which a test tells leaves without targets apart.
fn number(task: &DispatchTask) -> u64 {
    task.payload.decode().unwrap()
}

#[tokio::test]
async fn a_sequence_runs_one_after_the_other_in_order() {
    let bench = Bench::new();
    let names = ["first", "second", "third"];
    let steps = names
        .iter()
        .fold(Workflow::new("w"), |w, name| w.task(*name, Leaf(0)));
    let id = bench.submit(steps).await;
    for name in names {
        let task = bench.only().await;
        assert_eq!(task.task_id, bench.task(id, name).await.id);
        assert_eq!(bench.state(id).await, TaskState::Running);
        bench.tell(output(&task, &name)).await;
        assert_eq!(bench.rows::<String>(id, name).await, [name]);
    }
    assert_eq!(bench.state(id).await, TaskState::Succeeded);
    audit::over(&bench, id).await;
}

#[tokio::test]
async fn a_failure_ends_the_sequence_and_the_rest_is_disabled() {
    let bench = Bench::new();
    let steps = Workflow::new("w")
        .task("a", Leaf(1))
        .task("b", Leaf(2))
        .task("c", Leaf(3));
    let id = bench.submit(steps).await;
    bench.tell(fatal(&bench.only().await)).await;
    assert_eq!(bench.dispatched().await, []);
    assert_eq!(bench.state(id).await, TaskState::Failed);
    assert_eq!(bench.task(id, "b").await.status.state, TaskState::Disabled);
    assert_eq!(bench.task(id, "c").await.status.state, TaskState::Disabled);
    let root = &bench.store.containers(id).await.unwrap()[0];
    assert_eq!(root.outcomes.get("dropped_failed"), 1);
    assert_eq!(root.outcomes.get("dropped_disabled"), 5);
    audit::over(&bench, id).await;
}

#[tokio::test]
async fn a_parallel_container_runs_all_at_once_and_keeps_the_order_of_rows() {
    let bench = Bench::new();
    let steps = Workflow::new("w").parallel("all", |p| {
        (0..5).fold(p, |p, n| p.task(format!("task {n}"), Leaf(n)))
    });
    let id = bench.submit(steps).await;
    let mut tasks = bench.dispatched().await;
    assert_eq!(tasks.len(), 5);
    tasks.reverse();
    for task in tasks {
        let n = number(&task);
        let coverage = [("found", n)].into_iter().collect();
        bench
            .tell(sortie::core::message::CompleteTask {
                coverage,
                ..output(&task, &n)
            })
            .await;
    }
    assert_eq!(bench.rows::<u64>(id, "all").await, [0, 1, 2, 3, 4]);
    assert_eq!(bench.rows::<u64>(id, "task 3").await, [3]);
    assert_eq!(bench.state(id).await, TaskState::Succeeded);
    audit::over(&bench, id).await;
}

/// parallel( sequence(1, parallel(2, sequence(3, 4)), 5), sequence(6, 7), 8 ), then 9.
fn nested() -> Workflow {
    let inner = |s: sortie::core::workflow::Sequence| {
        s.task("1", Leaf(1))
            .parallel("deep", |p| {
                p.task("2", Leaf(2))
                    .sequence("deeper", |s| s.task("3", Leaf(3)).task("4", Leaf(4)))
            })
            .task("5", Leaf(5))
    };
    Workflow::new("nested")
        .parallel("outer", |p| {
            p.sequence("left", inner)
                .sequence("right", |s| s.task("6", Leaf(6)).task("7", Leaf(7)))
                .task("8", Leaf(8))
        })
        .task("9", Leaf(9))
}

#[tokio::test]
async fn nested_containers_go_on_as_soon_as_what_they_wait_for_is_over() {
    let bench = Bench::new();
    let id = bench.submit(nested()).await;
    // In each round everything that runs ends at once; the last column is what that sets free.
    let rounds: [&[u64]; 5] = [&[1, 6, 8], &[2, 3, 7], &[4], &[5], &[9]];
    for expected in rounds {
        let tasks = bench.dispatched().await;
        let numbers: BTreeSet<_> = tasks.iter().map(number).collect();
        assert_eq!(numbers, expected.iter().copied().collect());
        let ends = tasks.iter().map(|task| {
            let coverage = [("found", number(task))].into_iter().collect();
            sortie::core::message::CompleteTask {
                coverage,
                ..done(task)
            }
            .into()
        });
        bench.tell_all(ends).await;
        audit::consistent(&bench, id).await;
    }
    assert_eq!(bench.state(id).await, TaskState::Succeeded);
    audit::over(&bench, id).await;
}

#[tokio::test]
async fn a_failure_deep_down_fails_all_above_it_and_leaves_the_neighbours_alone() {
    let bench = Bench::new();
    let id = bench.submit(nested()).await;
    let mut failed = false;
    loop {
        let tasks = bench.dispatched().await;
        if tasks.is_empty() {
            break;
        }
        for task in tasks {
            let n = number(&task);
            failed |= n == 3;
            let coverage = [("found", n)].into_iter().collect();
            let done = sortie::core::message::CompleteTask {
                coverage,
                ..done(&task)
            };
            bench.tell(if n == 3 { fatal(&task) } else { done }).await;
            audit::consistent(&bench, id).await;
        }
    }
    assert!(failed, "task 3 has run");
    for (name, state) in [("7", TaskState::Succeeded), ("8", TaskState::Succeeded)] {
        assert_eq!(
            bench.task(id, name).await.status.state,
            state,
            "task {name}"
        );
    }
    for name in ["4", "5", "9"] {
        assert_eq!(
            bench.task(id, name).await.status.state,
            TaskState::Disabled,
            "task {name}"
        );
    }
    for name in ["deeper", "deep", "left", "outer"] {
        assert_eq!(
            bench.container(id, name).await.state,
            TaskState::Failed,
            "{name}"
        );
    }
    assert_eq!(
        bench.container(id, "right").await.state,
        TaskState::Succeeded
    );
    audit::over(&bench, id).await;
}

#[tokio::test]
async fn containers_count_against_max_in_flight_as_tasks_do() {
    let bench = Bench::new();
    let steps = Workflow::new("w").parallel("all", |p| {
        (0..6).fold(p.max_in_flight(2), |p, n| match n % 2 {
            0 => p.task(format!("task {n}"), Leaf(0)),
            _ => p.sequence(format!("seq {n}"), |s| s.task(format!("in {n}"), Leaf(0))),
        })
    });
    let id = bench.submit(steps).await;
    let mut order = Vec::new();
    for _ in 0..6 {
        let running = bench.container(id, "all").await.children.running;
        assert!(running <= 2 && running > 0, "{running} run");
        order.extend(bench.dispatched().await);
        let next = order
            .iter()
            .position(|t: &DispatchTask| t.attempt == 1)
            .unwrap();
        bench.tell(done(&order.remove(next))).await;
        audit::consistent(&bench, id).await;
    }
    assert_eq!(bench.state(id).await, TaskState::Succeeded);
    audit::over(&bench, id).await;
}

#[tokio::test]
async fn runs_do_not_touch_each_other() {
    let bench = Bench::new();
    let one = bench
        .submit(Workflow::new("w").task("a", Leaf(1)).task("b", Leaf(0)))
        .await;
    let two = bench
        .submit(Workflow::new("w").task("a", Leaf(1)).task("b", Leaf(0)))
        .await;
    let tasks = bench.dispatched().await;
    let (of_one, of_two): (Vec<_>, Vec<_>) = tasks.iter().partition(|t| t.collection_id == one);
    assert_eq!((of_one.len(), of_two.len()), (1, 1));
    bench.tell(fatal(of_one[0])).await;
    assert_eq!(bench.state(one).await, TaskState::Failed);
    assert_eq!(bench.state(two).await, TaskState::Running);
    let coverage = [("found", 1)].into_iter().collect();
    bench
        .tell(sortie::core::message::CompleteTask {
            coverage,
            ..done(of_two[0])
        })
        .await;
    bench.runtime.advance(Duration::from_secs(1)).await;
    bench.finish_only().await;
    assert_eq!(bench.state(two).await, TaskState::Succeeded);
    audit::over(&bench, one).await;
    audit::over(&bench, two).await;
}
