//! When a container is good enough, and when its stragglers are cut off.

use std::time::Duration;

use sortie::core::envelope::DispatchTask;
use sortie::core::message::Message;
use sortie::core::{CollectionId, WorkerKind};
use sortie::prelude::*;

use crate::support::audit;
use crate::support::bench::Bench;
use crate::support::defs::{Leaf, Reader, Spawner};
use crate::support::messages::{children, done, fatal, found, handed_back, total};

const CUT: Duration = Duration::from_secs(300);

/// A container of `n` children under this policy, and who runs first.
async fn started(bench: &Bench, enough: Enough, n: u32) -> (CollectionId, Vec<DispatchTask>) {
    let steps = Workflow::new("w")
        .generate("scan", Spawner(0), |c| c.enough(enough).max_in_flight(5))
        .aggregate("read", Reader(0));
    let id = bench.submit(steps).await;
    let generator = bench.only().await;
    bench.tell(children(&generator, 0..n)).await;
    bench.tell(total(&generator, n)).await;
    let tasks = bench.dispatched_to(WorkerKind::External).await;
    (id, tasks)
}

/// Ends children one by one, the first `bad` of them badly, until the container is over.
/// Returns its state, and how many have ended well.
async fn run(enough: Enough, n: u32, bad: u32) -> (TaskState, u64) {
    let bench = Bench::new();
    let (id, mut tasks) = started(&bench, enough, n).await;
    let (mut ended, mut good) = (0, 0);
    while !bench.container(id, "scan").await.state.is_terminal() {
        let task = tasks.remove(0);
        good += u64::from(ended >= bad);
        bench
            .tell(if ended < bad {
                fatal(&task)
            } else {
                found(&task, 1)
            })
            .await;
        ended += 1;
        audit::consistent(&bench, id).await;
        tasks.extend(bench.dispatched_to(WorkerKind::External).await);
        assert!(tasks.len() <= 5, "{} in flight", tasks.len());
    }
    let scan = bench.container(id, "scan").await;
    assert_eq!(
        scan.children.disabled,
        u64::from(n - ended),
        "the rest is disabled"
    );
    assert_eq!(scan.outcomes.get("dropped_disabled"), u64::from(n - ended));
    for task in &tasks {
        bench.tell(found(task, 1)).await;
    }
    assert_eq!(
        bench.container(id, "scan").await,
        scan,
        "late completions change nothing"
    );
    bench.finish_only().await;
    audit::over(&bench, id).await;
    (scan.state, good)
}

#[tokio::test]
async fn each_policy_ends_its_container_as_soon_as_it_can_tell() {
    use TaskState::{Failed, PartiallyFailed, Succeeded};
    let cases = [
        (Enough::All, 8, 0, (Succeeded, 8)),
        (Enough::All, 8, 1, (Failed, 7)),
        (Enough::Any, 8, 0, (Succeeded, 1)),
        (Enough::Any, 8, 7, (PartiallyFailed, 1)),
        (Enough::Any, 8, 8, (Failed, 0)),
        (Enough::AtLeast(3), 8, 0, (Succeeded, 3)),
        (Enough::AtLeast(3), 8, 5, (PartiallyFailed, 3)),
        (Enough::AtLeast(3), 8, 6, (Failed, 2)),
        (Enough::AtLeast(9), 8, 0, (Failed, 8)),
        (Enough::PerMille(500), 8, 0, (Succeeded, 4)),
        (Enough::PerMille(501), 8, 0, (Succeeded, 5)),
        (Enough::PerMille(750), 8, 2, (PartiallyFailed, 6)),
        (Enough::PerMille(1000), 8, 1, (Failed, 7)),
        (Enough::PerMille(0), 8, 8, (PartiallyFailed, 0)),
    ];
    for (enough, n, bad, expected) in cases {
        assert_eq!(
            run(enough, n, bad).await,
            expected,
            "{enough:?} of {n}, {bad} bad"
        );
    }
}

#[tokio::test]
async fn no_children_are_enough_unless_a_number_was_asked_for() {
    let cases = [
        (Enough::All, TaskState::Succeeded),
        (Enough::Any, TaskState::Succeeded),
        (Enough::PerMille(997), TaskState::Succeeded),
        (Enough::AtLeast(1), TaskState::Failed),
    ];
    for (enough, state) in cases {
        let bench = Bench::new();
        let (id, _) = started(&bench, enough, 0).await;
        assert_eq!(bench.container(id, "scan").await.state, state, "{enough:?}");
        bench.finish_only().await;
        audit::over(&bench, id).await;
    }
}

