//! Cancelling at any time, and deadlines of whole runs.

use std::sync::Arc;
use std::time::Duration;

use sortie::core::CollectionId;
use sortie::core::message::{CancelCollection, Message};
use sortie::prelude::*;
use sortie::transports::objects::ObjectStoreObjects;

use crate::support::audit;
use crate::support::bench::Bench;
use crate::support::defs::{Choice, Leaf, Reader, Spawner};
use crate::support::messages::{alive, children, done, failed, found, handed_back, output, total};

/// A bit of everything.
fn rich() -> Workflow {
    Workflow::new("w")
        .task("first", Leaf(1))
        .generate("scan", Spawner(2), |c| c.max_in_flight(2))
        .aggregate("read", Reader(0))
        .when(
            "if",
            Choice(0),
            |s| s.task("then", Leaf(4)),
            |s| s.task("else", Leaf(8)),
        )
        .parallel("last", |p| {
            p.task("x", Leaf(16))
                .sequence("y", |s| s.task("z", Leaf(32)))
        })
}

/// Plays the run up to `step`; every task of it that runs is left running.
async fn play(bench: &Bench, id: CollectionId, step: u32) {
    let mut at = 0;
    loop {
        if at == step || bench.state(id).await.is_terminal() {
            return;
        }
        let mut tasks = bench.dispatched().await;
        assert!(!tasks.is_empty(), "the run hangs at step {at}");
        for task in tasks.drain(..) {
            match &*task.kind {
                "t.spawner" => {
                    bench.tell(children(&task, 0..5)).await;
                    let counted = sortie::core::message::CompleteTask {
                        outcome: total(&task, 5).outcome,
                        ..found(&task, 2)
                    };
                    bench.tell(counted).await;
                }
                "t.choice" => {
                    bench.tell(output(&task, &Arm::Else)).await;
                }
                "t.leaf" => {
                    let n: u64 = task.payload.decode().unwrap();
                    bench.tell(found(&task, n)).await;
                }
                _ => {
                    bench.tell(done(&task)).await;
                }
            }
            at += 1;
            if at == step {
                return;
            }
        }
    }
}

#[tokio::test]
async fn a_run_can_be_cancelled_at_any_step_and_nothing_happens_afterwards() {
    for step in 0..12 {
        let bench = Bench::new();
        let id = bench.submit(rich()).await;
        play(&bench, id, step).await;
        assert_eq!(bench.state(id).await, TaskState::Running, "step {step}");
        let running = bench.dispatched().await;
        bench.cancel(id).await;
        assert_eq!(bench.state(id).await, TaskState::Disabled, "step {step}");
        let before = bench.store.containers(id).await.unwrap();
        for task in &running {
            let said = [
                children(task, 0..3).into(),
                alive(task).into(),
                output(task, &"late").into(),
                failed(task).into(),
                handed_back(task, 0).into(),
            ];
            bench.tell_all(said).await;
        }
        bench.cancel(id).await;
        assert_eq!(bench.dispatched().await, []);
        assert_eq!(
            bench.store.containers(id).await.unwrap(),
            before,
            "step {step}"
        );
        for task in &running {
            let rows = bench
                .store
                .begin()
                .await
                .unwrap()
                .heads(&[task.task_id])
                .await
                .unwrap();
            assert_eq!(rows[0].status.state, TaskState::Disabled);
        }
        audit::over(&bench, id).await;
    }
}

#[tokio::test]
async fn a_whole_run_ends_well_if_nobody_cancels_it() {
    let bench = Bench::new();
    let id = bench.submit(rich()).await;
    play(&bench, id, 1000).await;
    assert_eq!(bench.state(id).await, TaskState::Succeeded);
    bench.cancel(id).await;
    assert_eq!(
        bench.state(id).await,
        TaskState::Succeeded,
        "what is over stays as it is"
    );
    audit::over(&bench, id).await;
}

#[tokio::test]
async fn a_cancellation_in_the_batch_of_completions_comes_last() {
    let bench = Bench::new();
    let id = bench
        .submit(Workflow::new("w").task("a", Leaf(1)).task("b", Leaf(2)))
        .await;
    let task = bench.only().await;
    let cancel = Message::CancelCollection(CancelCollection { collection_id: id });
    bench
        .tell_all([cancel.into(), found(&task, 1).into()])
        .await;
    assert_eq!(bench.task(id, "a").await.status.state, TaskState::Succeeded);
    assert_eq!(bench.task(id, "b").await.status.state, TaskState::Disabled);
    assert_eq!(bench.dispatched().await, []);
    assert_eq!(bench.state(id).await, TaskState::Disabled);
    audit::over(&bench, id).await;
}

#[tokio::test]
async fn the_word_of_a_cancellation_is_spread_and_said_again_to_who_did_not_hear() {
    let objects = Arc::new(ObjectStoreObjects::memory());
    let bench = Bench::new().with_objects(objects.clone());
    let id = bench.submit(Workflow::new("w").task("a", Leaf(1))).await;
    let task = bench.only().await;
    let objects: Arc<dyn sortie::core::ports::objects::Objects> = objects;
    let word = format!("cancelled/{id}");
    assert!(objects.get(&word, 1).await.is_err());
    bench.cancel(id).await;
    assert!(objects.get(&word, 1).await.is_ok());
    objects.delete_prefix("cancelled").await.unwrap();
    bench.tell(alive(&task)).await;
    assert!(objects.get(&word, 1).await.is_ok(), "said again");
    audit::over(&bench, id).await;
}

#[tokio::test]
async fn a_deadline_ends_the_whole_run_in_a_timeout() {
    let hour = Duration::from_secs(3600);
    for step in 0..12 {
        let bench = Bench::new();
        let id = bench.submit(rich().deadline(hour)).await;
        play(&bench, id, step).await;
        bench.tick_after(hour - Duration::from_secs(1)).await;
        assert_eq!(bench.state(id).await, TaskState::Running, "step {step}");
        bench.tick_after(Duration::from_secs(1)).await;
        assert_eq!(bench.state(id).await, TaskState::Timeout, "step {step}");
        bench.dispatched().await;
        audit::over(&bench, id).await;
        assert_eq!(bench.dispatched().await, [], "step {step}");
    }
}

#[tokio::test]
async fn cancelling_what_does_not_exist_is_harmless() {
    let bench = Bench::new();
    let ghost = CollectionId::new(&bench.runtime);
    bench.cancel(ghost).await;
    assert!(bench.store.collection(ghost).await.unwrap().is_none());
}
