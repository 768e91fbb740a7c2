//! One queue as a state machine: time is an argument, nothing waits.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use task_core::ports::transport::{Delivery, ParkReason, Parked, Receipt};
use task_core::time::Timestamp;

use super::slots::{Message, Slots};
use super::timers::{Timer, Timers};

/// The messages of a queue: each is ready, or hidden until a moment, or a dead letter.
#[derive(Debug)]
pub(super) struct State {
    max_receives: u32,
    slots: Slots,
    ready: VecDeque<Mark>,
    /// Marks in `ready` that still hold.
    ready_len: usize,
    hidden: Timers,
    dead: VecDeque<Parked>,
    stamps: u64,
}

/// A note that the message at `at` is ready, as long as it has this stamp.
#[derive(Clone, Copy, Debug)]
struct Mark {
    at: u32,
    stamp: u64,
}

impl State {
    pub(super) fn new(max_receives: u32) -> Self {
        Self {
            max_receives,
            slots: Slots::default(),
            ready: VecDeque::new(),
            ready_len: 0,
            hidden: Timers::default(),
            dead: VecDeque::new(),
            stamps: 0,
        }
    }

    /// Messages that could be delivered at once.
    pub(super) const fn ready(&self) -> usize {
        self.ready_len
    }

    /// When to [`sweep`](Self::sweep) again, at the latest.
    pub(super) fn next_due(&self) -> Option<Timestamp> {
        self.hidden.next()
    }

    /// Messages that are ready or hidden.
    pub(super) const fn depth(&self) -> usize {
        self.slots.len()
    }

    /// Takes in a message.
    pub(super) fn push(&mut self, now: Timestamp, body: Bytes, delay: Duration) {
        let stamp = self.stamp();
        let hidden = !delay.is_zero();
        let message = Message {
            body,
            sent_at: now,
            receive_count: 0,
            stamp,
            hidden,
        };
        let at = self.slots.insert(message);
        if hidden {
            self.hidden.push(Timer {
                due: end_of(now, delay),
                stamp,
                at,
            });
        } else {
            self.ready.push_back(Mark { at, stamp });
            self.ready_len += 1;
        }
    }

    /// Brings back what is hidden no longer.
    pub(super) fn sweep(&mut self, now: Timestamp) {
        while let Some(timer) = self.hidden.pop_due(now) {
            if self.slots.stamped(timer.at, timer.stamp).is_some() {
                self.bring_back(timer.at, timer.stamp);
            } else {
                self.hidden.buried();
            }
        }
    }

    /// Delivers up to `max` messages, hiding them for `visibility`.
    pub(super) fn take(
        &mut self,
        now: Timestamp,
        max: usize,
        visibility: Duration,
    ) -> Vec<Delivery> {
        let until = end_of(now, visibility);
        let mut taken = Vec::with_capacity(max.min(self.ready_len));
        while taken.len() < max
            && let Some(mark) = self.ready.pop_front()
        {
            let Some(message) = self.slots.stamped(mark.at, mark.stamp) else {
                continue;
            };
            self.ready_len -= 1;
            self.stamps += 1;
            message.stamp = self.stamps;
            message.hidden = true;
            message.receive_count += 1;
            let (body, sent_at) = (message.body.clone(), message.sent_at);
            let receive_count = message.receive_count;
            self.hidden.push(Timer {
                due: until,
                stamp: self.stamps,
                at: mark.at,
            });
            let receipt = self.slots.issue(mark.at);
            taken.push(Delivery {
                receipt,
                body,
                receive_count,
                sent_at,
            });
        }
        taken
    }

    /// Removes a delivered message, unless the receipt is stale.
    pub(super) fn ack(&mut self, receipt: &Receipt) {
        self.remove(receipt);
    }

    /// Hides a delivered message until `visibility` from now; `false` if the receipt is stale.
    pub(super) fn extend(
        &mut self,
        now: Timestamp,
        receipt: &Receipt,
        visibility: Duration,
    ) -> bool {
        let stamp = self.stamp();
        let Some((at, message)) = self.slots.find(receipt) else {
            return false;
        };
        message.stamp = stamp;
        let was_hidden = std::mem::replace(&mut message.hidden, true);
        self.forget_place(was_hidden);
        if visibility.is_zero() {
            self.bring_back(at, stamp);
        } else {
            self.hidden.push(Timer {
                due: end_of(now, visibility),
                stamp,
                at,
            });
        }
        true
    }

    /// Makes a delivered message a dead letter; `false` if the receipt is stale.
    pub(super) fn park(&mut self, receipt: &Receipt, reason: ParkReason) -> bool {
        match self.remove(receipt) {
            Some(message) => {
                self.dead.push_back(Parked {
                    body: message.body,
                    reason,
                });
                true
            }
            None => false,
        }
    }

    /// Up to `max` dead letters, oldest first.
    pub(super) fn parked(&self, max: usize) -> Vec<Parked> {
        self.dead.iter().take(max).cloned().collect()
    }

    /// Takes the dead letters in as new messages.
    pub(super) fn redrive(&mut self, now: Timestamp) -> usize {
        let dead = std::mem::take(&mut self.dead);
        let count = dead.len();
        for letter in dead {
            self.push(now, letter.body, Duration::ZERO);
        }
        count
    }

    /// Makes a hidden message ready, or a dead letter if it was delivered too often.
    fn bring_back(&mut self, at: u32, stamp: u64) {
        let Some(message) = self.slots.stamped(at, stamp) else {
            return;
        };
        if message.receive_count < self.max_receives {
            message.hidden = false;
            self.ready.push_back(Mark { at, stamp });
            self.ready_len += 1;
        } else if let Some(message) = self.slots.remove(at) {
            let reason = ParkReason::TooManyReceives(message.receive_count);
            self.dead.push_back(Parked {
                body: message.body,
                reason,
            });
        }
    }

    fn remove(&mut self, receipt: &Receipt) -> Option<Message> {
        let (at, _) = self.slots.find(receipt)?;
        let message = self.slots.remove(at)?;
        self.forget_place(message.hidden);
        Some(message)
    }

    /// Accounts for the timer or the mark of a message that was given a new stamp or removed.
    fn forget_place(&mut self, was_hidden: bool) {
        let slots = &mut self.slots;
        if was_hidden {
            self.hidden
                .retire(|timer| slots.stamped(timer.at, timer.stamp).is_some());
            return;
        }
        self.ready_len -= 1;
        // A message that is taken back and given back over and over leaves a mark each time.
        if self.ready.len() > 2 * self.ready_len + 1024 {
            self.ready
                .retain(|mark| slots.stamped(mark.at, mark.stamp).is_some());
        }
    }

    const fn stamp(&mut self) -> u64 {
        self.stamps += 1;
        self.stamps
    }
}

/// The moment `duration` from now, rounded up to the clock's millisecond: nothing comes early.
pub(super) fn end_of(now: Timestamp, duration: Duration) -> Timestamp {
    now.after(duration.saturating_add(Duration::from_nanos(999_999)))
}
