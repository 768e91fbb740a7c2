//! Ticks in the batch of other messages: a Lambda gets them so.

use std::time::Duration;

use sortie::core::message::Message;
use sortie::prelude::*;

use crate::support::audit;
use crate::support::bench::Bench;
use crate::support::defs::Leaf;
use crate::support::messages::{found, handed_back};

const SECOND: Duration = Duration::from_secs(1);

fn one(child: Child<Leaf>) -> Workflow {
    Workflow::new("w").task("a", child)
}

/// A Lambda gets its tick in the same batch as everything else.
#[tokio::test]
async fn a_tick_leaves_alone_what_the_same_batch_has_just_handed_back() {
    let bench = Bench::new();
    let limits = Limits {
        queued: SECOND,
        running: SECOND,
        total: None,
    };
    let id = bench.submit(one(Child::new(Leaf(10)).limits(limits))).await;
    let first = bench.only().await;
    bench.runtime.advance(5 * SECOND).await;
    bench
        .tell_all([handed_back(&first, 4).into(), Message::Tick.into()])
        .await;
    audit::consistent(&bench, id).await;
    let second = bench.only().await;
    let at: Option<u64> = second
        .cursor
        .as_ref()
        .map(|cursor| cursor.decode().unwrap());
    assert_eq!((second.attempt, at), (2, Some(4)));
    let status = bench.task(id, "a").await.status;
    assert_eq!((status.failures, status.accounted), (0, 4));
    bench.tell(found(&second, 6)).await;
    assert_eq!(bench.state(id).await, TaskState::Succeeded);
    audit::over(&bench, id).await;
}

#[tokio::test]
async fn a_tick_does_not_end_what_the_same_batch_dispatches_again() {
    let bench = Bench::new();
    let limits = Limits {
        queued: SECOND,
        running: SECOND,
        total: Some(4 * SECOND),
    };
    let id = bench.submit(one(Child::new(Leaf(10)).limits(limits))).await;
    let first = bench.only().await;
    bench.runtime.advance(5 * SECOND).await;
    bench
        .tell_all([handed_back(&first, 4).into(), Message::Tick.into()])
        .await;
    audit::consistent(&bench, id).await;
    bench.tick_after(SECOND).await;
    assert_eq!(bench.task(id, "a").await.status.state, TaskState::Timeout);
    audit::over(&bench, id).await;
}
