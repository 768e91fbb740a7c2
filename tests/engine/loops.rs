//! The manager in its loop, with several transactions at once.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use sortie::core::conformance::ManualRuntime;
use sortie::core::manager::{ManagerLoop, StopHandle};
use sortie::core::ports::transport::Outgoing;
use sortie::core::{CollectionId, Queue, TaskState};
use sortie::prelude::*;
use sortie::stores::MemoryStore;

use crate::support::audit;
use crate::support::bench::{Bench, carrier};
use crate::support::defs::{Leaf, inert};
use crate::support::faulty::{Faults, FaultyStore};
use crate::support::messages::found;

const TRANSACTIONS: usize = 3;

fn pair() -> Workflow {
    Workflow::new("w").parallel("p", |p| p.task("a", Leaf(1)).task("b", Leaf(1)))
}

async fn say(bench: &Bench, bodies: Vec<Vec<u8>>) {
    let messages = bodies.into_iter().map(|body| Outgoing::now(body.into()));
    let sent = bench
        .transport
        .send(Queue::Manager, messages.collect())
        .await;
    assert!(sent.unwrap().iter().all(Result::is_ok));
}

/// Ends of all tasks of a workflow, and of as many others.
async fn ends(bench: &Bench, workflows: usize) -> (Vec<CollectionId>, Vec<Vec<u8>>) {
    let mut runs = Vec::new();
    for _ in 0..workflows {
        runs.push(bench.submit(pair()).await);
        // What is submitted in one millisecond takes turns.
        bench.runtime.advance(Duration::from_millis(1)).await;
    }
    let tasks = bench.dispatched().await;
    assert_eq!(tasks.len(), 2 * workflows);
    let ends = tasks.iter().map(|task| bench.message(found(task, 1)));
    (runs, ends.map(|end| end.encode().to_vec()).collect())
}

fn over_a_store_that_fails() -> (Bench, Arc<Faults>) {
    let (runtime, faults) = (ManualRuntime::new(1), Faults::new());
    let store = FaultyStore::new(Arc::new(MemoryStore::new()), Arc::clone(&faults));
    let bench = Bench::over(runtime.clone(), store, carrier(&runtime), inert());
    (bench, faults)
}

#[tokio::test]
async fn workflows_side_by_side_are_applied_once() {
    let bench = Bench::new();
    let (runs, ends) = ends(&bench, 7).await;
    let (stop, stopped) = StopHandle::new();
    let managing = ManagerLoop::new(Arc::clone(&bench.manager))
        .batch(3)
        .transactions(TRANSACTIONS);
    let managed = tokio::spawn(managing.run(stopped));
    say(&bench, ends.clone()).await;
    say(&bench, vec![b"garbage".to_vec()]).await;
    say(&bench, ends).await;
    bench.runtime.advance(Duration::from_secs(1)).await;
    stop.stop();
    managed.await.unwrap();
    assert_eq!(bench.transport.depth(Queue::Manager).await.unwrap(), 0);
    assert_eq!(bench.parked().await.len(), 1, "the garbage");
    for run in runs {
        assert_eq!(bench.state(run).await, TaskState::Succeeded);
        audit::over(&bench, run).await;
    }
}

#[tokio::test]
async fn what_a_store_that_is_away_has_not_taken_comes_again_when_the_manager_is_told_to_stop() {
    let (bench, faults) = over_a_store_that_fails();
    let (runs, ends) = ends(&bench, 5).await;
    let count = ends.len() as u64;
    faults.begins.store(u32::MAX, Ordering::SeqCst);
    say(&bench, ends).await;
    let (stop, stopped) = StopHandle::new();
    let managing = ManagerLoop::new(Arc::clone(&bench.manager))
        .batch(2)
        .transactions(TRANSACTIONS);
    let managed = tokio::spawn(managing.run(stopped));
    bench.runtime.settle().await;
    stop.stop();
    let over = bench.runtime.advance(Duration::from_secs(1));
    tokio::join!(over, async { managed.await.unwrap() });
    faults.begins.store(0, Ordering::SeqCst);
    // Whoever is next finds all of it, long before its visibility ends.
    bench.runtime.advance(Duration::from_secs(10)).await;
    let handled = bench.handle_queue().await.unwrap();
    assert_eq!(handled.applied as u64, count);
    for run in runs {
        assert_eq!(bench.state(run).await, TaskState::Succeeded);
    }
}

/// A store that is away for a while must not make dead letters of what it was to be told.
#[tokio::test]
async fn messages_come_again_less_and_less_often_while_the_store_is_away() {
    let (bench, faults) = over_a_store_that_fails();
    let (runs, ends) = ends(&bench, 1).await;
    let away = u32::MAX;
    faults.begins.store(away, Ordering::SeqCst);
    say(&bench, ends).await;
    let (stop, stopped) = StopHandle::new();
    let managing =
        ManagerLoop::new(Arc::clone(&bench.manager)).tick_every(Duration::from_secs(1000));
    let managed = tokio::spawn(managing.run(stopped));
    bench.runtime.advance(Duration::from_secs(50)).await;
    // Of the messages in one batch, and of the first tick.
    let tries = away - faults.begins.load(Ordering::SeqCst);
    assert!((4..=6).contains(&tries), "{tries} tries in 50 s");
    faults.begins.store(0, Ordering::SeqCst);
    bench.runtime.advance(Duration::from_secs(30)).await;
    assert!(bench.parked().await.is_empty());
    assert_eq!(bench.state(runs[0]).await, TaskState::Succeeded);
    stop.stop();
    managed.await.unwrap();
}
