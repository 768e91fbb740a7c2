//! Conditions and aggregators.

use sortie::core::workflow::Sequence;
use sortie::core::{Arm, Queue};
use sortie::prelude::*;

use crate::support::audit;
use crate::support::bench::Bench;
use crate::support::defs::{Choice, Leaf, Reader, Spawner};
use crate::support::messages::{children, chose, done, ended, failed, fatal, found, output, total};

fn nothing(s: Sequence) -> Sequence {
    s
}

/// A condition whose branches are nested, then one more task.
fn both() -> Workflow {
    Workflow::new("both")
        .when(
            "if",
            Choice(0),
            |s| {
                s.generate("gen", Spawner(0), |c| c).parallel("then", |p| {
                    p.task("then 1", Leaf(1)).task("then 2", Leaf(1))
                })
            },
            |s| {
                let inner = |s: Sequence| s.task("else then", Leaf(1));
                s.when("else if", Choice(0), inner, nothing)
                    .task("else", Leaf(1))
            },
        )
        .task("after", Leaf(0))
}

#[tokio::test]
async fn then_runs_and_else_is_disabled() {
    let bench = Bench::new();
    let id = bench.submit(both()).await;
    bench.tell(chose(&bench.only().await, Arm::Then)).await;
    let generator = bench.only().await;
    assert_eq!(generator.kind, "t.spawner");
    bench.tell(total(&generator, 0)).await;
    let branch = bench.dispatched().await;
    assert_eq!(branch.len(), 2);
    for task in branch {
        bench.tell(found(&task, 1)).await;
    }
    for name in ["else if", "else then", "else"] {
        assert_eq!(
            bench.task(id, name).await.status.state,
            TaskState::Disabled,
            "{name}"
        );
    }
    let after = bench.finish_only().await;
    assert_eq!(after.task_id, bench.task(id, "after").await.id);
    assert_eq!(bench.state(id).await, TaskState::Succeeded);
    audit::over(&bench, id).await;
}

#[tokio::test]
async fn else_runs_and_then_is_disabled_with_its_generator() {
    let bench = Bench::new();
    let id = bench.submit(both()).await;
    bench.tell(chose(&bench.only().await, Arm::Else)).await;
    bench.tell(chose(&bench.only().await, Arm::Else)).await;
    bench.tell(found(&bench.only().await, 1)).await;
    for name in ["gen.generator", "then 1", "then 2", "else then"] {
        assert_eq!(
            bench.task(id, name).await.status.state,
            TaskState::Disabled,
            "{name}"
        );
    }
    bench.finish_only().await;
    assert_eq!(bench.state(id).await, TaskState::Succeeded);
    audit::over(&bench, id).await;
}

#[tokio::test]
async fn an_empty_branch_is_gone_through_at_once() {
    for (filled, taken) in [(Arm::Then, Arm::Else), (Arm::Else, Arm::Then)] {
        let bench = Bench::new();
        let fill = |s: Sequence, here: bool| if here { s.task("branch", Leaf(1)) } else { s };
        let steps = Workflow::new("w").when(
            "if",
            Choice(0),
            |s| fill(s, filled == Arm::Then),
            |s| fill(s, filled == Arm::Else),
        );
        let id = bench.submit(steps.task("after", Leaf(0))).await;
        bench.tell(chose(&bench.only().await, taken)).await;
        assert_eq!(
            bench.task(id, "branch").await.status.state,
            TaskState::Disabled
        );
        assert_eq!(
            bench.finish_only().await.task_id,
            bench.task(id, "after").await.id
        );
        assert_eq!(bench.state(id).await, TaskState::Succeeded);
        audit::over(&bench, id).await;
    }
}

#[tokio::test]
async fn a_condition_that_fails_runs_neither_branch() {
    let bench = Bench::new();
    let id = bench.submit(both()).await;
    bench.tell(fatal(&bench.only().await)).await;
    assert_eq!(bench.dispatched().await, []);
    assert_eq!(bench.state(id).await, TaskState::Failed);
    audit::over(&bench, id).await;
}

#[tokio::test]
async fn a_condition_that_returns_no_arm_fails_and_says_so() {
    let bench = Bench::new();
    for answer in [None, Some("maybe"), Some("")] {
        let id = bench.submit(both()).await;
        let task = bench.only().await;
        let end = answer.map_or_else(|| done(&task), |text| output(&task, &text));
        bench.tell(end).await;
        assert_eq!(bench.state(id).await, TaskState::Failed, "{answer:?}");
        let trouble = bench.store.troubles(id, 10).await.unwrap().remove(0);
        assert_eq!(
            trouble.error.as_deref(),
            Some("a condition must return an `Arm`")
        );
        audit::over(&bench, id).await;
    }
}

