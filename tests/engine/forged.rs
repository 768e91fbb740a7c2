//! Messages from who should not send them, and bytes that are none: parked with the right reason,
//! and without harm to their batch.

use sortie::core::envelope::Fence;
use sortie::core::message::{CompleteTask, Message, Outcome, SubmitCollection, ToManager};
use sortie::core::ports::transport::ParkReason;
use sortie::core::{Claim, CollectionId, Coverage, Payload, Queue, TaskId, WorkerKind};
use sortie::prelude::*;
use sortie::transports::objects::ObjectStoreObjects;

use crate::support::audit;
use crate::support::bench::{Bench, Said};
use crate::support::defs::{Leaf, Raw, Reader, Spawner};
use crate::support::messages::{
    alive, child, children, create, done, ended, fatal, found, output, total,
};

fn refused(text: &str) -> ParkReason {
    ParkReason::Refused(text.to_owned())
}

const FENCE: &str =
    "the fence does not fit task and attempt: who sent this was never given the task";

/// Delivers `forged` between two sound completions; returns why it was parked.
async fn delivered(bench: &Bench, forged: Vec<u8>) -> ParkReason {
    let steps = Workflow::new("w").parallel("p", |p| p.task("x", Leaf(1)).task("y", Leaf(1)));
    let id = bench.submit(steps).await;
    let tasks = bench.dispatched().await;
    let body = |task| bench.message(found(task, 1)).encode().to_vec();
    let before = bench.parked().await.len();
    let handled = bench
        .deliver(vec![body(&tasks[0]), forged.clone(), body(&tasks[1])])
        .await
        .unwrap();
    assert_eq!(handled.applied, 2);
    assert_eq!(
        bench.state(id).await,
        TaskState::Succeeded,
        "its mates are unaffected"
    );
    audit::consistent(bench, id).await;
    let parked = bench.parked().await;
    assert_eq!(parked.len(), before + 1);
    let last = parked.last().unwrap();
    assert_eq!(last.body, forged, "as it was sent");
    assert_eq!(handled.refused, [(1, last.reason.clone())]);
    last.reason.clone()
}

async fn said(bench: &Bench, forged: impl Into<Said>) -> ParkReason {
    delivered(bench, bench.message(forged).encode().to_vec()).await
}

#[tokio::test]
async fn a_wrong_fence_is_refused_in_every_message_that_has_one() {
    let bench = Bench::new();
    let id = bench
        .submit(Workflow::new("w").generate("scan", Spawner(0), |c| c))
        .await;
    let mut task = bench.only().await;
    let fence = task.fence;
    let before = bench.task(id, "scan.generator").await;
    for (attempt, fence) in [
        (1, Fence(0)),
        (2, fence),
        (0, fence),
        (1, Fence(fence.0 ^ 1)),
    ] {
        (task.attempt, task.fence) = (attempt, fence);
        assert_eq!(said(&bench, done(&task)).await, refused(FENCE));
        assert_eq!(said(&bench, alive(&task)).await, refused(FENCE));
        assert_eq!(said(&bench, children(&task, 0..2)).await, refused(FENCE));
    }
    assert_eq!(bench.task(id, "scan.generator").await, before);
    bench.cancel(id).await;
    audit::over(&bench, id).await;
}

#[tokio::test]
async fn the_fence_of_one_task_does_not_open_another() {
    let bench = Bench::new();
    let id = bench
        .submit(Workflow::new("w").parallel("p", |p| p.task("a", Leaf(1)).task("b", Leaf(1))))
        .await;
    let tasks = bench.dispatched().await;
    let forged = CompleteTask {
        task_id: tasks[1].task_id,
        ..found(&tasks[0], 1)
    };
    assert_eq!(said(&bench, forged).await, refused(FENCE));
    assert_eq!(bench.task(id, "b").await.status.state, TaskState::Running);
    bench.cancel(id).await;
}

#[tokio::test]
async fn a_kind_that_is_not_the_tasks_is_refused() {
    let bench = Bench::new();
    let id = bench.submit(Workflow::new("w").task("a", Leaf(1))).await;
    let task = bench.only().await;
    let forged = CompleteTask {
        kind: "t.reader".to_owned(),
        ..found(&task, 1)
    };
    let reason = said(&bench, forged).await;
    assert_eq!(
        reason,
        refused("the task is of kind `t.leaf`, not `t.reader`")
    );
    bench.tell(found(&task, 1)).await;
    audit::over(&bench, id).await;
}

