//! An event as a queue.

use std::collections::{HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use task_core::Queue;
use task_core::ports::transport::{
    CarrierLimits, Delivery, Outgoing, ParkReason, Parked, Receipt, Transport, TransportError,
};
use tokio::sync::watch;

use super::Failures;

/// A carrier whose queue `queue` is the event at hand. All else, sending above all, is done by the
/// carrier behind it. Clones share both.
///
/// A message is done when it is acknowledged or parked. Acknowledging it asks SQS for nothing:
/// Lambda removes it when the function has returned. One that is given back, or that nobody has
/// settled when the event ends, comes again. A message of a direct invocation is the same; its dead
/// letter is sent by the carrier behind.
#[derive(Clone, Debug)]
pub struct EventCarrier {
    inner: Arc<dyn Transport>,
    queue: Queue,
    batch: Arc<Batch>,
}

#[derive(Debug)]
struct Batch {
    state: Mutex<State>,
    /// Messages that are neither done nor given back.
    open: watch::Sender<usize>,
}

#[derive(Debug, Default)]
struct State {
    waiting: VecDeque<Delivery>,
    open: HashSet<Receipt>,
    given_back: HashSet<Receipt>,
}

impl EventCarrier {
    /// No event yet.
    pub fn new(inner: Arc<dyn Transport>, queue: Queue) -> Self {
        let batch = Batch {
            state: Mutex::default(),
            open: watch::Sender::new(0),
        };
        Self {
            inner,
            queue,
            batch: Arc::new(batch),
        }
    }

    /// The messages of an event take the place of what was there.
    pub(super) fn begin(&self, deliveries: Vec<Delivery>) {
        let mut state = self.lock();
        state.open = deliveries.iter().map(|d| d.receipt.clone()).collect();
        state.given_back.clear();
        state.waiting = deliveries.into();
        self.batch.open.send_replace(state.open.len());
    }

    /// Completes when every message is done or given back.
    pub(super) async fn settled(&self) {
        let mut open = self.batch.open.subscribe();
        let _ = open.wait_for(|open| *open == 0).await;
    }

    /// Ends the event: what must come again.
    pub(super) fn end(&self) -> Failures {
        let mut state = self.lock();
        state.waiting.clear();
        let State {
            open, given_back, ..
        } = std::mem::take(&mut *state);
        let again = open.into_iter().chain(given_back);
        let id = |receipt: Receipt| match receipt.text().and_then(|text| text.split_once(' ')) {
            Some((id, _)) => id.to_owned(),
            None => "direct".to_owned(),
        };
        Failures::of(again.map(id))
    }

    fn close(&self, receipt: &Receipt, again: bool) {
        let mut state = self.lock();
        if state.open.remove(receipt) {
            if again {
                state.given_back.insert(receipt.clone());
            }
            self.batch.open.send_replace(state.open.len());
        } else if !again {
            // Done after all.
            state.given_back.remove(receipt);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing panics under the lock but for want of memory; the state is whole even then.
        self.batch
            .state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether the message came without a queue.
fn is_direct(receipt: &Receipt) -> bool {
    receipt.number().is_some()
}

#[async_trait]
impl Transport for EventCarrier {
    fn limits(&self) -> CarrierLimits {
        self.inner.limits()
    }

    async fn send(
        &self,
        queue: Queue,
        messages: Vec<Outgoing>,
    ) -> Result<Vec<Result<(), TransportError>>, TransportError> {
        self.inner.send(queue, messages).await
    }

    /// Hands out what is left of the event. `visibility` is that of the queue and not this one.
    async fn receive(
        &self,
        queue: Queue,
        max: usize,
        wait: Duration,
        visibility: Duration,
    ) -> Result<Vec<Delivery>, TransportError> {
        if queue != self.queue {
            return self.inner.receive(queue, max, wait, visibility).await;
        }
        let some: Vec<Delivery> = {
            let mut state = self.lock();
            let count = max.min(state.waiting.len());
            state.waiting.drain(..count).collect()
        };
        if some.is_empty() {
            tokio::time::sleep(wait).await;
        }
        Ok(some)
    }

    async fn ack(&self, queue: Queue, receipts: &[Receipt]) -> Result<(), TransportError> {
        if queue != self.queue {
            return self.inner.ack(queue, receipts).await;
        }
        receipts
            .iter()
            .for_each(|receipt| self.close(receipt, false));
        Ok(())
    }

    async fn extend(
        &self,
        queue: Queue,
        receipt: &Receipt,
        visibility: Duration,
    ) -> Result<(), TransportError> {
        if queue == self.queue && visibility.is_zero() {
            self.close(receipt, true);
        }
        if is_direct(receipt) {
            // Lambda keeps it, and from nobody else.
            return Ok(());
        }
        self.inner.extend(queue, receipt, visibility).await
    }

    async fn park(
        &self,
        queue: Queue,
        delivery: Delivery,
        reason: ParkReason,
    ) -> Result<(), TransportError> {
        let receipt = delivery.receipt.clone();
        let parked = self.inner.park(queue, delivery, reason).await;
        if queue == self.queue {
            self.close(&receipt, parked.is_err());
        }
        parked
    }

    async fn parked(&self, queue: Queue, max: usize) -> Result<Vec<Parked>, TransportError> {
        self.inner.parked(queue, max).await
    }

    async fn redrive(&self, queue: Queue) -> Result<usize, TransportError> {
        self.inner.redrive(queue).await
    }

    async fn depth(&self, queue: Queue) -> Result<u64, TransportError> {
        self.inner.depth(queue).await
    }
}
