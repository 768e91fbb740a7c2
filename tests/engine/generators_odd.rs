//! Generators: odd children, targets of their own, and limits.

use std::time::Duration;

use sortie::core::message::Message;
use sortie::prelude::*;

use crate::support::audit;
use crate::support::bench::Bench;
use crate::support::defs::{Leaf, Spawner};
use crate::support::messages::{alive, child, children, create, fatal, found, total};

const LEASE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn a_child_that_cannot_run_is_booked_as_failed() {
    let bench = Bench::new();
    let steps = Workflow::new("w")
        .generate("scan", Spawner(0), |c| c.enough(Enough::AtLeast(1)))
        .task("after", Leaf(0));
    let id = bench.submit(steps).await;
    let generator = bench.only().await;
    let newer = sortie::core::message::NewChild {
        version: 9,
        ..child(1, "t.leaf")
    };
    let huge = sortie::core::Payload::encode(&"x".repeat(600_000)).unwrap();
    let huge = sortie::core::message::NewChild {
        payload: huge,
        ..child(2, "t.leaf")
    };
    let made = vec![child(0, "t.unknown"), newer, huge, child(3, "t.leaf")];
    bench.tell(create(&generator, made)).await;
    bench.tell(total(&generator, 4)).await;
    bench.tell(found(&bench.only().await, 1)).await;
    let troubles = bench.store.troubles(id, 10).await.unwrap();
    let texts: Vec<_> = troubles
        .into_iter()
        .filter_map(|trouble| trouble.error)
        .collect();
    assert_eq!(
        texts,
        [
            "no task definition of kind `t.unknown` is registered",
            "`t.leaf` has version 9 but only 1 is registered",
            "the payload has 600002 bytes; at most 524288 fit a message",
        ]
    );
    assert_eq!(
        bench.container(id, "scan").await.state,
        TaskState::PartiallyFailed
    );
    bench.finish_only().await;
    assert_eq!(bench.state(id).await, TaskState::PartiallyFailed);
    audit::over(&bench, id).await;
}

#[tokio::test]
async fn a_generators_own_targets_are_in_the_ledger_however_it_ends() {
    let bench = Bench::new();
    let steps = || Workflow::new("w").generate("scan", Spawner(7), |c| c);
    let id = bench.submit(steps()).await;
    bench.only().await;
    bench.cancel(id).await;
    audit::over(&bench, id).await;
    let id = bench.submit(steps()).await;
    bench.tell(fatal(&bench.only().await)).await;
    audit::over(&bench, id).await;
}

#[tokio::test]
async fn the_total_limit_holds_for_a_generator_that_streams() {
    let bench = Bench::new();
    let limits = Limits {
        total: Some(LEASE * 2),
        ..Limits::DEFAULT
    };
    let generator = Child::new(Spawner(0)).limits(limits);
    let id = bench
        .submit(Workflow::new("w").generate("scan", generator, |c| c))
        .await;
    let generator = bench.only().await;
    for n in 0..4 {
        bench.tell(alive(&generator)).await;
        bench.tell(children(&generator, n..n + 1)).await;
        bench.runtime.advance(LEASE / 2).await;
    }
    bench.tell(Message::Tick).await;
    let state = bench.task(id, "scan.generator").await.status.state;
    assert_eq!(state, TaskState::Timeout);
    assert_eq!(bench.state(id).await, TaskState::Failed);
    audit::over(&bench, id).await;
}