#[tokio::test]
async fn policies_that_need_no_total_do_not_wait_for_the_generator() {
    for enough in [Enough::Any, Enough::AtLeast(1)] {
        let bench = Bench::new();
        let steps = Workflow::new("w").generate("scan", Spawner(0), |c| c.enough(enough));
        let id = bench.submit(steps).await;
        let generator = bench.only().await;
        bench.tell(children(&generator, 0..3)).await;
        let tasks = bench.dispatched().await;
        bench.tell(found(&tasks[0], 1)).await;
        assert_eq!(bench.state(id).await, TaskState::Succeeded, "{enough:?}");
        let state = bench.task(id, "scan.generator").await.status.state;
        assert_eq!(state, TaskState::Disabled);
        bench.tell(children(&generator, 3..9)).await;
        bench.tell(total(&generator, 9)).await;
        assert_eq!(bench.dispatched().await, []);
        audit::over(&bench, id).await;
    }
}

#[tokio::test]
async fn stragglers_are_cut_off_and_the_ledger_names_them() {
    for (enough, state) in [
        (Enough::PerMille(500), TaskState::PartiallyFailed),
        (Enough::PerMille(700), TaskState::Failed),
    ] {
        let bench = Bench::new();
        let steps = Workflow::new("w")
            .generate("scan", Spawner(0), |c| {
                c.enough(enough).cut_off(CUT).max_in_flight(6)
            })
            .aggregate("read", Reader(0));
        let id = bench.submit(steps).await;
        let generator = bench.only().await;
        // 12 children, 10 of them there in time: 6 in flight, the others wait.
        bench.tell(children(&generator, 0..10)).await;
        bench.tell(total(&generator, 12)).await;
        let tasks = bench.dispatched().await;
        for task in &tasks[..5] {
            bench.tell(found(task, 1)).await;
        }
        bench.tell(handed_back(&tasks[5], 0)).await;
        bench.tick_after(CUT - Duration::from_millis(1)).await;
        assert_eq!(bench.container(id, "scan").await.state, TaskState::Running);
        bench.dispatched().await;
        bench.tick_after(Duration::from_millis(1)).await;
        let scan = bench.container(id, "scan").await;
        assert_eq!(scan.state, state, "{enough:?}");
        assert_eq!((scan.children.succeeded, scan.children.timeout), (5, 5));
        assert_eq!(scan.outcomes.get("dropped_timeout"), 5);
        bench.tell(children(&generator, 10..12)).await;
        bench.tell(found(&tasks[5], 1)).await;
        assert_eq!(bench.container(id, "scan").await, scan, "too late");
        bench.finish_only().await;
        assert_eq!(bench.state(id).await, state);
        audit::over(&bench, id).await;
    }
}

#[tokio::test]
async fn a_cut_off_reaches_what_is_nested_and_those_of_one_moment_do_not_clash() {
    let bench = Bench::new();
    let steps = Workflow::new("w").parallel("outer", |p| {
        p.cut_off(CUT)
            .enough(Enough::Any)
            .task("quick", Leaf(1))
            .task("slow", Leaf(2))
            .sequence("line", |s| {
                s.parallel("inner", |p| p.cut_off(CUT).task("deep", Leaf(4)))
                    .task("z", Leaf(8))
            })
            .generate("made", Spawner(16), |c| c.cut_off(CUT))
            .enough(Enough::AtLeast(1))
            .max_in_flight(2)
    });
    let id = bench.submit(steps.aggregate("read", Reader(0))).await;
    assert_eq!(bench.dispatched().await.len(), 2);
    bench.tick_after(CUT).await;
    assert_eq!(bench.container(id, "outer").await.state, TaskState::Failed);
    for name in ["inner", "line", "made"] {
        assert_eq!(
            bench.container(id, name).await.state,
            TaskState::Timeout,
            "{name}"
        );
    }
    assert_eq!(
        bench.task(id, "made.generator").await.status.state,
        TaskState::Timeout
    );
    bench.tell(Message::Tick).await;
    bench.finish_only().await;
    assert_eq!(bench.state(id).await, TaskState::Failed);
    audit::over(&bench, id).await;
}

#[tokio::test]
async fn a_cut_off_that_comes_too_late_changes_nothing() {
    let bench = Bench::new();
    let steps = Workflow::new("w").parallel("all", |p| p.cut_off(CUT).task("a", Leaf(0)));
    let id = bench.submit(steps.task("b", Leaf(0))).await;
    bench.finish_only().await;
    let task = bench.only().await;
    bench.tick_after(CUT * 2).await;
    bench.tell(done(&task)).await;
    assert_eq!(bench.state(id).await, TaskState::Succeeded);
    audit::over(&bench, id).await;
}
