//! How those who wait at a queue in memory are woken: in time, and not all at once.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::future::{BoxFuture, join_all};
use futures_util::poll;
use sortie_transports::memory::{MemoryConfig, MemoryTransport};
use task_core::Queue;
use task_core::conformance::ManualRuntime;
use task_core::ports::runtime::Runtime;
use task_core::ports::transport::{Outgoing, Transport};
use task_core::time::Timestamp;

const QUEUE: Queue = Queue::Manager;
const SECOND: Duration = Duration::from_secs(1);
const LONG: Duration = Duration::from_secs(600);

fn carrier() -> (MemoryTransport, ManualRuntime) {
    let runtime = ManualRuntime::new(1);
    let carrier = MemoryTransport::new(Arc::new(runtime.clone()), MemoryConfig::default());
    (carrier, runtime)
}

#[tokio::test]
async fn another_receiver_watches_the_clock_when_the_first_leaves() {
    let (carrier, runtime) = carrier();
    let delay = 5 * SECOND;
    carrier
        .send(
            QUEUE,
            vec![Outgoing {
                body: "1".into(),
                delay,
            }],
        )
        .await
        .unwrap();
    let mut keeper = carrier.receive(QUEUE, 1, LONG, LONG);
    let mut other = carrier.receive(QUEUE, 1, LONG, LONG);
    assert!(poll!(&mut keeper).is_pending());
    assert!(poll!(&mut other).is_pending());
    drop(keeper);
    assert!(poll!(&mut other).is_pending());
    runtime.advance(delay).await;
    assert!(poll!(&mut other).is_ready());
}

#[tokio::test]
async fn a_receiver_hears_of_an_earlier_moment() {
    let (carrier, runtime) = carrier();
    for seconds in [60, 5, 30, 2] {
        let message = Outgoing {
            body: "1".into(),
            delay: seconds * SECOND,
        };
        let mut waiting = carrier.receive(QUEUE, 1, LONG, LONG);
        assert!(poll!(&mut waiting).is_pending());
        carrier.send(QUEUE, vec![message]).await.unwrap();
        assert!(poll!(&mut waiting).is_pending());
        drop(waiting);
    }
    let waiter = carrier.clone();
    let start = runtime.now();
    let waiting = tokio::spawn(async move { waiter.receive(QUEUE, 1, LONG, LONG).await });
    runtime.advance(2 * SECOND).await;
    assert_eq!(waiting.await.unwrap().unwrap().len(), 1);
    assert_eq!(runtime.now().since(start), 2 * SECOND);
}

/// Counts who looks at the clock: whoever wakes up does.
#[derive(Clone, Debug)]
struct Watched {
    inner: ManualRuntime,
    looks: Arc<AtomicUsize>,
}

impl Runtime for Watched {
    fn now(&self) -> Timestamp {
        self.looks.fetch_add(1, Ordering::Relaxed);
        self.inner.now()
    }
    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        self.inner.sleep(duration)
    }
    fn spawn(&self, future: BoxFuture<'static, ()>) {
        self.inner.spawn(future);
    }
    fn random(&self) -> u64 {
        self.inner.random()
    }
}

#[tokio::test]
async fn one_message_does_not_wake_the_herd() {
    let runtime = Watched {
        inner: ManualRuntime::new(1),
        looks: Arc::default(),
    };
    let carrier = MemoryTransport::new(Arc::new(runtime.clone()), MemoryConfig::default());
    let herd: Vec<_> = (0..100)
        .map(|_| {
            let carrier = carrier.clone();
            tokio::spawn(async move { carrier.receive(QUEUE, 1, LONG, 2 * LONG).await })
        })
        .collect();
    runtime.inner.settle().await;
    let looks = || runtime.looks.swap(0, Ordering::Relaxed);
    assert_eq!(looks(), 100);
    carrier
        .send(QUEUE, vec![Outgoing::now("1".into())])
        .await
        .unwrap();
    runtime.inner.settle().await;
    // The sender, the receiver, and the next receiver, who watches the clock from now on.
    assert_eq!(looks(), 3);
    let delayed = Outgoing {
        body: "1".into(),
        delay: SECOND,
    };
    carrier.send(QUEUE, vec![delayed]).await.unwrap();
    runtime.inner.advance(SECOND).await;
    // The sender; the watcher hears of the moment, and then gets the message; the next watches.
    assert_eq!(looks(), 4);
    assert_eq!(
        herd.iter()
            .filter(|receiver| receiver.is_finished())
            .count(),
        2
    );
    carrier.close();
    join_all(herd).await;
}
