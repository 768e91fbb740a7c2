//! Stores and carriers that fail: nothing is lost, and only culprits are parked.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use sortie::core::Queue;
use sortie::core::conformance::ManualRuntime;
use sortie::core::ports::transport::ParkReason;
use sortie::prelude::*;
use sortie::stores::MemoryStore;

use crate::support::audit;
use crate::support::bench::{Bench, Said, carrier};
use crate::support::defs::{Leaf, Reader, Spawner, inert};
use crate::support::faulty::{Faults, FaultyStore, FaultyTransport};
use crate::support::messages::{children, done, found, handed_back, total};

fn faulty() -> (Bench, Arc<Faults>) {
    let (runtime, faults) = (ManualRuntime::new(1), Faults::new());
    let store = FaultyStore::new(Arc::new(MemoryStore::new()), Arc::clone(&faults));
    let transport = FaultyTransport::new(carrier(&runtime), Arc::clone(&faults));
    (Bench::over(runtime, store, transport, inert()), faults)
}

fn wide(n: u64) -> Workflow {
    Workflow::new("w").parallel("all", |p| {
        (0..n).fold(p, |p, n| p.task(format!("task {n}"), Leaf(1)))
    })
}

fn body(bench: &Bench, said: impl Into<Said>) -> Vec<u8> {
    bench.message(said).encode().to_vec()
}

#[tokio::test]
async fn a_message_that_the_store_refuses_is_parked_alone() {
    for culprits in [
        vec![0],
        vec![3],
        vec![6],
        vec![1, 2],
        vec![0, 1, 2, 3, 4, 5, 6],
    ] {
        let (bench, faults) = faulty();
        let id = bench.submit(wide(7)).await;
        let tasks = bench.dispatched().await;
        let poison: Vec<_> = culprits
            .iter()
            .map(|at: &usize| tasks[*at].task_id)
            .collect();
        faults.poison.lock().unwrap().clone_from(&poison);
        let bodies = tasks
            .iter()
            .map(|task| body(&bench, found(task, 1)))
            .collect();
        let handled = bench.deliver(bodies).await.unwrap();
        let places: Vec<_> = handled.refused.iter().map(|(place, _)| *place).collect();
        assert_eq!(places, culprits);
        let reason = ParkReason::Poison("poison".to_owned());
        assert!(handled.refused.iter().all(|(_, why)| *why == reason));
        assert_eq!(bench.parked().await.len(), culprits.len());
        let scan = bench.container(id, "all").await;
        assert_eq!(scan.children.succeeded, (7 - culprits.len()) as u64);
        audit::consistent(&bench, id).await;
        // The store has learned to take them, so the dead letters are good again.
        faults.poison.lock().unwrap().clear();
        assert_eq!(
            bench.transport.redrive(Queue::Manager).await.unwrap(),
            culprits.len()
        );
        bench.handle_queue().await.unwrap();
        assert_eq!(bench.state(id).await, TaskState::Succeeded);
        audit::over(&bench, id).await;
    }
}

#[tokio::test]
async fn a_lost_race_is_run_again_and_counts_once() {
    let (bench, faults) = faulty();
    let id = bench.submit(wide(2)).await;
    let tasks = bench.dispatched().await;
    faults.conflicts.store(5, Ordering::SeqCst);
    // The pauses between the tries are virtual: somebody must let time pass.
    let (told, ()) = tokio::join!(
        bench.tell_all(tasks.iter().map(|task| found(task, 1).into())),
        bench.runtime.advance(Duration::from_secs(10)),
    );
    assert_eq!((told.applied, told.refused.len()), (2, 0));
    assert_eq!(faults.conflicts.load(Ordering::SeqCst), 0);
    assert_eq!(bench.state(id).await, TaskState::Succeeded);
    audit::over(&bench, id).await;
}

#[tokio::test]
async fn races_that_are_always_lost_give_the_batch_back() {
    let (bench, faults) = faulty();
    let id = bench.submit(wide(1)).await;
    let task = bench.only().await;
    faults.conflicts.store(11, Ordering::SeqCst);
    let (told, ()) = tokio::join!(
        bench.deliver(vec![body(&bench, found(&task, 1))]),
        bench.runtime.advance(Duration::from_secs(30)),
    );
    assert!(told.is_err(), "{told:?}");
    assert_eq!(bench.transport.depth(Queue::Manager).await.unwrap(), 1);
    bench.runtime.advance(Duration::from_secs(60)).await;
    bench.handle_queue().await.unwrap();
    assert_eq!(bench.state(id).await, TaskState::Succeeded);
    audit::over(&bench, id).await;
}

