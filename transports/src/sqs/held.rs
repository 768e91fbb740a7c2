//! What this process has received and not yet settled.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use task_core::Queue;
use task_core::ports::transport::Receipt;
use tokio::time::Instant;

use super::receipt;

/// The messages that are hidden on behalf of this process. At most what SQS lets a queue have in
/// flight (120,000 each), and those whose visibility ended since the last sweep.
#[derive(Debug, Default)]
pub(super) struct Held {
    table: Mutex<Table>,
}

#[derive(Debug, Default)]
struct Table {
    /// By the id of the message.
    messages: HashMap<Box<str>, Message>,
    /// Sweep when there are so many.
    sweep_at: usize,
}

#[derive(Debug)]
struct Message {
    queue: Queue,
    receipt: Receipt,
    received: Instant,
    hidden_until: Instant,
}

/// What is known of a receipt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// The newest of its message, which was received at that moment.
    Newest(Instant),
    /// Its message was received again since, by this process.
    Stale,
    /// Of another process, or settled.
    Unknown,
}

impl Held {
    /// A message was received.
    pub(super) fn insert(
        &self,
        queue: Queue,
        receipt: &Receipt,
        received: Instant,
        visibility: Duration,
    ) {
        let Some(id) = receipt::message_id(receipt) else {
            return;
        };
        let mut table = self.lock();
        if table.messages.len() >= table.sweep_at {
            // Each sweep waits until the table has doubled, so a message pays for two at most.
            table
                .messages
                .retain(|_, held| held.hidden_until > received);
            table.sweep_at = (table.messages.len() * 2).max(1024);
        }
        let held = Message {
            queue,
            receipt: receipt.clone(),
            received,
            hidden_until: received + visibility,
        };
        table.messages.insert(id.into(), held);
    }

    pub(super) fn standing(&self, receipt: &Receipt) -> Standing {
        let table = self.lock();
        match receipt::message_id(receipt).and_then(|id| table.messages.get(id)) {
            Some(held) if held.receipt == *receipt => Standing::Newest(held.received),
            Some(_) => Standing::Stale,
            None => Standing::Unknown,
        }
    }

    /// A message is hidden for longer, or for less.
    pub(super) fn hide(&self, receipt: &Receipt, until: Instant) {
        let mut table = self.lock();
        if let Some(held) = receipt::message_id(receipt).and_then(|id| table.messages.get_mut(id))
            && held.receipt == *receipt
        {
            held.hidden_until = until;
        }
    }

    /// Messages are settled or given back.
    pub(super) fn forget(&self, receipts: &[Receipt]) {
        let mut table = self.lock();
        for receipt in receipts {
            if let Some(id) = receipt::message_id(receipt)
                && table
                    .messages
                    .get(id)
                    .is_some_and(|held| held.receipt == *receipt)
            {
                table.messages.remove(id);
            }
        }
    }

    /// Takes all that is still hidden at `now`.
    pub(super) fn take(&self, now: Instant) -> HashMap<Queue, Vec<Receipt>> {
        let mut all: HashMap<Queue, Vec<Receipt>> = HashMap::new();
        for (_, held) in self.lock().messages.drain() {
            if held.hidden_until > now {
                all.entry(held.queue).or_default().push(held.receipt);
            }
        }
        all
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        // Nothing panics under the lock but for want of memory; the table is whole even then.
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
