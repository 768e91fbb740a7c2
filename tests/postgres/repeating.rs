//! A carrier that delivers some messages to the manager twice, as SQS may.

#![allow(dead_code, reason = "each program uses its part")]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use async_trait::async_trait;
use sortie::core::Queue;
use sortie::core::ports::transport::{
    CarrierLimits, Delivery, Outgoing, ParkReason, Parked, Receipt, Transport, TransportError,
};

/// Every so many-th message to the manager comes a second time, a moment later.
#[derive(Debug)]
pub(crate) struct Repeating {
    inner: Arc<dyn Transport>,
    every: u64,
    sent: AtomicU64,
    repeated: AtomicU64,
}

impl Repeating {
    pub(crate) fn new(inner: Arc<dyn Transport>, every: u64) -> Self {
        Self {
            inner,
            every,
            sent: AtomicU64::new(0),
            repeated: AtomicU64::new(0),
        }
    }

    pub(crate) fn repeated(&self) -> u64 {
        self.repeated.load(Relaxed)
    }
}

#[async_trait]
impl Transport for Repeating {
    fn limits(&self) -> CarrierLimits {
        self.inner.limits()
    }

    async fn send(
        &self,
        queue: Queue,
        messages: Vec<Outgoing>,
    ) -> Result<Vec<Result<(), TransportError>>, TransportError> {
        let mut again = Vec::new();
        if queue == Queue::Manager {
            for message in &messages {
                let n = self.sent.fetch_add(1, Relaxed);
                if n % self.every == self.every / 2 {
                    again.push(Outgoing {
                        body: message.body.clone(),
                        delay: Duration::from_millis(n % 30),
                    });
                }
            }
        }
        let sent = self.inner.send(queue, messages).await?;
        if !again.is_empty() {
            self.repeated.fetch_add(again.len() as u64, Relaxed);
            self.inner.send(queue, again).await?;
        }
        Ok(sent)
    }

    async fn receive(
        &self,
        queue: Queue,
        max: usize,
        wait: Duration,
        visibility: Duration,
    ) -> Result<Vec<Delivery>, TransportError> {
        self.inner.receive(queue, max, wait, visibility).await
    }

    async fn ack(&self, queue: Queue, receipts: &[Receipt]) -> Result<(), TransportError> {
        self.inner.ack(queue, receipts).await
    }

    async fn extend(
        &self,
        queue: Queue,
        receipt: &Receipt,
        visibility: Duration,
    ) -> Result<(), TransportError> {
        self.inner.extend(queue, receipt, visibility).await
    }

    async fn park(
        &self,
        queue: Queue,
        delivery: Delivery,
        reason: ParkReason,
    ) -> Result<(), TransportError> {
        self.inner.park(queue, delivery, reason).await
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