#[tokio::test]
async fn a_store_that_fails_gives_the_batch_back_and_nothing_is_lost() {
    let steps = Workflow::new("w")
        .generate("scan", Spawner(0), |c| c)
        .aggregate("read", Reader(0));
    let (bench, faults) = faulty();
    let id = bench.submit(steps).await;
    let generator = bench.only().await;
    let bodies = vec![
        body(&bench, total(&generator, 3)),
        body(&bench, children(&generator, 0..3)),
        b"garbage".to_vec(),
    ];
    for (place, fault) in [&faults.begins, &faults.commits].into_iter().enumerate() {
        fault.store(1, Ordering::SeqCst);
        let told = match place {
            0 => bench.deliver(bodies.clone()).await,
            _ => bench.handle_queue().await,
        };
        assert!(told.is_err());
        assert_eq!(bench.transport.depth(Queue::Manager).await.unwrap(), 3);
        assert_eq!(bench.parked().await.len(), 0);
        assert_eq!(bench.dispatched().await, []);
        bench.runtime.advance(Duration::from_secs(61)).await;
    }
    bench.handle_queue().await.unwrap();
    assert_eq!(bench.parked().await.len(), 1, "the garbage");
    for task in bench.dispatched().await {
        bench.tell(found(&task, 1)).await;
    }
    bench.finish_only().await;
    assert_eq!(bench.state(id).await, TaskState::Succeeded);
    audit::over(&bench, id).await;
}

/// The worst moment to fail: the commit is done, but the manager is told that it is not.
#[tokio::test]
async fn a_commit_that_succeeds_without_saying_so_is_not_applied_twice() {
    let (bench, faults) = faulty();
    let id = bench
        .submit(Workflow::new("w").task("a", Leaf(5)).task("b", Leaf(0)))
        .await;
    let first = bench.only().await;
    faults.lies.store(1, Ordering::SeqCst);
    assert!(
        bench
            .deliver(vec![body(&bench, handed_back(&first, 2))])
            .await
            .is_err()
    );
    assert_eq!(
        bench.dispatched().await,
        [],
        "who knows whether it was committed"
    );
    bench.runtime.advance(Duration::from_secs(61)).await;
    bench.handle_queue().await.unwrap();
    assert_eq!(bench.dispatched().await, []);
    // What was to be sent stands in the outbox.
    bench.tell(sortie::core::message::Message::Tick).await;
    let second = bench.only().await;
    assert_eq!(second.attempt, 2);
    bench.tell(found(&second, 3)).await;
    bench.finish_only().await;
    audit::over(&bench, id).await;
}

#[tokio::test]
async fn dispatches_that_could_not_be_sent_are_sent_by_a_tick() {
    for one_by_one in [false, true] {
        let (bench, faults) = faulty();
        let fault = if one_by_one {
            &faults.refusals
        } else {
            &faults.sends
        };
        fault.store(2, Ordering::SeqCst);
        let id = bench.submit(wide(4)).await;
        let sent = bench.dispatched().await.len();
        assert_eq!(sent, if one_by_one { 2 } else { 0 });
        assert_eq!(bench.container(id, "all").await.children.running, 4);
        // Not at once: another manager may be sending them just now.
        bench.tell(sortie::core::message::Message::Tick).await;
        assert_eq!(bench.dispatched().await, []);
        let mut late = Vec::new();
        for _ in 0..2 {
            bench.tick_after(Duration::from_secs(6)).await;
            late.extend(bench.dispatched().await);
        }
        assert_eq!(late.len(), 4 - sent);
        assert!(late.iter().all(|task| task.attempt == 1));
        bench.tick_after(Duration::from_secs(6)).await;
        assert_eq!(bench.dispatched().await, [], "sent once is enough");
        bench.cancel(id).await;
        audit::over(&bench, id).await;
    }
}

#[tokio::test]
async fn a_crash_between_commit_and_send_is_repaired_by_a_tick_of_another_manager() {
    let (bench, faults) = faulty();
    faults.sends.store(1, Ordering::SeqCst);
    let id = bench.submit(Workflow::new("w").task("a", Leaf(1))).await;
    let other = bench.twin();
    drop(bench);
    other.tick_after(Duration::from_secs(6)).await;
    other.tell(found(&other.only().await, 1)).await;
    assert_eq!(other.state(id).await, TaskState::Succeeded);
    audit::over(&other, id).await;
}

#[tokio::test]
async fn a_restart_dispatches_anew_what_was_in_flight_and_fences_the_old() {
    let (bench, _) = faulty();
    let id = bench.submit(wide(3).aggregate("read", Reader(0))).await;
    let old = bench.dispatched().await;
    bench.tell(found(&old[0], 1)).await;
    bench.tell(handed_back(&old[1], 0)).await;
    let bench = bench.reborn();
    assert_eq!(bench.manager.recover().await.unwrap(), 2);
    let new = bench.dispatched().await;
    let mut attempts: Vec<_> = new.iter().map(|task| task.attempt).collect();
    attempts.sort_unstable();
    assert_eq!(attempts, [2, 3]);
    assert!(
        new.iter().any(|task| task.cursor.is_some()),
        "the cursor is kept"
    );
    bench.tell(found(&old[2], 1)).await;
    assert_eq!(
        bench.container(id, "all").await.children.succeeded,
        1,
        "the old one is fenced"
    );
    bench
        .tell_all(new.iter().map(|task| found(task, 1).into()))
        .await;
    bench.tell(done(&bench.only().await)).await;
    assert_eq!(bench.state(id).await, TaskState::Succeeded);
    // A restart is no failure of the tasks.
    assert_eq!(bench.task(id, "task 2").await.status.failures, 0);
    assert_eq!(bench.manager.recover().await.unwrap(), 0);
    audit::over(&bench, id).await;
}
