//! Queues in memory: for one process, for tests, and as the plainest reading of the port.

mod config;
mod queue;
mod slots;
mod state;
mod timers;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use task_core::Queue as Name;
use task_core::ports::runtime::Runtime;
use task_core::ports::transport::{
    CarrierLimits, Delivery, Outgoing, ParkReason, Parked, Receipt, Transport, TransportError,
};

pub use self::config::MemoryConfig;
use self::queue::Queue;

/// The four queues of a deployment, in memory. Clones share them.
///
/// It keeps all that [`Transport`] promises until the process ends, and does what a queue in the
/// cloud does: messages are hidden while they are handled, come back when nobody acknowledges
/// them, and become dead letters when that happens too often. Beyond the port:
///
/// - messages come in the order in which they were sent or came back. Do not build on it: other
///   carriers have no order;
/// - a receipt is good until its message is delivered again or removed, even after its visibility
///   ended; `ack` and `park` with a stale one do nothing (`park` says so with
///   [`TransportError::StaleReceipt`]);
/// - dropping a future of `receive` loses no message. Dropping one of `send` that waits for room
///   leaves a part of its messages sent;
/// - all time is that of the [`Runtime`]: under virtual time it is a simulation.
///
/// ```
/// # use std::{sync::Arc, time::Duration};
/// # use sortie_transports::memory::{MemoryConfig, MemoryTransport};
/// # use task_core::{Queue, ports::transport::{Outgoing, Transport, TransportError}};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), TransportError> {
/// let runtime = Arc::new(task_core::ports::runtime::TokioRuntime::new());
/// let carrier = MemoryTransport::new(runtime, MemoryConfig::default());
/// carrier.send(Queue::Manager, vec![Outgoing::now("{}".into())]).await?;
///
/// let (wait, visibility) = (Duration::ZERO, Duration::from_secs(30));
/// let delivered = carrier.receive(Queue::Manager, 10, wait, visibility).await?;
/// assert_eq!(&delivered[0].body[..], b"{}");
/// carrier.ack(Queue::Manager, &[delivered[0].receipt.clone()]).await?;
/// assert_eq!(carrier.depth(Queue::Manager).await?, 0);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct MemoryTransport {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    runtime: Arc<dyn Runtime>,
    limits: CarrierLimits,
    manager: Queue,
    external: Queue,
    internal: Queue,
    bare_metal: Queue,
}

impl MemoryTransport {
    /// Four empty queues.
    pub fn new(runtime: Arc<dyn Runtime>, config: MemoryConfig) -> Self {
        let unbounded = || Queue::new(config.receives(), None);
        let shared = Shared {
            runtime,
            limits: config.limits(),
            manager: Queue::new(config.receives(), config.capacity()),
            external: unbounded(),
            internal: unbounded(),
            bare_metal: unbounded(),
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// Ends all sending and receiving, also of those who wait: they get
    /// [`TransportError::Closed`]. What was delivered can still be acknowledged, extended and
    /// parked.
    pub fn close(&self) {
        for name in Name::ALL {
            self.queue(name).close();
        }
    }

    fn queue(&self, name: Name) -> &Queue {
        match name {
            Name::Manager => &self.shared.manager,
            Name::External => &self.shared.external,
            Name::Internal => &self.shared.internal,
            Name::BareMetal => &self.shared.bare_metal,
        }
    }
}

#[async_trait]
impl Transport for MemoryTransport {
    fn limits(&self) -> CarrierLimits {
        self.shared.limits
    }

    async fn send(
        &self,
        queue: Name,
        messages: Vec<Outgoing>,
    ) -> Result<Vec<Result<(), TransportError>>, TransportError> {
        let limits = self.shared.limits;
        let check = |message: &Outgoing| check(&limits, message);
        self.queue(queue)
            .send(&*self.shared.runtime, messages, check)
            .await
    }

    async fn receive(
        &self,
        queue: Name,
        max: usize,
        wait: Duration,
        visibility: Duration,
    ) -> Result<Vec<Delivery>, TransportError> {
        let max = max.min(self.shared.limits.receive_batch);
        self.queue(queue)
            .receive(&*self.shared.runtime, max, wait, visibility)
            .await
    }

    async fn ack(&self, queue: Name, receipts: &[Receipt]) -> Result<(), TransportError> {
        self.queue(queue)
            .with(|state| receipts.iter().for_each(|receipt| state.ack(receipt)));
        Ok(())
    }

    async fn extend(
        &self,
        queue: Name,
        receipt: &Receipt,
        visibility: Duration,
    ) -> Result<(), TransportError> {
        let now = self.shared.runtime.now();
        let found = self
            .queue(queue)
            .with(|state| state.extend(now, receipt, visibility));
        found.then_some(()).ok_or(TransportError::StaleReceipt)
    }

    async fn park(
        &self,
        queue: Name,
        delivery: Delivery,
        reason: ParkReason,
    ) -> Result<(), TransportError> {
        let found = self
            .queue(queue)
            .with(|state| state.park(&delivery.receipt, reason));
        found.then_some(()).ok_or(TransportError::StaleReceipt)
    }

    async fn parked(&self, queue: Name, max: usize) -> Result<Vec<Parked>, TransportError> {
        let now = self.shared.runtime.now();
        Ok(self.queue(queue).with(|state| {
            state.sweep(now);
            state.parked(max)
        }))
    }

    /// Does not wait for room in a bounded queue: all dead letters are sent at once.
    async fn redrive(&self, queue: Name) -> Result<usize, TransportError> {
        let now = self.shared.runtime.now();
        self.queue(queue).open(|state| {
            state.sweep(now);
            state.redrive(now)
        })
    }

    async fn depth(&self, queue: Name) -> Result<u64, TransportError> {
        let now = self.shared.runtime.now();
        Ok(self.queue(queue).with(|state| {
            state.sweep(now);
            state.depth() as u64
        }))
    }
}

fn check(limits: &CarrierLimits, message: &Outgoing) -> Result<(), TransportError> {
    let (len, limit) = (message.body.len(), limits.message_bytes);
    if len > limit {
        return Err(TransportError::TooLarge { len, limit });
    }
    let (delay, limit) = (message.delay, limits.max_delay);
    if delay > limit {
        return Err(TransportError::DelayTooLong { delay, limit });
    }
    Ok(())
}