/// The fence of a task that was never stored: as from another deployment that shares the key.
#[tokio::test]
async fn an_unknown_task_is_refused() {
    let bench = Bench::new();
    let other = Bench::new();
    // Another clock and other dice would make other ids; the key is the same.
    other
        .runtime
        .advance(std::time::Duration::from_secs(99))
        .await;
    other
        .submit(Workflow::new("w").generate("scan", Spawner(0), |c| c))
        .await;
    let ghost = other.only().await;
    for forged in [
        Said::from(done(&ghost)),
        alive(&ghost).into(),
        children(&ghost, 0..1).into(),
    ] {
        let body = bench.message(forged).encode().to_vec();
        assert_eq!(
            delivered(&bench, body).await,
            refused("there is no such task")
        );
    }
}

#[tokio::test]
async fn children_of_a_task_that_is_no_generator_are_refused() {
    let bench = Bench::new();
    let steps = Workflow::new("w")
        .task("a", Leaf(0))
        .aggregate("b", Reader(0));
    let id = bench.submit(steps).await;
    let reason = refused("the task is no generator");
    let task = bench.only().await;
    assert_eq!(said(&bench, children(&task, 0..2)).await, reason);
    bench.tell(done(&task)).await;
    let reader = bench.only().await;
    assert_eq!(said(&bench, children(&reader, 0..2)).await, reason);
    bench.tell(done(&reader)).await;
    audit::over(&bench, id).await;
}

#[tokio::test]
async fn what_is_too_large_is_refused() {
    let bench = Bench::new();
    let id = bench.submit(Workflow::new("w").task("a", Leaf(1))).await;
    let task = bench.only().await;
    let wide: Coverage = (0..65).map(|n| (format!("class {n}"), 1)).collect();
    let long: Coverage = [("x".repeat(65), 1)].into_iter().collect();
    let text = "x".repeat(4097);
    let cursor = Payload::encode(&"x".repeat(300_000)).unwrap();
    let cases = [
        (
            CompleteTask {
                coverage: wide,
                ..done(&task)
            },
            "outcome classes: 65 is over the limit of 64",
        ),
        (
            CompleteTask {
                coverage: long,
                ..done(&task)
            },
            "bytes of an outcome class: 65 is over the limit of 64",
        ),
        (
            ended(
                &task,
                Outcome::Fatal {
                    error: text.clone(),
                },
            ),
            "bytes of an error: 4097 is over the limit of 4096",
        ),
        (
            ended(
                &task,
                Outcome::OutOfScope {
                    error: text.clone(),
                },
            ),
            "bytes of an error: 4097 is over the limit of 4096",
        ),
        (
            ended(
                &task,
                Outcome::NotStarted {
                    error: text.clone(),
                },
            ),
            "bytes of an error: 4097 is over the limit of 4096",
        ),
        (
            ended(
                &task,
                Outcome::Retry {
                    error: text,
                    after_ms: None,
                },
            ),
            "bytes of an error: 4097 is over the limit of 4096",
        ),
        (
            ended(
                &task,
                Outcome::Deadline {
                    cursor,
                    after_ms: None,
                },
            ),
            "bytes of a cursor: 300002 is over the limit of 262144",
        ),
    ];
    for (forged, why) in cases {
        assert_eq!(said(&bench, forged).await, refused(why));
    }
    // No carrier takes such a message, but another may call the manager directly.
    let huge = output(&task, &"x".repeat(2 << 20));
    let handled = bench.tell(huge).await;
    let why = "bytes of data: 2097154 is over the limit of 1048576";
    assert_eq!(handled.refused, [(0, refused(why))]);
    assert_eq!(bench.task(id, "a").await.status.state, TaskState::Running);
    bench.tell(found(&task, 1)).await;
    audit::over(&bench, id).await;
}

#[tokio::test]
async fn counting_more_targets_than_there_are_fails_the_task_and_keeps_the_ledger_exact() {
    for counts in [
        vec![("found", 3)],
        vec![("a", u64::MAX), ("b", u64::MAX)],
        vec![("a", 1), ("b", 2)],
    ] {
        let bench = Bench::new();
        let id = bench.submit(Workflow::new("w").task("a", Leaf(2))).await;
        let task = bench.only().await;
        let coverage = counts.into_iter().collect();
        bench
            .tell(CompleteTask {
                coverage,
                ..output(&task, &1)
            })
            .await;
        assert_eq!(bench.state(id).await, TaskState::Failed);
        assert!(
            bench.rows::<u64>(id, "a").await.is_empty(),
            "its data is not kept"
        );
        audit::over(&bench, id).await;
    }
}

#[tokio::test]
async fn bytes_that_are_no_message_are_parked_as_such() {
    let bench = Bench::new();
    let deep = format!("{{\"v\":1,\"id\":{}", "[".repeat(100_000));
    let bodies: [&[u8]; 7] = [
        b"",
        b"garbage",
        b"\xff\xfe\x00",
        b"null",
        b"{\"v\":1}",
        br#"{"v":1,"id":"00000000-0000-7000-8000-000000000000","body":{"explode":{}}}"#,
        deep.as_bytes(),
    ];
    for body in bodies {
        let reason = delivered(&bench, body.to_vec()).await;
        assert!(matches!(reason, ParkReason::Undecodable(_)), "{reason:?}");
    }
}

