//! The manager as a loop in a process.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{Either, select};
use tokio::sync::watch;

use crate::id::MessageId;
use crate::message::{Message, ToManager};
use crate::ports::transport::Receipt;
use crate::route::Queue;

use super::Manager;

/// Reads the manager's queue, handles what comes in large batches, and ticks.
#[derive(Debug)]
pub struct ManagerLoop {
    manager: Arc<Manager>,
    batch: usize,
    linger: Duration,
    tick_every: Duration,
}

/// Says when to stop. Cheap to clone; dropping the [`StopHandle`] stops as well.
#[derive(Clone, Debug)]
pub struct Stop(watch::Receiver<bool>);

/// Makes a [`Stop`] come true.
#[derive(Debug)]
pub struct StopHandle(watch::Sender<bool>);

impl StopHandle {
    /// A handle and what it controls.
    pub fn new() -> (Self, Stop) {
        let (sender, receiver) = watch::channel(false);
        (Self(sender), Stop(receiver))
    }

    /// Stops.
    pub fn stop(&self) {
        self.0.send_replace(true);
    }
}

impl Stop {
    /// Whether to stop.
    pub fn is_stopped(&self) -> bool {
        *self.0.borrow() || self.0.has_changed().is_err()
    }

    /// Completes when it is time to stop.
    pub async fn stopped(&mut self) {
        let _ = self.0.wait_for(|stop| *stop).await;
    }
}

impl ManagerLoop {
    /// Batches of up to 1,000 messages, gathered for a millisecond, a tick each second.
    pub const fn new(manager: Arc<Manager>) -> Self {
        Self {
            manager,
            batch: 1000,
            linger: Duration::from_millis(1),
            tick_every: Duration::from_secs(1),
        }
    }

    /// With batches of up to `messages` per transaction. At least 1.
    #[must_use]
    pub fn batch(mut self, messages: usize) -> Self {
        self.batch = messages.max(1);
        self
    }

    /// How long a batch that is not full waits for more, if it has at least two messages: a
    /// transaction costs about the same for one message as for many. A message that comes alone
    /// never waits. Default: 1 ms.
    #[must_use]
    pub const fn linger(mut self, linger: Duration) -> Self {
        self.linger = linger;
        self
    }

    /// With a tick at this interval.
    #[must_use]
    pub const fn tick_every(mut self, interval: Duration) -> Self {
        self.tick_every = interval;
        self
    }

    /// Runs until it is told to stop, and then until it finds the queue empty once: what workers
    /// said before they left is stored. A failure of the store
    /// or the carrier is logged and met with a growing pause: the messages come again.
    pub async fn run(self, mut stop: Stop) {
        let runtime = Arc::clone(&self.manager.runtime);
        let mut next_tick = runtime.now();
        let mut failures = 0u32;
        while !stop.is_stopped() {
            let tick = runtime.now() >= next_tick;
            if tick {
                next_tick = runtime.now().after(self.tick_every);
            }
            let wait = next_tick.since(runtime.now());
            let result = self.round(tick, wait, Some(&mut stop)).await;
            match result {
                Ok(_) => failures = 0,
                Err(error) => {
                    failures += 1;
                    tracing::error!(%error, failures, "a batch was not handled; its messages come again");
                    let pause = Duration::from_millis(50 << failures.min(6));
                    let pause = runtime.sleep(pause);
                    let _ = select(std::pin::pin!(stop.stopped()), pause).await;
                }
            }
        }
        // Bounded, because others may still send to a queue that is shared.
        for _ in 0..LAST_ROUNDS {
            match self.round(false, Duration::ZERO, None).await {
                Ok(0) => break,
                Ok(_) => {}
                Err(error) => {
                    tracing::error!(%error, "the queue was not emptied; its messages come again");
                    break;
                }
            }
        }
        if let Err(error) = self.manager.flush().await {
            tracing::warn!(%error, "the outbox was not cleared; what is in it is sent again");
        }
    }

    /// One batch, and a tick if it is time; returns how many messages there were.
    /// Being told to stop ends the wait for messages, and nothing else.
    async fn round(
        &self,
        tick: bool,
        wait: Duration,
        mut stop: Option<&mut Stop>,
    ) -> Result<usize, super::ManagerError> {
        let manager = &self.manager;
        let limits = manager.transport.limits();
        let mut deliveries = Vec::new();
        let mut wait = if tick { Duration::ZERO } else { wait };
        let mut lingered = false;
        let mut bytes = 0;
        while deliveries.len() < self.batch && bytes < BATCH_BYTES {
            let max = limits.receive_batch.min(self.batch - deliveries.len());
            let receive = manager
                .transport
                .receive(Queue::Manager, max, wait, VISIBILITY);
            let more = match stop.take() {
                // Only the first wait is long. Giving up a receive loses no message.
                Some(stop) => match select(std::pin::pin!(stop.stopped()), receive).await {
                    Either::Left(_) => break,
                    Either::Right((more, _)) => more,
                },
                None => receive.await,
            };
            let more = match more {
                Ok(more) => more,
                // What came before is handled now, and not when its visibility ends.
                Err(error) if !deliveries.is_empty() => {
                    tracing::warn!(%error, "cannot receive more");
                    break;
                }
                Err(error) => return Err(error.into()),
            };
            wait = Duration::ZERO;
            if more.is_empty() {
                if lingered || deliveries.len() < 2 || self.linger.is_zero() {
                    break;
                }
                lingered = true;
                manager.runtime.sleep(self.linger).await;
            }
            bytes += more
                .iter()
                .map(|delivery| delivery.body.len())
                .sum::<usize>();
            deliveries.extend(more);
        }
        let received = deliveries.len();
        let idle = received == 0;
        if !idle {
            metrics::histogram!("sortie_manager_batch_messages").record(deliveries.len() as f64);
            let receipts: Vec<_> = deliveries.iter().map(|d| d.receipt.clone()).collect();
            if let Err(error) = manager.handle_deliveries(deliveries).await {
                self.give_back(&receipts).await;
                return Err(error);
            }
        }
        if tick {
            let message = ToManager::new(MessageId::new(&*manager.runtime), Message::Tick);
            manager.handle(vec![message]).await?;
        }
        if idle {
            manager.flush().await?;
        }
        Ok(received)
    }

    /// Lets messages come again soon, instead of when their visibility ends.
    async fn give_back(&self, receipts: &[Receipt]) {
        for receipt in receipts {
            let back = self.manager.transport.extend(Queue::Manager, receipt, SOON);
            if let Err(error) = back.await {
                tracing::debug!(%error, "not given back; it comes when its visibility ends");
            }
        }
    }
}

/// When the messages of a batch that failed come again.
const SOON: Duration = Duration::from_secs(1);

/// Batches that are handled at most after the manager was told to stop.
const LAST_ROUNDS: u32 = 1000;

/// How long a batch may take before its messages come again; a duplicate is harmless.
const VISIBILITY: Duration = Duration::from_secs(60);

/// Bytes of messages after which a batch is full: a message of a generator holds many children,
/// and a transaction should not hold hundreds of thousands.
const BATCH_BYTES: usize = 1 << 20;
