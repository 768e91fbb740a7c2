//! Generators: children before, after and around the total, from attempts that die half-way.

use std::time::Duration;

use sortie::core::WorkerKind;
use sortie::prelude::*;

use crate::support::audit;
use crate::support::bench::Bench;
use crate::support::defs::{Reader, Spawner};
use crate::support::messages::{children, done, failed, fatal, found, handed_back, total};

const LEASE: Duration = Duration::from_secs(60);

/// A generated container and an aggregator behind it.
fn scan() -> Workflow {
    Workflow::new("w")
        .generate("scan", Spawner(0), |c| c)
        .aggregate("read", Reader(0))
}

/// Ends all children that are dispatched well, until nothing but the aggregator is left.
async fn finish(bench: &Bench, children: u64) {
    let mut ended = 0;
    loop {
        let tasks = bench.dispatched_to(WorkerKind::External).await;
        if tasks.is_empty() {
            break;
        }
        ended += tasks.len() as u64;
        bench
            .tell_all(tasks.iter().map(|task| found(task, 1).into()))
            .await;
    }
    assert_eq!(ended, children, "children dispatched");
    let reader = bench.only().await;
    assert_eq!(reader.kind, "t.reader");
    bench.tell(done(&reader)).await;
}

#[tokio::test]
async fn no_child_one_child_and_a_thousand() {
    for n in [0, 1, 1000] {
        let bench = Bench::new();
        let id = bench.submit(scan()).await;
        let generator = bench.only().await;
        for at in (0..n).step_by(300) {
            bench.tell(children(&generator, at..n.min(at + 300))).await;
        }
        bench.tell(total(&generator, n)).await;
        finish(&bench, u64::from(n)).await;
        assert_eq!(
            bench.container(id, "scan").await.expected,
            Some(u64::from(n))
        );
        assert_eq!(bench.state(id).await, TaskState::Succeeded, "{n} children");
        audit::over(&bench, id).await;
    }
}

#[tokio::test]
async fn the_total_may_come_before_all_children() {
    let bench = Bench::new();
    let id = bench.submit(scan()).await;
    let generator = bench.only().await;
    bench.tell(total(&generator, 5)).await;
    let state = bench.task(id, "scan.generator").await.status.state;
    assert_eq!(state, TaskState::PendingTaskCreation);
    bench.tell(children(&generator, 3..5)).await;
    let early = bench.dispatched().await;
    assert_eq!(early.len(), 2);
    bench
        .tell_all(early.iter().map(|task| found(task, 1).into()))
        .await;
    assert_eq!(
        bench.dispatched().await,
        [],
        "the aggregator must wait for the other three"
    );
    audit::consistent(&bench, id).await;
    for _ in 0..2 {
        bench.tell(children(&generator, 0..3)).await;
        bench.tell(total(&generator, 5)).await;
        bench.tell(children(&generator, 3..5)).await;
    }
    let state = bench.task(id, "scan.generator").await.status.state;
    assert_eq!(state, TaskState::Succeeded);
    finish(&bench, 3).await;
    assert_eq!(bench.state(id).await, TaskState::Succeeded);
    audit::over(&bench, id).await;
}

#[tokio::test]
async fn children_and_total_in_one_batch_in_any_order() {
    let bench = Bench::new();
    let id = bench.submit(scan()).await;
    let generator = bench.only().await;
    let batch = [
        total(&generator, 4).into(),
        children(&generator, 2..4).into(),
        total(&generator, 4).into(),
        children(&generator, 0..3).into(),
    ];
    bench.tell_all(batch).await;
    audit::consistent(&bench, id).await;
    finish(&bench, 4).await;
    audit::over(&bench, id).await;
}

#[tokio::test]
async fn max_in_flight_holds_for_several_messages_of_children_in_one_batch() {
    let bench = Bench::new();
    let steps = Workflow::new("w").generate("scan", Spawner(0), |c| c.max_in_flight(3));
    let id = bench.submit(steps).await;
    let generator = bench.only().await;
    let batch = (0..4).map(|n| children(&generator, n * 5..n * 5 + 5).into());
    bench.tell_all(batch).await;
    audit::consistent(&bench, id).await;
    let mut dispatched = bench.dispatched().await;
    assert_eq!(dispatched.len(), 3);
    bench.tell(total(&generator, 20)).await;
    let mut ended = 0;
    while let Some(task) = dispatched.pop() {
        bench.tell(found(&task, 1)).await;
        ended += 1;
        dispatched.extend(bench.dispatched().await);
        assert!(dispatched.len() <= 3, "{} in flight", dispatched.len());
    }
    assert_eq!(ended, 20);
    assert_eq!(bench.state(id).await, TaskState::Succeeded);
    audit::over(&bench, id).await;
}