#[tokio::test]
async fn a_newer_message_is_parked_as_newer_and_can_be_sent_again_later() {
    let bench = Bench::new();
    let newer = ParkReason::EnvelopeVersion { found: 2, known: 1 };
    let same_shape = r#"{"v":2,"id":"00000000-0000-7000-8000-000000000000","body":"tick"}"#;
    for body in [same_shape, r#"{"v":2,"news":[1,2,3]}"#] {
        assert_eq!(delivered(&bench, body.into()).await, newer, "{body}");
    }
}

#[tokio::test]
async fn a_plan_that_is_not_sound_is_parked_and_can_be_redriven_after_a_deploy() {
    let bench = Bench::new();
    let mut plan = Workflow::new("w").task("a", Leaf(1)).build().unwrap();
    plan.tasks[0].kind = "t.new".to_owned();
    let submit = |plan: Payload| {
        let collection_id = CollectionId::new(&bench.runtime);
        let scope = None;
        Message::SubmitCollection(SubmitCollection {
            collection_id,
            plan,
            scope,
        })
    };
    let reason = said(&bench, submit(Payload::encode(&plan).unwrap())).await;
    let ParkReason::Refused(why) = &reason else {
        panic!("{reason:?}")
    };
    assert!(why.contains("`t.new`, which is not registered"), "{why}");
    let reason = said(&bench, submit(Payload::encode(&[1, 2]).unwrap())).await;
    assert!(
        reason.to_string().contains("the plan cannot be read"),
        "{reason}"
    );
    let claim = Claim {
        key: "plans/x".to_owned(),
        len: 9,
        sha256: String::new(),
    };
    let reason = said(&bench, submit(Payload::Claim(claim))).await;
    assert!(reason.to_string().contains("no object store"), "{reason}");
    assert_eq!(bench.transport.redrive(Queue::Manager).await.unwrap(), 3);
    assert_eq!(
        bench.handle_queue().await.unwrap().refused.len(),
        3,
        "nothing was deployed"
    );
}

/// Whoever was given a task can say what it likes about it, but only that.
#[tokio::test]
async fn a_worker_that_lies_harms_only_its_own_task() {
    let bench = Bench::new();
    let steps = Workflow::new("w").parallel("p", |p| {
        p.enough(Enough::AtLeast(1))
            .task("liar", Leaf(1))
            .task("honest", Leaf(1))
    });
    let id = bench.submit(steps).await;
    let tasks = bench.dispatched().await;
    bench.tell(total(&tasks[0], u32::MAX)).await;
    assert_eq!(
        bench.task(id, "liar").await.status.state,
        TaskState::Succeeded
    );
    let ghost = TaskId::from_uuid(*id.as_uuid());
    assert_eq!(bench.head(ghost).await, None);
    bench.tell(fatal(&tasks[1])).await;
    let p = bench.container(id, "p").await;
    assert_eq!((p.children.succeeded, p.expected), (1, Some(2)));
}

/// A plan that lies in the object store, under a key of the sender's choice.
fn submitted_under(bench: &Bench, key: &str) -> ToManager {
    let claim = Claim {
        key: key.to_owned(),
        len: 2,
        sha256: "0".repeat(64),
    };
    let submit = SubmitCollection {
        collection_id: CollectionId::new(&bench.runtime),
        plan: Payload::Claim(claim),
        scope: None,
    };
    bench.message(Said::from(Message::SubmitCollection(submit)))
}

#[tokio::test]
async fn a_plan_under_a_key_that_is_none_is_refused_alone() {
    let objects = ObjectStoreObjects::memory();
    let bench = Bench::new().with_objects(std::sync::Arc::new(objects));
    let forged = submitted_under(&bench, "a/../b");
    let reason = delivered(&bench, forged.encode().to_vec()).await;
    assert!(matches!(reason, ParkReason::Refused(why) if why.contains("is not a key")));
}

#[tokio::test]
async fn an_untrusted_generator_reaches_no_more_than_it_has_itself() {
    let bench = Bench::new();
    let id = bench
        .submit(Workflow::new("w").generate("scan", Spawner(0), |c| c))
        .await;
    let generator = bench.only().await;
    bench
        .tell(create(&generator, vec![child(0, Raw::KIND)]))
        .await;
    bench.tell(total(&generator, 1)).await;
    assert!(bench.dispatched_to(WorkerKind::BareMetal).await.is_empty());
    assert_eq!(bench.container(id, "scan").await.children.failed, 1);
    audit::over(&bench, id).await;
}
