//! The transport port: queues with at-least-once delivery.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::route::Queue;
use crate::time::Timestamp;

/// A carrier of messages between manager and workers.
///
/// What every carrier promises:
///
/// - a message that was sent is delivered **at least once**, in no particular order;
/// - a delivered message is hidden from other receivers until its visibility ends. If it was
///   neither acknowledged nor extended by then, it is delivered again;
/// - a message that was delivered more often than the carrier's limit goes to the queue's
///   dead letters with [`ParkReason::TooManyReceives`];
/// - a receipt belongs to one delivery. After a redelivery the old receipt is
///   [`TransportError::StaleReceipt`] for `extend`; `ack` may still take it.
#[async_trait]
pub trait Transport: fmt::Debug + Send + Sync + 'static {
    /// What fits.
    fn limits(&self) -> CarrierLimits;

    /// Sends messages. The outer error means that nothing is known of any of them; the inner
    /// results come in the order of `messages`. Splits what is more than one batch by itself.
    /// May wait while a bounded queue is full.
    async fn send(
        &self,
        queue: Queue,
        messages: Vec<Outgoing>,
    ) -> Result<Vec<Result<(), TransportError>>, TransportError>;

    /// Up to `max` messages (and never more than [`CarrierLimits::receive_batch`]), hidden for
    /// `visibility`. Waits up to `wait` for the first one; returns an empty list after that.
    async fn receive(
        &self,
        queue: Queue,
        max: usize,
        wait: Duration,
        visibility: Duration,
    ) -> Result<Vec<Delivery>, TransportError>;

    /// Removes delivered messages for good. Removing one twice is harmless.
    async fn ack(&self, queue: Queue, receipts: &[Receipt]) -> Result<(), TransportError>;

    /// Hides a delivered message for another `visibility` from now. Zero gives it back at once.
    async fn extend(
        &self,
        queue: Queue,
        receipt: &Receipt,
        visibility: Duration,
    ) -> Result<(), TransportError>;

    /// Moves a delivered message to the queue's dead letters, with a typed reason.
    async fn park(
        &self,
        queue: Queue,
        delivery: Delivery,
        reason: ParkReason,
    ) -> Result<(), TransportError>;

    /// Up to `max` dead letters of `queue`, oldest first, without removing them.
    async fn parked(&self, queue: Queue, max: usize) -> Result<Vec<Parked>, TransportError>;

    /// Sends all dead letters of `queue` again, with their receive counts at zero, and returns
    /// how many there were.
    async fn redrive(&self, queue: Queue) -> Result<usize, TransportError>;

    /// Messages that wait in `queue` or are being handled; an estimate on most carriers.
    async fn depth(&self, queue: Queue) -> Result<u64, TransportError>;
}

/// What a carrier can carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CarrierLimits {
    /// Bytes in the body of one message.
    pub message_bytes: usize,
    /// Messages that one call of `receive` returns.
    pub receive_batch: usize,
    /// The longest delay of a message.
    pub max_delay: Duration,
}

impl CarrierLimits {
    /// Limits of a carrier. All values must be above zero, but for the delay.
    pub const fn new(message_bytes: usize, receive_batch: usize, max_delay: Duration) -> Self {
        Self {
            message_bytes,
            receive_batch,
            max_delay,
        }
    }
}

/// A message to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outgoing {
    /// The body: UTF-8 JSON.
    pub body: Bytes,
    /// Not delivered before this has passed; at most [`CarrierLimits::max_delay`].
    pub delay: Duration,
}

impl Outgoing {
    /// A message to deliver at once.
    pub const fn now(body: Bytes) -> Self {
        Self {
            body,
            delay: Duration::ZERO,
        }
    }
}

/// One delivery of a message.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// What `ack` and `extend` want.
    pub receipt: Receipt,
    /// The body as it was sent.
    pub body: Bytes,
    /// How often it has been delivered, this time included.
    pub receive_count: u32,
    /// When it was sent.
    pub sent_at: Timestamp,
}

/// Names one delivery; opaque to all but the carrier that made it.
///
/// A carrier in this process names a delivery by a number, so that no text is made and parsed for
/// each message; a carrier behind a network keeps the handle that its service gave it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Receipt(Handle);

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Handle {
    Number(u64),
    Text(Arc<str>),
}

impl Receipt {
    /// A receipt that is a number.
    pub const fn from_number(number: u64) -> Self {
        Self(Handle::Number(number))
    }

    /// A receipt that is a text.
    pub fn from_text(text: impl Into<Arc<str>>) -> Self {
        Self(Handle::Text(text.into()))
    }

    /// The number, if it is one.
    pub const fn number(&self) -> Option<u64> {
        match self.0 {
            Handle::Number(number) => Some(number),
            Handle::Text(_) => None,
        }
    }

    /// The text, if it is one.
    pub fn text(&self) -> Option<&str> {
        match &self.0 {
            Handle::Number(_) => None,
            Handle::Text(text) => Some(text),
        }
    }
}

/// A dead letter.
#[derive(Clone, Debug)]
pub struct Parked {
    /// The body as it was sent.
    pub body: Bytes,
    /// Why it was parked.
    pub reason: ParkReason,
}

/// Why a message was put aside.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ParkReason {
    /// It is not a message of this engine.
    #[error("the message does not decode: {0}")]
    Undecodable(String),
    /// Its envelope is newer than this code.
    #[error(
        "the envelope has version {found}; this code reads up to {known}: deploy it anew, then redrive"
    )]
    EnvelopeVersion {
        /// The version found.
        found: u16,
        /// The newest version known here.
        known: u16,
    },
    /// No definition of this kind is registered here.
    #[error("no task definition of kind `{0}` is registered here: register it, then redrive")]
    UnknownKind(String),
    /// The payload was written by a newer definition.
    #[error(
        "`{kind}` has version {found} in the message but {known} here: deploy it anew, then redrive"
    )]
    NewerVersion {
        /// The kind.
        kind: String,
        /// The version found.
        found: u32,
        /// The version registered here.
        known: u32,
    },
    /// It was delivered too often without being acknowledged.
    #[error("delivered {0} times without success")]
    TooManyReceives(u32),
    /// It breaks a rule of the protocol, as a forged completion does.
    #[error("refused: {0}")]
    Refused(String),
    /// The store would not take it, even alone.
    #[error("the store refuses it: {0}")]
    Poison(String),
}

/// What a carrier reports.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TransportError {
    /// The message does not fit.
    #[error("a message of {len} bytes is over the carrier's limit of {limit}")]
    TooLarge {
        /// Its length in bytes.
        len: usize,
        /// The limit in bytes.
        limit: usize,
    },
    /// The delay is longer than the carrier can hold a message back.
    #[error("a delay of {delay:?} is over the carrier's limit of {limit:?}")]
    DelayTooLong {
        /// The delay asked for.
        delay: Duration,
        /// The limit.
        limit: Duration,
    },
    /// The message was delivered again or removed since.
    #[error("the receipt is stale: its message was delivered again or removed")]
    StaleReceipt,
    /// The carrier was closed.
    #[error("the carrier is closed")]
    Closed,
    /// The carrier itself failed; trying again may help.
    #[error("the carrier failed: {0}")]
    Backend(Box<dyn std::error::Error + Send + Sync>),
}
