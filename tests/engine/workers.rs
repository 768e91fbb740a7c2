//! Real workers in virtual time: leases, progress, panics, cursors, rows and children.

use std::time::Duration;

use sortie::prelude::*;

use crate::support::audit;
use crate::support::rig::{Rig, script};
use crate::support::script::{Script, Step};

fn say(text: &str) -> Step {
    Step::Say(text.to_owned())
}

fn limits(running: u64) -> Limits {
    Limits {
        running: Duration::from_secs(running),
        ..Limits::DEFAULT
    }
}

fn once(n: u64) -> RetryPolicy {
    let second = Duration::from_secs(1);
    RetryPolicy {
        max_failures: n as u32,
        base: second,
        cap: second,
    }
}

#[tokio::test]
async fn outputs_are_rows_and_failures_are_tried_again() {
    let rig = Rig::new();
    let attempts = vec![vec![say("1"), Step::Fail], vec![say("2"), Step::Return(5)]];
    let (id, state) = rig
        .run(Script {
            attempts,
            targets: 0,
        })
        .await;
    assert_eq!(state, TaskState::Succeeded);
    assert_eq!(rig.log.lines(), ["1", "2"]);
    assert_eq!(rig.bench.rows::<u64>(id, "a").await, [5]);
    audit::over(&rig.bench, id).await;
}

#[tokio::test]
async fn a_panic_fails_its_task_and_the_worker_survives() {
    let rig = Rig::new();
    for _ in 0..20 {
        // More than the workers have hands.
        let (id, state) = rig.run(script(vec![say("panics"), Step::Panic])).await;
        assert_eq!(state, TaskState::Failed);
        let trouble = rig.bench.truth.troubles(id, 9).await.unwrap().remove(0);
        assert_eq!(trouble.error.as_deref(), Some("the task panicked: as told"));
        assert_eq!(trouble.attempts, 1, "a panic is final");
    }
    let (_, state) = rig.run(script(vec![Step::Return(1)])).await;
    assert_eq!(state, TaskState::Succeeded);
}

#[tokio::test]
async fn progress_keeps_an_attempt_alive_however_long_it_takes() {
    for lease in [2, 60, 600] {
        let rig = Rig::new();
        let child = Child::new(script(vec![say("starts"), Step::Work(3000)])).limits(limits(lease));
        let (id, state) = rig.run(child.retry(RetryPolicy::NEVER)).await;
        assert_eq!(
            (state, rig.log.lines().len()),
            (TaskState::Succeeded, 1),
            "lease {lease} s"
        );
        assert_eq!(rig.bench.task(id, "a").await.status.attempt, 1);
        audit::over(&rig.bench, id).await;
    }
}

#[tokio::test]
async fn an_attempt_without_progress_is_ended_and_tried_again() {
    let rig = Rig::new();
    let attempts = vec![
        vec![say("hangs"), Step::Work(5), Step::Sleep(1_000_000)],
        vec![say("works")],
    ];
    let child = Child::new(Script {
        attempts,
        targets: 0,
    })
    .limits(limits(30))
    .retry(once(2));
    let id = rig.bench.submit(Workflow::new("w").task("a", child)).await;
    rig.wait(33).await;
    assert_eq!(rig.log.lines(), ["hangs"], "it still has its lease");
    rig.wait(30).await;
    assert_eq!(rig.log.lines(), ["hangs", "works"]);
    assert_eq!(rig.over(id).await, TaskState::Succeeded);
    assert_eq!(rig.bench.task(id, "a").await.status.failures, 1);
    audit::over(&rig.bench, id).await;
}

/// A long quiet time is fine as long as the lease is longer, and nobody else starts meanwhile.
#[tokio::test]
async fn a_long_lease_hides_the_message_for_as_long() {
    let rig = Rig::new();
    let steps = vec![say("starts"), Step::Sleep(550), say("ends")];
    let (id, state) = rig.run(Child::new(script(steps)).limits(limits(600))).await;
    assert_eq!(state, TaskState::Succeeded);
    assert_eq!(rig.log.lines(), ["starts", "ends"]);
    audit::over(&rig.bench, id).await;
}

#[tokio::test]
async fn the_total_limit_ends_a_task_that_makes_progress() {
    let rig = Rig::new();
    let limits = Limits {
        total: Some(Duration::from_secs(100)),
        ..limits(10)
    };
    let child = Child::new(script(vec![say("starts"), Step::Work(1000), say("ends")]));
    let (id, state) = rig.run(child.limits(limits)).await;
    assert_eq!(state, TaskState::Failed);
    assert_eq!(
        rig.bench.task(id, "a").await.status.state,
        TaskState::Timeout
    );
    rig.wait(2000).await;
    assert_eq!(rig.log.lines(), ["starts"], "the attempt was stopped");
    audit::over(&rig.bench, id).await;
}

#[tokio::test]
async fn a_cursor_goes_on_where_it_stopped_and_each_target_counts_once() {
    let rig = Rig::new();
    let crawl = Script {
        attempts: vec![vec![Step::Crawl(3)]],
        targets: 10,
    };
    let id = rig
        .bench
        .submit(Workflow::new("w").generate("g", crawl, |c| c))
        .await;
    assert_eq!(rig.over(id).await, TaskState::Succeeded);
    assert_eq!(rig.log.lines(), ["0..3", "3..6", "6..9", "9..10"]);
    let rows = rig.bench.rows::<u64>(id, "g.generator").await;
    assert_eq!(
        rows,
        (0..10).collect::<Vec<_>>(),
        "rows go on behind the last"
    );
    let g = rig.bench.container(id, "g").await;
    assert_eq!(
        (g.children.succeeded, g.outcomes.get("found")),
        (10, 10),
        "and so do children"
    );
    audit::over(&rig.bench, id).await;
}

