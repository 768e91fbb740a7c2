//! What the checks have in common.

use std::collections::BTreeSet;
use std::pin::pin;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::{Either, select};

use super::Passage;
use crate::ports::transport::{Delivery, Outgoing, ParkReason, Receipt, Transport};
use crate::route::Queue;

/// The queue that checks use when any will do.
pub(super) const QUEUE: Queue = Queue::Internal;
/// The unit in which time passes: no carrier is finer.
pub(super) const SECOND: Duration = Duration::from_secs(1);
/// A visibility that ends within the check.
pub(super) const SHORT: Duration = Duration::from_secs(2);
/// A visibility that does not end within the check.
pub(super) const LONG: Duration = Duration::from_secs(600);
/// How long a carrier behind a network may take for what should be at once.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);

/// A carrier, and the time that passes for it.
pub(super) struct Probe<'a> {
    pub(super) transport: &'a dyn Transport,
    pub(super) passage: &'a dyn Passage,
}

pub(super) fn probe<'a>(transport: &'a dyn Transport, passage: &'a dyn Passage) -> Probe<'a> {
    Probe { transport, passage }
}

/// A body that can be told from others.
pub(super) fn body(n: usize) -> Bytes {
    Bytes::from(format!("{{\"n\":{n}}}"))
}

/// The bodies of `deliveries`, each once.
pub(super) fn bodies(deliveries: &[Delivery]) -> BTreeSet<Bytes> {
    deliveries
        .iter()
        .map(|delivery| delivery.body.clone())
        .collect()
}

impl Probe<'_> {
    /// Sends to [`QUEUE`]; all must be taken.
    pub(super) async fn send(&self, bodies: impl IntoIterator<Item = Bytes>) {
        self.send_to(QUEUE, bodies.into_iter().map(Outgoing::now).collect())
            .await;
    }

    pub(super) async fn send_to(&self, queue: Queue, messages: Vec<Outgoing>) {
        let count = messages.len();
        let sent = self.transport.send(queue, messages).await;
        let results = sent.unwrap_or_else(|e| panic!("`send` takes what is within limits: {e}"));
        assert_eq!(
            results.len(),
            count,
            "`send` has a result for every message"
        );
        for result in results {
            assert!(
                result.is_ok(),
                "`send` takes what is within limits: {result:?}"
            );
        }
    }

    /// One `receive`, while time passes. It must return when its wait is over.
    pub(super) async fn receive(
        &self,
        queue: Queue,
        max: usize,
        wait: Duration,
        visibility: Duration,
    ) -> Vec<Delivery> {
        let received = self.transport.receive(queue, max, wait, visibility);
        let received = self
            .during(wait, "`receive` returns when its wait is over", received)
            .await;
        received.unwrap_or_else(|e| panic!("`receive` works: {e}"))
    }

    /// Receives from [`QUEUE`] until there were `count` messages.
    pub(super) async fn drain(&self, count: usize, visibility: Duration) -> Vec<Delivery> {
        self.drain_from(QUEUE, count, visibility).await
    }

    pub(super) async fn drain_from(
        &self,
        queue: Queue,
        count: usize,
        visibility: Duration,
    ) -> Vec<Delivery> {
        let batch = self.transport.limits().receive_batch;
        let mut all = Vec::new();
        let mut misses = 0;
        while all.len() < count {
            let some = self
                .receive(queue, batch.min(count - all.len()), SECOND, visibility)
                .await;
            misses = if some.is_empty() { misses + 1 } else { 0 };
            assert!(
                misses < PATIENCE.as_secs(),
                "every message is delivered: {} of {count} came",
                all.len()
            );
            all.extend(some);
        }
        all
    }

    /// The one message that must be in [`QUEUE`].
    pub(super) async fn one(&self, visibility: Duration) -> Delivery {
        self.drain(1, visibility).await.remove(0)
    }

    /// Panics with `promise` if [`QUEUE`] delivers anything within a second.
    pub(super) async fn nothing(&self, promise: &str) {
        let received = self.receive(QUEUE, 1, SECOND, SHORT).await;
        assert!(received.is_empty(), "{promise}, but {received:?} came");
    }

    pub(super) async fn ack(&self, receipt: &Receipt) {
        let acked = self
            .transport
            .ack(QUEUE, std::slice::from_ref(receipt))
            .await;
        acked.unwrap_or_else(|e| panic!("`ack` takes the receipt of a delivery: {e}"));
    }

    pub(super) async fn extend(&self, receipt: &Receipt, visibility: Duration) {
        let extended = self.transport.extend(QUEUE, receipt, visibility).await;
        extended.unwrap_or_else(|e| panic!("`extend` takes the receipt of a delivery: {e}"));
    }

    pub(super) async fn park(&self, delivery: Delivery, reason: ParkReason) {
        let parked = self.transport.park(QUEUE, delivery, reason).await;
        parked.unwrap_or_else(|e| panic!("`park` takes the receipt of a delivery: {e}"));
    }

    pub(super) async fn advance(&self, duration: Duration) {
        self.passage.advance(duration).await;
    }

    /// Awaits `depth` to become `expected`: it may be an estimate that is late.
    pub(super) async fn depth(&self, expected: u64, promise: &str) {
        let mut passed = Duration::ZERO;
        loop {
            let depth = self.transport.depth(QUEUE).await;
            let depth = depth.unwrap_or_else(|e| panic!("`depth` works: {e}"));
            if depth == expected {
                return;
            }
            assert!(
                passed < PATIENCE,
                "{promise}: `depth` is {depth}, not {expected}"
            );
            self.advance(SECOND).await;
            passed += SECOND;
        }
    }

    /// Lets time pass until `future` is done, which must be within `limit` (and [`PATIENCE`]).
    pub(super) async fn during<T>(
        &self,
        limit: Duration,
        promise: &str,
        future: impl Future<Output = T>,
    ) -> T {
        let mut future = pin!(future);
        let mut passed = Duration::ZERO;
        loop {
            match select(future.as_mut(), self.passage.advance(SECOND)).await {
                Either::Left((done, _)) => return done,
                Either::Right(_) => passed += SECOND,
            }
            assert!(
                passed < limit + PATIENCE,
                "{promise}: nothing after {passed:?}"
            );
        }
    }
}
