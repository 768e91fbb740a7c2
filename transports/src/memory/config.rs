//! What a queue in memory may be told.

use std::time::Duration;

use task_core::ports::transport::CarrierLimits;

/// Settings of a [`MemoryTransport`](super::MemoryTransport). The defaults are those of an SQS
/// queue, so that what works here works there.
///
/// ```
/// use sortie_transports::memory::MemoryConfig;
///
/// let config = MemoryConfig::default().max_receives(3).manager_capacity(10_000);
/// assert_eq!(config.limits().message_bytes, 1 << 20);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemoryConfig {
    limits: CarrierLimits,
    max_receives: u32,
    manager_capacity: Option<usize>,
}

impl MemoryConfig {
    /// The most bytes in one message; 1 MiB unless set.
    #[must_use]
    pub const fn message_bytes(mut self, bytes: usize) -> Self {
        self.limits.message_bytes = bytes;
        self
    }

    /// The most messages that one `receive` returns; 10 unless set, and at least 1.
    #[must_use]
    pub const fn receive_batch(mut self, messages: usize) -> Self {
        self.limits.receive_batch = if messages == 0 { 1 } else { messages };
        self
    }

    /// The longest delay of a message; 15 minutes unless set.
    #[must_use]
    pub const fn max_delay(mut self, delay: Duration) -> Self {
        self.limits.max_delay = delay;
        self
    }

    /// How often a message is delivered before it becomes a dead letter; 5 unless set, and at
    /// least 1.
    #[must_use]
    pub const fn max_receives(mut self, times: u32) -> Self {
        self.max_receives = if times == 0 { 1 } else { times };
        self
    }

    /// Bounds the manager's queue: `send` waits while this many messages are ready there. Not
    /// bounded unless set; at least 1.
    ///
    /// This slows down whoever makes tasks faster than the manager takes them. Delayed messages
    /// and messages that are being handled do not count: else a queue full of them would lock
    /// out the very completions that empty it. The queues of the workers have no bound, because
    /// the manager bounds what is in flight, and must never wait for the workers that wait for
    /// it.
    #[must_use]
    pub const fn manager_capacity(mut self, messages: usize) -> Self {
        self.manager_capacity = Some(if messages == 0 { 1 } else { messages });
        self
    }

    /// The limits that the carrier reports.
    pub const fn limits(&self) -> CarrierLimits {
        self.limits
    }

    pub(super) const fn receives(&self) -> u32 {
        self.max_receives
    }

    pub(super) const fn capacity(&self) -> Option<usize> {
        self.manager_capacity
    }
}

impl Default for MemoryConfig {
    fn default() -> Self {
        Self {
            limits: CarrierLimits::new(1 << 20, 10, Duration::from_secs(15 * 60)),
            max_receives: 5,
            manager_capacity: None,
        }
    }
}
