//! What the simulator has found, as plainly as it can be told.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use sortie::core::conformance::ManualRuntime;
use sortie::core::manager::{ManagerLoop, StopHandle};
use sortie::core::message::{CancelCollection, CompleteTask, Message};
use sortie::core::ports::transport::Outgoing;
use sortie::core::{CollectionId, Queue};
use sortie::prelude::*;
use sortie::stores::MemoryStore;

use crate::support::audit;
use crate::support::bench::{Bench, carrier};
use crate::support::defs::{Leaf, Spawner, inert};
use crate::support::faulty::{Faults, FaultyTransport};
use crate::support::messages::{children, found, output, total};

const LEASE: Duration = Duration::from_secs(60);
const CUT: Duration = Duration::from_secs(300);

/// Found with seed 15.
#[tokio::test]
async fn a_generator_that_runs_again_for_its_children_has_its_output_once() {
    let bench = Bench::new();
    let steps = Workflow::new("w").generate("scan", Spawner(3), |c| c);
    let id = bench.submit(steps).await;
    // Both times it says what it returns, and what became of its own targets.
    let returned = |generator: &_| CompleteTask {
        data: output(generator, &"the output").data,
        coverage: Coverage::from_iter([("read", 3)]),
        ..total(generator, 2)
    };
    let first = bench.only().await;
    bench.tell(children(&first, 0..1)).await;
    bench.tell(returned(&first)).await;
    bench.tell(found(&bench.only().await, 1)).await;
    // The second child never comes, so its generator is asked once more.
    bench.tick_after(LEASE).await;
    bench.runtime.advance(LEASE).await;
    let second = bench.only().await;
    assert_eq!((second.task_id, second.attempt), (first.task_id, 2));
    bench.tell(children(&second, 0..2)).await;
    bench.tell(returned(&second)).await;
    bench.tell(found(&bench.only().await, 1)).await;
    assert_eq!(bench.state(id).await, TaskState::Succeeded);
    let rows: Vec<String> = bench.rows(id, "scan.generator").await;
    assert_eq!(rows, ["the output"]);
    let scan = bench.container(id, "scan").await;
    assert_eq!(
        (scan.outcomes.get("read"), scan.outcomes.get("found")),
        (3, 2)
    );
    audit::over(&bench, id).await;
}

/// How a generated container ends that is cut off when `made` children have succeeded and no
/// other exists; `announced` is what its generator said before that, if it was done.
async fn cut_off(enough: Enough, made: u32, announced: Option<u32>) -> TaskState {
    let bench = Bench::new();
    let steps = Workflow::new("w").generate("scan", Spawner(0), |c| c.enough(enough).cut_off(CUT));
    let id = bench.submit(steps).await;
    let generator = bench.only().await;
    bench.tell(children(&generator, 0..made)).await;
    for child in bench.dispatched().await {
        bench.tell(found(&child, 1)).await;
    }
    if let Some(announced) = announced {
        bench.tell(total(&generator, announced)).await;
    }
    let before = bench.container(id, "scan").await;
    assert_eq!(before.state, TaskState::Running, "not over by itself");
    assert_eq!(before.children.succeeded, u64::from(made));
    bench.tick_after(CUT).await;
    let scan = bench.container(id, "scan").await;
    assert_eq!(
        scan.children, before.children,
        "there was no child to cut off"
    );
    audit::over(&bench, id).await;
    scan.state
}

/// Found with seed 203.
#[tokio::test]
async fn all_children_are_not_there_before_their_generator_is_done() {
    for made in [0, 1, 5] {
        let state = cut_off(Enough::All, made, None).await;
        assert_eq!(state, TaskState::Failed, "{made} children");
    }
}

/// Found with seed 209.
#[tokio::test]
async fn a_share_of_an_unknown_number_of_children_is_at_best_a_partial_success() {
    for enough in [Enough::PerMille(500), Enough::PerMille(1000)] {
        let state = cut_off(enough, 5, None).await;
        assert_eq!(state, TaskState::PartiallyFailed, "{enough:?}");
    }
    for enough in [Enough::PerMille(500), Enough::Any] {
        let state = cut_off(enough, 0, None).await;
        assert_eq!(state, TaskState::Failed, "{enough:?} of none");
    }
}

#[tokio::test]
async fn children_that_were_announced_and_never_came_are_missing_in_a_cut_off() {
    for (enough, made, announced) in [
        (Enough::All, 5, 6),
        (Enough::All, 0, 1),
        (Enough::Any, 0, 1),
        (Enough::PerMille(501), 5, 10),
        (Enough::AtLeast(2), 1, 2),
    ] {
        let state = cut_off(enough, made, Some(announced)).await;
        assert_eq!(
            state,
            TaskState::Failed,
            "{enough:?}, {made} of {announced}"
        );
    }
}