#[tokio::test]
async fn generators_side_by_side_keep_their_children_apart() {
    let bench = Bench::new();
    let steps = Workflow::new("w").parallel("both", |p| {
        p.generate("a", Spawner(0), |c| c.max_in_flight(1))
            .generate("b", Spawner(0), |c| c)
    });
    let id = bench.submit(steps.aggregate("read", Reader(0))).await;
    let generators = bench.dispatched().await;
    assert_eq!(generators.len(), 2);
    for (n, generator) in (2..).zip(&generators) {
        bench.tell(children(generator, 0..n)).await;
        bench.tell(total(generator, n)).await;
    }
    finish(&bench, 5).await;
    let sizes = [
        bench.container(id, "a").await,
        bench.container(id, "b").await,
    ];
    let mut sizes = sizes.map(|container| container.children.succeeded);
    sizes.sort_unstable();
    assert_eq!(sizes, [2, 3]);
    assert_eq!(bench.state(id).await, TaskState::Succeeded);
    audit::over(&bench, id).await;
}

#[tokio::test]
async fn a_generator_that_fails_fails_its_container_and_ends_its_children() {
    let bench = Bench::new();
    let id = bench.submit(scan()).await;
    let generator = bench.only().await;
    bench.tell(children(&generator, 0..3)).await;
    let tasks = bench.dispatched().await;
    bench.tell(found(&tasks[0], 1)).await;
    bench.tell(fatal(&generator)).await;
    let scan = bench.container(id, "scan").await;
    assert_eq!(scan.state, TaskState::Failed);
    assert_eq!((scan.children.succeeded, scan.children.disabled), (1, 2));
    // What comes late has no effect.
    bench.tell(children(&generator, 3..9)).await;
    bench.tell(found(&tasks[1], 1)).await;
    assert_eq!(bench.container(id, "scan").await, scan);
    bench.finish_only().await;
    assert_eq!(bench.state(id).await, TaskState::Failed);
    audit::over(&bench, id).await;
}

#[tokio::test]
async fn a_generator_that_dies_half_way_makes_the_same_children_again() {
    let bench = Bench::new();
    let id = bench.submit(scan()).await;
    let first = bench.only().await;
    bench.tell(children(&first, 0..6)).await;
    bench.tell(failed(&first)).await;
    bench.runtime.advance(LEASE).await;
    let tasks = bench.dispatched().await;
    let (second, early): (Vec<_>, Vec<_>) = tasks.into_iter().partition(|t| t.kind == "t.spawner");
    assert_eq!((second.len(), early.len()), (1, 6));
    bench
        .tell_all(early.iter().map(|task| found(task, 1).into()))
        .await;
    bench.tell(children(&first, 6..8)).await;
    assert_eq!(
        bench.dispatched().await,
        [],
        "an older attempt creates nothing"
    );
    bench.tell(children(&second[0], 0..10)).await;
    bench.tell(total(&second[0], 10)).await;
    finish(&bench, 4).await;
    assert_eq!(bench.state(id).await, TaskState::Succeeded);
    audit::over(&bench, id).await;
}

#[tokio::test]
async fn children_beyond_a_later_attempts_total_count_as_well() {
    let bench = Bench::new();
    let id = bench.submit(scan()).await;
    let first = bench.only().await;
    bench.tell(children(&first, 0..9)).await;
    bench.tell(failed(&first)).await;
    bench.runtime.advance(LEASE).await;
    let tasks = bench.dispatched().await;
    let (second, early): (Vec<_>, Vec<_>) = tasks.into_iter().partition(|t| t.kind == "t.spawner");
    bench.tell(children(&second[0], 0..4)).await;
    bench.tell(total(&second[0], 4)).await;
    bench
        .tell_all(early[..4].iter().map(|task| found(task, 1).into()))
        .await;
    assert_eq!(bench.dispatched().await, [], "five more are running");
    bench
        .tell_all(early[4..].iter().map(|task| found(task, 1).into()))
        .await;
    finish(&bench, 0).await;
    assert_eq!(bench.container(id, "scan").await.children.succeeded, 9);
    assert_eq!(bench.state(id).await, TaskState::Succeeded);
    audit::over(&bench, id).await;
}

