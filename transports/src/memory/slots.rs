//! Where messages lie: a slab whose places know how often they were used.

use bytes::Bytes;
use task_core::ports::transport::Receipt;
use task_core::time::Timestamp;

/// A message that is in the queue.
#[derive(Debug)]
pub(super) struct Message {
    pub(super) body: Bytes,
    pub(super) sent_at: Timestamp,
    pub(super) receive_count: u32,
    /// Names the latest change of place (ready or hidden); what is noted elsewhere under an older
    /// stamp no longer holds.
    pub(super) stamp: u64,
    /// Whether it waits for a moment in time, or else is ready.
    pub(super) hidden: bool,
}

#[derive(Debug, Default)]
struct Slot {
    /// Goes up with every delivery and every removal, so that a receipt fits one delivery only.
    generation: u32,
    message: Option<Message>,
}

/// The slab.
#[derive(Debug, Default)]
pub(super) struct Slots {
    slots: Vec<Slot>,
    free: Vec<u32>,
}

impl Slots {
    /// How many messages there are.
    pub(super) const fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    pub(super) fn insert(&mut self, message: Message) -> u32 {
        if let Some(at) = self.free.pop() {
            self.slots[at as usize].message = Some(message);
            return at;
        }
        // Messages of 80 bytes exhaust any memory long before their number passes 32 bits.
        let at = u32::try_from(self.slots.len()).expect("fewer than 2^32 messages in memory");
        self.slots.push(Slot {
            generation: 0,
            message: Some(message),
        });
        at
    }

    /// The message at `at`, if it has not changed place since `stamp`.
    pub(super) fn stamped(&mut self, at: u32, stamp: u64) -> Option<&mut Message> {
        let message = self.slots.get_mut(at as usize)?.message.as_mut()?;
        (message.stamp == stamp).then_some(message)
    }

    /// Makes a receipt for a new delivery of the message at `at`; all earlier ones are stale.
    pub(super) fn issue(&mut self, at: u32) -> Receipt {
        let slot = &mut self.slots[at as usize];
        slot.generation = slot.generation.wrapping_add(1);
        Receipt::from_number(u64::from(at) << 32 | u64::from(slot.generation))
    }

    /// The place of the message that `receipt` was issued for, unless the receipt is stale.
    pub(super) fn find(&mut self, receipt: &Receipt) -> Option<(u32, &mut Message)> {
        let number = receipt.number()?;
        let at = (number >> 32) as u32;
        let slot = self.slots.get_mut(at as usize)?;
        if u64::from(slot.generation) != number & u64::from(u32::MAX) {
            return None;
        }
        Some((at, slot.message.as_mut()?))
    }

    pub(super) fn remove(&mut self, at: u32) -> Option<Message> {
        let slot = self.slots.get_mut(at as usize)?;
        let message = slot.message.take()?;
        slot.generation = slot.generation.wrapping_add(1);
        self.free.push(at);
        Some(message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message() -> Message {
        Message {
            body: Bytes::new(),
            sent_at: Timestamp::default(),
            receive_count: 0,
            stamp: 7,
            hidden: false,
        }
    }

    #[test]
    fn a_receipt_fits_one_delivery() {
        let mut slots = Slots::default();
        let at = slots.insert(message());
        let first = slots.issue(at);
        let second = slots.issue(at);
        assert!(slots.find(&first).is_none());
        assert!(slots.find(&second).is_some());
    }

    #[test]
    fn a_receipt_does_not_fit_the_next_message_in_its_place() {
        let mut slots = Slots::default();
        let at = slots.insert(message());
        let receipt = slots.issue(at);
        assert!(slots.remove(at).is_some());
        assert!(slots.remove(at).is_none());
        assert_eq!(slots.len(), 0);
        assert_eq!(slots.insert(message()), at, "the place is used again");
        assert!(slots.find(&receipt).is_none());
        assert_eq!(slots.len(), 1);
    }

    #[test]
    fn foreign_receipts_find_nothing() {
        let mut slots = Slots::default();
        assert!(slots.find(&Receipt::from_text("0")).is_none());
        assert!(slots.find(&Receipt::from_number(u64::MAX)).is_none());
    }
}
