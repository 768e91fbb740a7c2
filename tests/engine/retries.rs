//! Failures, back-off and time limits, as the manager sees them.

use std::time::Duration;

use sortie::core::envelope::DispatchTask;
use sortie::core::message::Outcome;
use sortie::core::{Child, Payload, WorkerKind};
use sortie::prelude::*;

use crate::support::audit;
use crate::support::bench::Bench;
use crate::support::defs::{Leaf, Raw};
use crate::support::messages::{alive, done, ended, failed, fatal, found, handed_back};

const SECOND: Duration = Duration::from_secs(1);

fn retry(failures: u32, base: Duration, cap: Duration) -> RetryPolicy {
    RetryPolicy {
        max_failures: failures,
        base,
        cap,
    }
}

fn one(child: Child<Leaf>) -> Workflow {
    Workflow::new("w").task("a", child)
}

/// Waits until the only task is dispatched again; returns it, and how long that took.
async fn next(bench: &Bench) -> (DispatchTask, Duration) {
    for waited in 0..100_000 {
        let mut tasks = bench.dispatched().await;
        if let Some(task) = tasks.pop() {
            return (task, Duration::from_millis(waited * 10));
        }
        bench.runtime.advance(Duration::from_millis(10)).await;
    }
    panic!("not dispatched again");
}

#[tokio::test]
async fn back_off_grows_up_to_its_cap_and_the_last_failure_is_final() {
    let bench = Bench::new();
    let child = Child::new(Leaf(3)).retry(retry(5, SECOND, 3 * SECOND));
    let id = bench.submit(one(child)).await;
    let mut task = bench.only().await;
    for full in [1, 2, 3, 3] {
        bench.tell(failed(&task)).await;
        let (again, waited) = next(&bench).await;
        let full = full * SECOND;
        assert!(
            waited >= full / 2 && waited <= full + SECOND / 10,
            "{waited:?} of {full:?}"
        );
        assert_eq!(again.attempt, task.attempt + 1);
        task = again;
    }
    bench.tell(failed(&task)).await;
    assert_eq!(bench.state(id).await, TaskState::Failed);
    let status = bench.task(id, "a").await.status;
    assert_eq!(
        (status.failures, status.attempt, status.error.as_deref()),
        (5, 5, Some("not today"))
    );
    audit::over(&bench, id).await;
}

#[tokio::test]
async fn a_peer_may_ask_for_a_longer_wait_but_not_for_a_shorter_one() {
    let bench = Bench::new();
    let id = bench
        .submit(one(Child::new(Leaf(0)).retry(retry(9, SECOND, SECOND))))
        .await;
    let mut task = bench.only().await;
    for (asked, least) in [(5000, 5000), (1, 500)] {
        let error = "slow down".to_owned();
        bench
            .tell(ended(
                &task,
                Outcome::Retry {
                    error,
                    after_ms: Some(asked),
                },
            ))
            .await;
        let (again, waited) = next(&bench).await;
        assert!(waited >= Duration::from_millis(least), "{waited:?}");
        task = again;
    }
    bench.tell(done(&task)).await;
    audit::over(&bench, id).await;
}

#[tokio::test]
async fn a_pause_holds_nobody_and_counts_as_no_failure() {
    let bench = Bench::new();
    let id = bench
        .submit(one(Child::new(Leaf(0)).retry(RetryPolicy::NEVER)))
        .await;
    let mut task = bench.only().await;
    for (cursor, seconds) in [(1u32, 30), (2, 60)] {
        let pause = Outcome::Deadline {
            cursor: Payload::encode(&cursor).unwrap(),
            after_ms: Some(seconds * 1000),
        };
        bench.tell(ended(&task, pause)).await;
        let (again, waited) = next(&bench).await;
        assert!(waited >= Duration::from_secs(seconds), "{waited:?}");
        assert_eq!(
            again.cursor.as_ref().map(|at| at.decode().unwrap()),
            Some(cursor)
        );
        task = again;
    }
    bench.tell(done(&task)).await;
    let status = bench.task(id, "a").await.status;
    assert_eq!(
        (status.state, status.failures, status.attempt),
        (TaskState::Succeeded, 0, 3)
    );
    audit::over(&bench, id).await;
}