/// A carrier delivers the dispatch again; both runs are of the same attempt.
#[tokio::test]
async fn children_beyond_a_twins_total_count_as_well() {
    let bench = Bench::new();
    let id = bench.submit(scan()).await;
    let generator = bench.only().await;
    bench.tell(children(&generator, 0..9)).await;
    let early = bench.dispatched().await;
    bench.tell(children(&generator, 0..4)).await;
    bench.tell(total(&generator, 4)).await;
    bench
        .tell_all(early[..4].iter().map(|task| found(task, 1).into()))
        .await;
    assert_eq!(bench.dispatched().await, [], "five more are running");
    bench
        .tell_all(early[4..].iter().map(|task| found(task, 1).into()))
        .await;
    finish(&bench, 0).await;
    assert_eq!(bench.state(id).await, TaskState::Succeeded);
    audit::over(&bench, id).await;
}

#[tokio::test]
async fn a_generator_whose_children_never_come_runs_again() {
    let bench = Bench::new();
    let id = bench.submit(scan()).await;
    let first = bench.only().await;
    bench.tell(children(&first, 0..3)).await;
    bench.tell(total(&first, 5)).await;
    let early = bench.dispatched().await;
    bench
        .tell_all(early.iter().map(|task| found(task, 1).into()))
        .await;
    bench.tick_after(LEASE).await;
    bench.runtime.advance(LEASE).await;
    let second = bench.only().await;
    assert_eq!((second.task_id, second.attempt), (first.task_id, 2));
    // The missing children come and end while the second attempt still runs.
    bench.tell(children(&second, 3..5)).await;
    let late = bench.dispatched().await;
    bench
        .tell_all(late.iter().map(|task| found(task, 1).into()))
        .await;
    let scan = bench.container(id, "scan").await.state;
    assert_eq!(scan, TaskState::Running, "its generator is still at work");
    assert_eq!(bench.dispatched().await, [], "no aggregator yet");
    bench.tell(children(&second, 5..7)).await;
    bench.tell(total(&second, 7)).await;
    finish(&bench, 2).await;
    assert_eq!(bench.state(id).await, TaskState::Succeeded);
    audit::over(&bench, id).await;
}

#[tokio::test]
async fn a_generator_that_waits_for_its_children_survives_a_restart() {
    let bench = Bench::new();
    let id = bench.submit(scan()).await;
    let first = bench.only().await;
    bench.tell(children(&first, 0..3)).await;
    bench.tell(total(&first, 4)).await;
    let bench = bench.reborn();
    assert_eq!(bench.manager.recover().await.unwrap(), 4);
    let tasks = bench.dispatched().await;
    let (second, early): (Vec<_>, Vec<_>) = tasks.into_iter().partition(|t| t.kind == "t.spawner");
    assert_eq!((second.len(), early.len()), (1, 3));
    bench
        .tell_all(early.iter().map(|task| found(task, 1).into()))
        .await;
    bench.tell(children(&second[0], 3..4)).await;
    let late = bench.only().await;
    bench.tell(found(&late, 1)).await;
    assert_eq!(
        bench.dispatched().await,
        [],
        "no aggregator before the generator has ended"
    );
    bench.tell(total(&second[0], 4)).await;
    finish(&bench, 0).await;
    audit::over(&bench, id).await;
}

#[tokio::test]
async fn children_of_before_a_cursor_may_come_after_it() {
    let bench = Bench::new();
    let id = bench.submit(scan()).await;
    let first = bench.only().await;
    let before = children(&first, 0..4);
    bench.tell(handed_back(&first, 0)).await;
    let second = bench.only().await;
    assert_eq!(second.attempt, 2);
    // The second attempt goes on behind the fourth child, so nobody else will create these.
    bench.tell(before).await;
    bench.tell(children(&second, 4..6)).await;
    bench.tell(total(&second, 6)).await;
    finish(&bench, 6).await;
    assert_eq!(bench.state(id).await, TaskState::Succeeded);
    audit::over(&bench, id).await;
}