#[tokio::test]
async fn rows_of_a_failed_attempt_are_replaced_by_those_of_the_next() {
    for (again, expected) in [(vec![Step::Push(7, 9)], vec![7, 8]), (vec![], vec![])] {
        let rig = Rig::new();
        // 1,200 rows are more than a buffer holds, so a part of them is written.
        let attempts = vec![vec![Step::Push(0, 1200), Step::Fail], again];
        let (id, state) = rig
            .run(Script {
                attempts,
                targets: 0,
            })
            .await;
        assert_eq!(state, TaskState::Succeeded);
        assert_eq!(rig.bench.rows::<u64>(id, "a").await, expected);
        audit::over(&rig.bench, id).await;
    }
    let rig = Rig::new();
    let attempts = vec![vec![Step::Push(0, 1200), Step::Fail], vec![Step::Return(3)]];
    let (id, _) = rig
        .run(Script {
            attempts,
            targets: 0,
        })
        .await;
    assert_eq!(
        rig.bench.rows::<u64>(id, "a").await,
        [3],
        "an output is the only row"
    );
}

#[tokio::test]
async fn children_come_in_the_order_in_which_they_were_created() {
    let rig = Rig::new();
    let steps = vec![
        Step::Create(0, 700),
        Step::Sleep(1),
        Step::Create(700, 1000),
    ];
    let id = rig
        .bench
        .submit(Workflow::new("w").generate("g", script(steps), |c| c.max_in_flight(7)))
        .await;
    assert_eq!(rig.over(id).await, TaskState::Succeeded);
    assert_eq!(
        rig.bench.rows::<u64>(id, "g").await,
        (0..1000).collect::<Vec<_>>()
    );
    assert_eq!(rig.log.lines().len(), 1000, "each has run once");
    audit::over(&rig.bench, id).await;
}

#[tokio::test]
async fn a_running_task_hears_that_its_run_was_cancelled() {
    let rig = Rig::new();
    let steps = vec![say("starts"), Step::UntilCancelled];
    let lease = Child::new(script(steps)).limits(limits(600));
    let id = rig.bench.submit(Workflow::new("w").task("a", lease)).await;
    rig.wait(5).await;
    rig.bench.cancel(id).await;
    rig.wait(3).await;
    assert_eq!(rig.log.lines(), ["starts", "cancelled"]);
    assert_eq!(rig.bench.state(id).await, TaskState::Disabled);
    audit::over(&rig.bench, id).await;
}

/// Found by the simulator (seed 722, calm): tasks shorter than the interval at which a worker listens
/// never heard.
#[tokio::test]
async fn what_waits_in_the_queue_of_a_cancelled_run_is_not_started() {
    let rig = Rig::new();
    let steps = Workflow::new("w").parallel("p", |p| {
        let brief = || script(vec![say("starts"), Step::Work(1)]);
        (0..150).fold(p, |p, n| p.task(format!("t{n}"), brief()))
    });
    let id = rig.bench.submit(steps).await;
    rig.wait(2).await;
    rig.bench.cancel(id).await;
    let before = rig.log.lines().len();
    assert!((1..50).contains(&before), "{before} have started");
    rig.wait(600).await;
    let after = rig.log.lines().len() - before;
    assert!(
        after < 100,
        "{after} were started although their run was over"
    );
    assert_eq!(
        rig.bench
            .transport
            .depth(sortie::core::Queue::Internal)
            .await
            .unwrap(),
        0
    );
    audit::over(&rig.bench, id).await;
}

#[tokio::test]
async fn a_task_that_does_not_listen_is_stopped_after_the_grace_period() {
    let rig = Rig::new();
    let steps = vec![say("starts"), Step::Work(60), say("ends")];
    let id = rig
        .bench
        .submit(Workflow::new("w").task("a", script(steps)))
        .await;
    rig.wait(5).await;
    rig.bench.cancel(id).await;
    rig.wait(120).await;
    assert_eq!(rig.log.lines(), ["starts"]);
    audit::over(&rig.bench, id).await;
}

#[tokio::test]
async fn a_leaving_workers_tasks_hand_back_and_nothing_is_lost() {
    let rig = Rig::new();
    let all = vec![say("starts"), Step::Work(1)];
    let until = |step| [all.clone(), vec![step]].concat();
    let first = |step| Script {
        attempts: vec![until(step), vec![say("again")]],
        targets: 0,
    };
    let steps = Workflow::new("w").parallel("p", |p| {
        let once = |step| Child::new(first(step)).retry(RetryPolicy::NEVER);
        p.task("cursor", once(Step::UntilLeaving))
            .task("stops", once(Step::UntilCancelled))
            .task("deaf", once(Step::Work(1000)))
    });
    let id = rig.bench.submit(steps).await;
    rig.wait(3).await;
    let before = rig.log.lines();
    assert_eq!(before, ["starts", "starts", "starts"]);
    let log = rig.log.clone();
    let bench = rig.shutdown().await;
    assert_eq!(log.lines()[3..], ["leaving", "cancelled"]);
    assert_eq!(bench.state(id).await, TaskState::Running);
    for name in ["cursor", "stops", "deaf"] {
        assert_eq!(
            bench.task(id, name).await.status.failures,
            0,
            "{name}: leaving is no failure"
        );
    }
    let cursor = bench.task(id, "cursor").await.status;
    assert_eq!(
        (cursor.attempt, cursor.cursor.is_some()),
        (2, true),
        "its cursor is kept"
    );
    // The next engine on the same parts goes on at once: what was given back is on the queue.
    let rig = Rig::on(bench, None);
    assert_eq!(rig.over(id).await, TaskState::Succeeded);
    audit::over(&rig.bench, id).await;
}
