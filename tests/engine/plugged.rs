//! Workers of one's own, and what any worker does with dispatches that it cannot run.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use sortie::core::conformance::ManualRuntime;
use sortie::core::envelope::DispatchTask;
use sortie::core::message::Outcome;
use sortie::core::ports::transport::{Outgoing, ParkReason};
use sortie::core::worker::{Completion, Control, Worker};
use sortie::core::{Payload, Queue, WorkerKind};
use sortie::prelude::*;
use sortie::stores::MemoryStore;
use sortie::transports::objects::ObjectStoreObjects;

use crate::support::audit;
use crate::support::bench::{Bench, carrier};
use crate::support::rig::{Rig, script};
use crate::support::script::{Script, Step};

/// As a container or another language would: looks at the envelope only.
#[derive(Debug, Default)]
struct Foreign {
    calls: AtomicU32,
}

#[async_trait]
impl Worker for Foreign {
    async fn run(&self, task: DispatchTask, control: Control) -> Result<Completion, ParkReason> {
        let call = self.calls.fetch_add(1, Ordering::SeqCst);
        control.progress.checkpoint();
        let script: Script = task.payload.decode().unwrap();
        match script.targets {
            // Knows no such kind.
            1 => Err(ParkReason::UnknownKind(task.kind)),
            // A bug in the worker itself.
            2 if call == 0 => panic!("not a task's panic: the worker's"),
            targets => Ok(Completion {
                data: Some(Payload::encode(&format!("call {call}")).unwrap()),
                coverage: [("seen", targets)].into_iter().collect(),
                ..Completion::bare(Outcome::Succeeded { children: None })
            }),
        }
    }
}

fn rig() -> Rig {
    let runtime = ManualRuntime::new(1);
    let transport = carrier(&runtime);
    let bench = Bench::over(
        runtime,
        Arc::new(MemoryStore::new()),
        transport,
        registry![Script],
    );
    let bench = bench.with_objects(Arc::new(ObjectStoreObjects::memory()));
    Rig::on(bench, Some(Arc::new(Foreign::default())))
}

fn targets(targets: u64) -> Script {
    Script {
        targets,
        ..script(vec![])
    }
}

#[tokio::test]
async fn a_worker_of_ones_own_runs_the_tasks() {
    let rig = rig();
    let (id, state) = rig.run(targets(5)).await;
    assert_eq!(state, TaskState::Succeeded);
    assert_eq!(rig.bench.rows::<String>(id, "a").await, ["call 0"]);
    let root = &rig.bench.truth.containers(id).await.unwrap()[0];
    assert_eq!(root.outcomes.get("seen"), 5);
    audit::over(&rig.bench, id).await;
}

#[tokio::test]
async fn an_embedded_engine_takes_a_worker_for_one_kind() {
    let engine = Engine::embedded(registry![Script])
        .in_memory()
        .worker(WorkerKind::Internal, Arc::new(Foreign::default()))
        .start()
        .await
        .unwrap();
    let run = engine
        .submit(Workflow::new("w").task("a", targets(3)))
        .await
        .unwrap();
    let report = tokio::time::timeout(Duration::from_secs(30), run.wait())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(report.ledger.outcomes.get("seen"), 3);
    assert_eq!(
        run.result::<String>("a").await.unwrap().as_deref(),
        Some("call 0")
    );
    engine.shutdown().await;
}

#[tokio::test]
async fn what_a_worker_cannot_run_is_put_aside_with_its_reason_and_tried_again_later() {
    let rig = rig();
    let limits = Limits {
        queued: Duration::from_secs(5),
        running: Duration::from_secs(5),
        total: None,
    };
    let second = Duration::from_secs(1);
    let twice = RetryPolicy {
        max_failures: 2,
        base: second,
        cap: second,
    };
    let child = Child::new(targets(1)).limits(limits).retry(twice);
    let steps = Workflow::new("w").parallel("p", |p| p.task("bad", child).task("good", targets(3)));
    let id = rig.bench.submit(steps).await;
    assert_eq!(rig.over(id).await, TaskState::Failed);
    assert_eq!(
        rig.bench.task(id, "good").await.status.state,
        TaskState::Succeeded
    );
    assert_eq!(
        rig.bench.task(id, "bad").await.status.state,
        TaskState::Timeout
    );
    let parked = rig
        .bench
        .transport
        .parked(Queue::Internal, 9)
        .await
        .unwrap();
    assert_eq!(parked.len(), 2, "one for each attempt");
    for letter in &parked {
        assert_eq!(
            letter.reason,
            ParkReason::UnknownKind("t.script".to_owned())
        );
        assert_eq!(
            DispatchTask::decode(&letter.body).unwrap().collection_id,
            id
        );
    }
    audit::over(&rig.bench, id).await;
}

#[tokio::test]
async fn a_worker_that_panics_itself_loses_no_task() {
    let rig = rig();
    let (id, state) = rig.run(targets(2)).await;
    assert_eq!(state, TaskState::Succeeded);
    assert_eq!(rig.bench.rows::<String>(id, "a").await, ["call 1"]);
    assert_eq!(
        rig.bench.task(id, "a").await.status.attempt,
        1,
        "the carrier delivered it again"
    );
    audit::over(&rig.bench, id).await;
}

#[tokio::test]
async fn dispatches_that_are_none_are_put_aside() {
    let rig = Rig::new();
    let newer = r#"{"v":2,"news":true}"#;
    let bodies = ["garbage", "{}", newer].map(|body| Outgoing::now(body.into()));
    rig.bench
        .transport
        .send(Queue::Internal, bodies.to_vec())
        .await
        .unwrap();
    let (_, state) = rig.run(script(vec![Step::Return(1)])).await;
    assert_eq!(state, TaskState::Succeeded, "the worker goes on");
    let parked = rig
        .bench
        .transport
        .parked(Queue::Internal, 9)
        .await
        .unwrap();
    let reasons: Vec<_> = parked.into_iter().map(|letter| letter.reason).collect();
    assert_eq!(reasons.len(), 3);
    assert!(matches!(reasons[0], ParkReason::Undecodable(_)));
    assert!(matches!(reasons[1], ParkReason::Undecodable(_)));
    assert_eq!(
        reasons[2],
        ParkReason::EnvelopeVersion { found: 2, known: 1 }
    );
}

/// A completion that comes while the queue to the manager is bounded and full must get through.
#[tokio::test]
async fn a_whole_workflow_runs_in_the_embedded_engine() {
    let engine = Engine::embedded(registry![Script])
        .in_memory()
        .resource(crate::support::rig::Log::default());
    let engine = engine.start().await.unwrap();
    let steps = Workflow::new("w").parallel("both", |p| {
        p.generate("a", script(vec![Step::Create(0, 3000)]), |c| {
            c.max_in_flight(200)
        })
        .sequence("s", |s| {
            s.generate("b", script(vec![Step::Create(0, 2000)]), |c| c)
        })
    });
    let run = engine.submit(steps).await.unwrap();
    let report = tokio::time::timeout(Duration::from_secs(60), run.wait()).await;
    let report = report.expect("it does not hang").unwrap();
    assert_eq!(report.state, TaskState::Succeeded);
    for (name, children) in [("a", 3000), ("b", 2000)] {
        let mut rows = run.rows::<u64>(name).await.unwrap();
        for n in 0..children {
            assert_eq!(rows.next().await.unwrap(), Some(n));
        }
        assert_eq!(rows.next().await.unwrap(), None);
    }
    engine.shutdown().await;
}