/// A worker must not take a dispatch that was held back on purpose for one that waited too long.
#[tokio::test]
async fn a_wait_longer_than_the_limit_of_the_queue_is_no_time_in_the_queue() {
    let bench = Bench::new();
    let limits = Limits {
        queued: 2 * SECOND,
        ..Limits::DEFAULT
    };
    let child = Child::new(Leaf(0))
        .retry(retry(3, 60 * SECOND, 60 * SECOND))
        .limits(limits);
    let id = bench.submit(one(child)).await;
    bench.tell(failed(&bench.only().await)).await;
    let (again, waited) = next(&bench).await;
    assert!(waited >= 30 * SECOND);
    let now = sortie::core::ports::runtime::Runtime::now(&bench.runtime);
    assert!(again.start_by >= now, "{} is before {now}", again.start_by);
    bench.tell(done(&again)).await;
    audit::over(&bench, id).await;
}

#[tokio::test]
async fn a_wait_longer_than_the_carrier_can_hold_stands_in_the_outbox() {
    let bench = Bench::new();
    let hour = 3600 * SECOND;
    let id = bench
        .submit(one(Child::new(Leaf(0)).retry(retry(3, 2 * hour, 2 * hour))))
        .await;
    bench.tell(failed(&bench.only().await)).await;
    for _ in 0..58 {
        bench.tick_after(60 * SECOND).await;
        assert_eq!(bench.dispatched().await, [], "an hour at least");
    }
    for _ in 0..64 {
        bench.tick_after(60 * SECOND).await;
    }
    let again = bench.only().await;
    assert_eq!(
        (again.attempt, bench.task(id, "a").await.status.failures),
        (2, 1)
    );
    bench.tell(done(&again)).await;
    audit::over(&bench, id).await;
}

#[tokio::test]
async fn fatal_and_out_of_scope_are_final_at_once_and_booked_apart() {
    let bench = Bench::new();
    let steps = Workflow::new("w").parallel("all", |p| {
        p.enough(Enough::AtLeast(1))
            .task("fatal", Leaf(3))
            .task("outside", Leaf(5))
            .task("good", Leaf(7))
    });
    let id = bench.submit(steps).await;
    let tasks = bench.dispatched().await;
    bench.tell(fatal(&tasks[0])).await;
    bench
        .tell(ended(
            &tasks[1],
            Outcome::OutOfScope {
                error: "10.0.0.1".to_owned(),
            },
        ))
        .await;
    bench.tell(found(&tasks[2], 7)).await;
    let all = bench.container(id, "all").await;
    let classes: Vec<_> = all.outcomes.iter().collect();
    assert_eq!(
        classes,
        [("dropped_failed", 3), ("found", 7), ("out_of_scope", 5)]
    );
    assert_eq!(all.state, TaskState::PartiallyFailed);
    audit::over(&bench, id).await;
}

#[tokio::test]
async fn a_failed_attempts_counts_are_dropped_and_a_handed_back_ones_are_kept() {
    let bench = Bench::new();
    let id = bench.submit(one(Leaf(10).into())).await;
    let first = bench.only().await;
    bench.tell(handed_back(&first, 4)).await;
    let second = bench.only().await;
    let counted = sortie::core::message::CompleteTask {
        coverage: [("found", 5)].into_iter().collect(),
        ..failed(&second)
    };
    bench.tell(counted).await;
    let (third, _) = next(&bench).await;
    let at: u64 = third.cursor.as_ref().unwrap().decode().unwrap();
    assert_eq!(at, 4, "a retry goes on at the last cursor");
    // What the first has accounted for is not left for the last.
    let left = 6;
    bench.tell(fatal(&third)).await;
    let root = &bench.store.containers(id).await.unwrap()[0];
    assert_eq!(
        (
            root.outcomes.get("found"),
            root.outcomes.get("dropped_failed")
        ),
        (4, left)
    );
    audit::over(&bench, id).await;
}

#[tokio::test]
async fn a_dispatch_that_nobody_starts_is_tried_again_and_times_out_at_last() {
    let bench = Bench::new();
    let limits = Limits {
        queued: 10 * SECOND,
        running: 5 * SECOND,
        total: None,
    };
    let child = Child::new(Leaf(2))
        .limits(limits)
        .retry(retry(3, SECOND, SECOND));
    let id = bench.submit(one(child)).await;
    for attempt in 1..=3 {
        let task = next(&bench).await.0;
        assert_eq!(task.attempt, attempt);
        bench
            .tick_after(15 * SECOND - Duration::from_millis(20))
            .await;
        assert_eq!(
            bench.task(id, "a").await.status.attempt,
            attempt,
            "not before its time"
        );
        bench.tick_after(SECOND).await;
    }
    let status = bench.task(id, "a").await.status;
    assert_eq!((status.state, status.failures), (TaskState::Timeout, 3));
    let root = &bench.store.containers(id).await.unwrap()[0];
    assert_eq!(
        (root.state, root.outcomes.get("dropped_timeout")),
        (TaskState::Failed, 2)
    );
    audit::over(&bench, id).await;
}