#[tokio::test]
async fn an_aggregator_runs_behind_a_failed_condition_but_what_follows_does_not() {
    let bench = Bench::new();
    let steps = both().aggregate("read", Reader(0)).task("last", Leaf(0));
    // `after` stands between the condition and the aggregator, so nothing is read.
    let id = bench.submit(steps).await;
    bench.tell(fatal(&bench.only().await)).await;
    assert_eq!(
        bench.task(id, "read").await.status.state,
        TaskState::Disabled
    );
    audit::over(&bench, id).await;

    let steps = Workflow::new("w").when("if", Choice(0), |s| s.task("b", Leaf(0)), nothing);
    let id = bench
        .submit(steps.aggregate("read", Reader(0)).task("last", Leaf(0)))
        .await;
    bench.tell(fatal(&bench.only().await)).await;
    let reader = bench.finish_only().await;
    assert_eq!(reader.task_id, bench.task(id, "read").await.id);
    assert_eq!(
        bench.task(id, "last").await.status.state,
        TaskState::Disabled
    );
    assert_eq!(bench.state(id).await, TaskState::Failed);
    audit::over(&bench, id).await;
}

/// Runs three children to these ends; returns the state of their container.
async fn aggregated(enough: Enough, ends: [bool; 3]) -> TaskState {
    let bench = Bench::new();
    let steps = Workflow::new("w")
        .generate("scan", Spawner(0), |c| c.enough(enough))
        .aggregate("read", Reader(0));
    let id = bench.submit(steps).await;
    let generator = bench.only().await;
    bench.tell(children(&generator, 0..3)).await;
    bench.tell(total(&generator, 3)).await;
    let tasks = bench.dispatched().await;
    assert_eq!(tasks.len(), 3);
    for (place, (task, good)) in tasks.iter().zip(ends).enumerate() {
        assert_eq!(
            bench.transport.depth(Queue::Internal).await.unwrap(),
            0,
            "before {place}"
        );
        bench
            .tell(if good { found(task, 1) } else { fatal(task) })
            .await;
    }
    let state = bench.container(id, "scan").await.state;
    let reader = bench.only().await;
    assert_eq!(reader.task_id, bench.task(id, "read").await.id);
    // Whatever else the children say, the aggregator does not run again.
    for task in &tasks {
        bench.tell(found(task, 1)).await;
    }
    bench.tell(total(&generator, 3)).await;
    assert_eq!(bench.dispatched().await, []);
    bench.tell(output(&reader, &"read")).await;
    bench.tell(output(&reader, &"again")).await;
    assert_eq!(bench.rows::<String>(id, "read").await, ["read"]);
    let end = if state == TaskState::Failed {
        TaskState::Failed
    } else {
        state
    };
    assert_eq!(bench.state(id).await, end);
    audit::over(&bench, id).await;
    state
}

#[tokio::test]
async fn an_aggregator_runs_once_behind_good_partial_and_failed_containers() {
    use TaskState::{Failed, PartiallyFailed, Succeeded};
    assert_eq!(aggregated(Enough::All, [true, true, true]).await, Succeeded);
    let two = Enough::AtLeast(2);
    assert_eq!(aggregated(two, [false, true, true]).await, PartiallyFailed);
    assert_eq!(aggregated(Enough::All, [true, false, true]).await, Failed);
    assert_eq!(aggregated(two, [false, true, false]).await, Failed);
}

#[tokio::test]
async fn an_aggregator_waits_for_the_retries_of_its_inputs() {
    let bench = Bench::new();
    let steps = Workflow::new("w").parallel("p", |p| p.task("a", Leaf(0)).task("b", Leaf(0)));
    let id = bench.submit(steps.aggregate("read", Reader(0))).await;
    let tasks = bench.dispatched().await;
    bench.tell(done(&tasks[0])).await;
    bench.tell(failed(&tasks[1])).await;
    assert_eq!(
        bench
            .dispatched_to(sortie::core::WorkerKind::Internal)
            .await,
        []
    );
    bench
        .runtime
        .advance(std::time::Duration::from_secs(60))
        .await;
    let again = bench.only().await;
    assert_eq!((again.task_id, again.attempt), (tasks[1].task_id, 2));
    bench.tell(ended(&again, done(&again).outcome)).await;
    bench.finish_only().await;
    assert_eq!(bench.state(id).await, TaskState::Succeeded);
    audit::over(&bench, id).await;
}
