//! The manager as a loop in a process.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::future::{Either, join, join_all, select};
use futures_util::stream::FuturesUnordered;

use crate::id::MessageId;
use crate::message::{Message, ToManager};
use crate::ports::transport::{Receipt, TransportError};
use crate::route::Queue;

use super::intake::{Intake, Received, Taken};
use super::stop::Stop;
use super::{Manager, ManagerError};

/// Reads the manager's queue, handles what comes in large batches, and ticks.
#[derive(Debug)]
pub struct ManagerLoop {
    manager: Arc<Manager>,
    batch: usize,
    linger: Duration,
    tick_every: Duration,
    transactions: usize,
}

impl ManagerLoop {
    /// Batches of up to 1,000 messages, gathered for a millisecond, a tick each second.
    pub const fn new(manager: Arc<Manager>) -> Self {
        Self {
            manager,
            batch: 1000,
            linger: Duration::from_millis(1),
            tick_every: Duration::from_secs(1),
            transactions: 1,
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

    /// With up to this many transactions at once. Default: 1; at least 1.
    ///
    /// Two of them never share a workflow, nor a [`Stripe`](crate::Stripe), since those would take
    /// turns. So more than one is of use to a store that can write for several workflows at once, as a
    /// PostgreSQL server does, and only while several run. Such a store should have a connection for
    /// each, and one more.
    ///
    /// Up to a [batch](Self::batch) for each waits here to be applied.
    #[must_use]
    pub fn transactions(mut self, at_once: usize) -> Self {
        self.transactions = at_once.max(1);
        self
    }

    /// Runs until it is told to stop, and then until it finds the queue empty once: what workers
    /// said before they left is stored. A failure of the store
    /// or the carrier is logged and met with a growing pause: the messages come again.
    pub async fn run(self, stop: Stop) {
        let intake = Intake::new(self.transactions, self.batch);
        let hands = (0..self.transactions).map(|hand| self.apply(&intake, hand == 0, &stop));
        join(self.receive(&intake, stop.clone()), join_all(hands)).await;
        if let Err(error) = self.manager.flush().await {
            tracing::warn!(%error, "the outbox was not cleared; what is in it is sent again");
        }
        let rest = intake.rest().into_iter();
        let receipts = rest.map(|received| received.delivery.receipt).collect();
        self.give_back(receipts, SOON).await;
    }

    /// Takes messages from the carrier. Being told to stop ends the wait for them, and nothing else.
    async fn receive(&self, intake: &Intake, mut stop: Stop) {
        let mut pause = Pause::new(&self.manager);
        while !stop.is_stopped() && intake.has_room().await {
            // Giving up a receive loses no message.
            let receive = self.receive_some(intake, LONG_WAIT);
            let received = match select(pin!(stop.stopped()), pin!(receive)).await {
                Either::Left(_) => break,
                Either::Right((received, _)) => received,
            };
            match received {
                Ok(_) => pause.over(),
                Err(error) => {
                    tracing::error!(%error, "cannot receive");
                    pause.longer(&mut stop).await;
                }
            }
        }
        // Bounded, because others may still send to a queue that is shared.
        let mut last = LAST_MESSAGES;
        while last > 0 && intake.has_room().await {
            match self.receive_some(intake, Duration::ZERO).await {
                Ok(0) => break,
                Ok(received) => last = last.saturating_sub(received),
                Err(error) => {
                    tracing::error!(%error, "the queue was not emptied; its messages come again");
                    break;
                }
            }
        }
        intake.close();
    }

    async fn receive_some(&self, intake: &Intake, wait: Duration) -> Result<usize, TransportError> {
        let transport = &self.manager.transport;
        let max = transport.limits().receive_batch.min(self.batch);
        let deliveries = transport
            .receive(Queue::Manager, max, wait, VISIBILITY)
            .await?;
        let received = deliveries.len();
        intake.put(deliveries.into_iter().map(Received::read));
        Ok(received)
    }

    /// Applies what was received, a batch after the other, until there never will be another.
    async fn apply(&self, intake: &Intake, ticks: bool, stop: &Stop) {
        let manager = &self.manager;
        let runtime = &manager.runtime;
        let mut stop = stop.clone();
        let mut pause = Pause::new(manager);
        let mut next_tick = runtime.now();
        loop {
            let tick = ticks && !stop.is_stopped() && runtime.now() >= next_tick;
            let batch = if tick {
                next_tick = runtime.now().after(self.tick_every);
                intake.try_take()
            } else if ticks && !stop.is_stopped() {
                let wait = runtime.sleep(next_tick.since(runtime.now()));
                match select(pin!(intake.take()), wait).await {
                    Either::Left((None, _)) => break,
                    Either::Left((batch, _)) => batch,
                    Either::Right(_) => None,
                }
            } else {
                match intake.take().await {
                    None => break,
                    batch => batch,
                }
            };
            // To have had nothing to do says nothing about the store.
            let idle = batch.is_none() && !tick;
            match self.round(batch, tick, pause.again()).await {
                Ok(()) if idle => {}
                Ok(()) => pause.over(),
                Err(error) if stop.is_stopped() => {
                    tracing::error!(%error, "the queue was not emptied; its messages come again");
                    intake.close();
                    break;
                }
                Err(error) => {
                    tracing::error!(%error, "cannot go on; messages that were not handled come again");
                    pause.longer(&mut stop).await;
                }
            }
        }
    }

    /// A batch if there is one, and a tick if it is time. If it fails its messages come `again`.
    async fn round(
        &self,
        batch: Option<Taken<'_>>,
        tick: bool,
        again: Duration,
    ) -> Result<(), ManagerError> {
        let manager = &self.manager;
        let idle = batch.is_none();
        if let Some(mut batch) = batch {
            if batch.messages().len() > 1 && !batch.is_full() && !self.linger.is_zero() {
                manager.runtime.sleep(self.linger).await;
                batch.top_up();
            }
            metrics::histogram!("sortie_manager_batch_messages")
                .record(batch.messages().len() as f64);
            let receipts: Vec<_> = batch
                .messages()
                .iter()
                .map(|received| received.delivery.receipt.clone())
                .collect();
            let handled = manager.handle_received(batch.take_messages().into_iter());
            if let Err(error) = handled.await {
                self.give_back(receipts, again).await;
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
        Ok(())
    }

    /// Lets messages come again soon, instead of when their visibility ends.
    async fn give_back(&self, receipts: Vec<Receipt>, after: Duration) {
        let transport = &self.manager.transport;
        let mut back: FuturesUnordered<_> = FuturesUnordered::new();
        for receipt in receipts {
            if back.len() >= GIVEN_BACK_AT_ONCE {
                back.next().await;
            }
            back.push(async move {
                let extended = transport.extend(Queue::Manager, &receipt, after).await;
                if let Err(error) = extended {
                    tracing::debug!(%error, "not given back; it comes when its visibility ends");
                }
            });
        }
        while back.next().await.is_some() {}
    }
}

/// A wait that grows from failure to failure.
struct Pause<'a> {
    manager: &'a Manager,
    failures: u32,
}

impl<'a> Pause<'a> {
    const fn new(manager: &'a Manager) -> Self {
        Self {
            manager,
            failures: 0,
        }
    }

    const fn over(&mut self) {
        self.failures = 0;
    }

    /// When messages of a batch that fails now come again: the later, the longer it lasts, so that
    /// a store which is away for most of a minute does not use up five deliveries.
    fn again(&self) -> Duration {
        (SOON * 4_u32.pow(self.failures.min(3))).min(LATEST)
    }

    async fn longer(&mut self, stop: &mut Stop) {
        self.failures += 1;
        let pause = Duration::from_millis(50 << self.failures.min(6));
        let pause = self.manager.runtime.sleep(pause);
        let _ = select(pin!(stop.stopped()), pause).await;
    }
}

/// When the messages of a batch that failed come again, at the earliest.
const SOON: Duration = Duration::from_secs(1);

/// And at the latest.
const LATEST: Duration = Duration::from_secs(32);

/// Messages that are given back at the same time.
const GIVEN_BACK_AT_ONCE: usize = 64;

/// How long to wait for a message before asking anew. A carrier behind a network may go on asking for
/// as long after it was told to stop.
const LONG_WAIT: Duration = Duration::from_secs(2);

/// Messages that are taken at most after the manager was told to stop.
const LAST_MESSAGES: usize = 1_000_000;

/// How long a batch may take before its messages come again; a duplicate is harmless.
const VISIBILITY: Duration = Duration::from_secs(60);