#[tokio::test]
async fn heartbeats_keep_an_attempt_alive_but_not_beyond_its_total_limit() {
    let bench = Bench::new();
    let limits = Limits {
        queued: SECOND,
        running: 10 * SECOND,
        total: Some(35 * SECOND),
    };
    let id = bench.submit(one(Child::new(Leaf(1)).limits(limits))).await;
    let task = bench.only().await;
    for _ in 0..4 {
        bench.tick_after(8 * SECOND).await;
        bench.tell(alive(&task)).await;
        assert_eq!(bench.task(id, "a").await.status.attempt, 1);
    }
    bench.tick_after(4 * SECOND).await;
    assert_eq!(bench.task(id, "a").await.status.state, TaskState::Timeout);
    bench.tell(alive(&task)).await;
    bench.tell(found(&task, 1)).await;
    assert_eq!(bench.state(id).await, TaskState::Failed);
    audit::over(&bench, id).await;
}

#[tokio::test]
async fn a_heartbeat_of_an_older_attempt_keeps_nothing_alive() {
    let bench = Bench::new();
    let limits = Limits {
        queued: SECOND,
        running: 10 * SECOND,
        total: None,
    };
    let child = Child::new(Leaf(0))
        .limits(limits)
        .retry(retry(9, SECOND, SECOND));
    let id = bench.submit(one(child)).await;
    let first = bench.only().await;
    bench.tick_after(11 * SECOND).await;
    let second = next(&bench).await.0;
    for _ in 0..3 {
        bench.tell(alive(&first)).await;
        bench.tick_after(4 * SECOND).await;
    }
    assert_eq!(second.attempt, 2);
    assert_eq!(bench.task(id, "a").await.status.failures, 2);
    bench.tell(done(&next(&bench).await.0)).await;
    audit::over(&bench, id).await;
}

#[tokio::test]
async fn retries_that_would_pass_the_total_limit_end_in_a_timeout_at_once() {
    let bench = Bench::new();
    let limits = Limits {
        total: Some(30 * SECOND),
        ..Limits::DEFAULT
    };
    let child = Child::new(Leaf(1))
        .limits(limits)
        .retry(retry(9, 100 * SECOND, 100 * SECOND));
    let id = bench.submit(one(child)).await;
    bench.tell(failed(&bench.only().await)).await;
    let status = bench.task(id, "a").await.status;
    assert_eq!(
        (status.state, status.error.as_deref()),
        (TaskState::Timeout, Some("not today"))
    );
    audit::over(&bench, id).await;
}

#[tokio::test]
async fn a_worker_that_leaves_before_it_starts_costs_no_failure() {
    let bench = Bench::new();
    let child = Child::new(Leaf(0)).retry(RetryPolicy::NEVER);
    let id = bench.submit(one(child)).await;
    for attempt in 1..=5 {
        let task = bench.only().await;
        assert_eq!(task.attempt, attempt);
        bench
            .tell(ended(
                &task,
                Outcome::NotStarted {
                    error: "leaving".to_owned(),
                },
            ))
            .await;
        // It goes to another worker after a moment.
        assert!(bench.dispatched().await.is_empty());
        bench.runtime.advance(Duration::from_secs(1)).await;
    }
    bench.finish_only().await;
    assert_eq!(bench.task(id, "a").await.status.failures, 0);
    assert_eq!(bench.state(id).await, TaskState::Succeeded);
    audit::over(&bench, id).await;
}

#[tokio::test]
async fn raw_packets_are_sent_to_bare_metal() {
    let bench = Bench::new();
    let id = bench.submit(Workflow::new("w").task("raw", Raw(1))).await;
    let tasks = bench.dispatched_to(WorkerKind::BareMetal).await;
    assert_eq!(tasks.len(), 1);
    assert_eq!(
        bench
            .store
            .begin()
            .await
            .unwrap()
            .bare_metal_running()
            .await
            .unwrap(),
        1
    );
    bench.tell(found(&tasks[0], 1)).await;
    assert_eq!(
        bench
            .store
            .begin()
            .await
            .unwrap()
            .bare_metal_running()
            .await
            .unwrap(),
        0
    );
    audit::over(&bench, id).await;
}