/// A share of nothing means: whatever comes.
#[tokio::test]
async fn nothing_of_what_was_announced_is_no_whole_success() {
    let state = cut_off(Enough::PerMille(0), 0, Some(10)).await;
    assert_eq!(state, TaskState::PartiallyFailed);
}

/// Found with seed 65.
#[tokio::test]
async fn a_receive_that_fails_keeps_back_nothing_of_what_came_before_it() {
    let (runtime, faults) = (ManualRuntime::new(1), Faults::new());
    let transport = FaultyTransport::new(carrier(&runtime), Arc::clone(&faults));
    let bench = Bench::over(runtime, Arc::new(MemoryStore::new()), transport, inert());
    let both = Workflow::new("w").parallel("p", |p| p.task("a", Leaf(1)).task("b", Leaf(1)));
    let id = bench.submit(both).await;
    let said = bench.dispatched().await.into_iter().map(|task| {
        let body = bench.message(found(&task, 1)).encode();
        Outgoing::now(body)
    });
    let sent = bench.transport.send(Queue::Manager, said.collect()).await;
    assert!(sent.unwrap().iter().all(Result::is_ok));
    faults.gathers.store(1, Ordering::SeqCst);
    let (stop, stopped) = StopHandle::new();
    // No time passes, so nothing comes again, and nothing waits for more.
    let managing = ManagerLoop::new(Arc::clone(&bench.manager)).linger(Duration::ZERO);
    let managed = tokio::spawn(managing.run(stopped));
    bench.runtime.settle().await;
    assert_eq!(faults.gathers.load(Ordering::SeqCst), 0, "it has failed");
    assert_eq!(bench.state(id).await, TaskState::Succeeded);
    assert_eq!(bench.transport.depth(Queue::Manager).await.unwrap(), 0);
    stop.stop();
    managed.await.unwrap();
    audit::over(&bench, id).await;
}

fn one() -> Workflow {
    Workflow::new("w").task("a", Leaf(1))
}

fn cancel(collection_id: CollectionId) -> Message {
    Message::CancelCollection(CancelCollection { collection_id })
}

#[tokio::test]
async fn a_cancellation_that_overtakes_its_submission_comes_again_and_works() {
    let bench = Bench::new();
    let other = bench.submit(one()).await;
    let task = bench.only().await;
    let (id, submission) = bench.submission(one()).await;
    let mate = bench.message(found(&task, 1)).encode().to_vec();
    let batch = vec![
        b"garbage".to_vec(),
        bench.message(cancel(id)).encode().to_vec(),
        mate,
    ];
    let handled = bench.deliver(batch).await.unwrap();
    assert_eq!(handled.applied, 1, "its mate");
    let [(refused, _)] = &handled.refused[..] else {
        panic!("{handled:?}");
    };
    let [(deferred, _)] = &handled.deferred[..] else {
        panic!("{handled:?}");
    };
    assert_eq!((*refused, *deferred), (0, 1));
    assert_eq!(bench.state(other).await, TaskState::Succeeded);
    let handled = bench.try_tell(vec![submission]).await.unwrap();
    assert_eq!(handled.applied, 1);
    assert_eq!(bench.state(id).await, TaskState::Running);
    bench.runtime.advance(Duration::from_secs(5)).await;
    let handled = bench.handle_queue().await.unwrap();
    assert_eq!((handled.applied, handled.deferred.len()), (1, 0));
    assert_eq!(bench.state(id).await, TaskState::Disabled);
    assert_eq!(bench.transport.depth(Queue::Manager).await.unwrap(), 0);
    audit::over(&bench, id).await;
}

#[tokio::test]
async fn a_cancellation_in_the_batch_of_its_submission_works_at_once() {
    for cancel_first in [false, true] {
        let bench = Bench::new();
        let (id, submission) = bench.submission(one()).await;
        let mut batch = vec![submission, bench.message(cancel(id))];
        if cancel_first {
            batch.reverse();
        }
        let handled = bench.try_tell(batch).await.unwrap();
        assert_eq!((handled.applied, handled.deferred.len()), (2, 0));
        assert_eq!(bench.state(id).await, TaskState::Disabled);
        assert_eq!(bench.dispatched().await, []);
        audit::over(&bench, id).await;
    }
}

/// Found by the simulator's model, which holds each lease against the limits of its task.
#[tokio::test]
async fn a_generator_that_waits_for_its_children_has_no_more_time_than_it_was_given() {
    let bench = Bench::new();
    let limits = Limits {
        total: Some(LEASE / 2),
        ..Limits::DEFAULT
    };
    let generator = Child::new(Spawner(0)).limits(limits);
    let steps = Workflow::new("w").generate("scan", generator, |c| c);
    let id = bench.submit(steps).await;
    // It says that there is one child, which never comes.
    bench.tell(total(&bench.only().await, 1)).await;
    bench.tick_after(LEASE / 2).await;
    assert_eq!(bench.state(id).await, TaskState::Failed);
    audit::over(&bench, id).await;
}
