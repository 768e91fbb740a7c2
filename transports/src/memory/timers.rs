//! Moments at which hidden messages come back.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use task_core::time::Timestamp;

/// A hidden message and when it comes back. Ordered by time, then by who was hidden first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Timer {
    pub(super) due: Timestamp,
    pub(super) stamp: u64,
    pub(super) at: u32,
}

/// A heap of timers. Timers of messages that came back early or were removed stay in it as stale
/// ones until they are many: taking each out at once would cost every `ack` a search.
#[derive(Debug, Default)]
pub(super) struct Timers {
    heap: BinaryHeap<Reverse<Timer>>,
    stale: usize,
}

/// Below this many stale timers a sweep is not worth its while.
const SWEEP: usize = 1024;

impl Timers {
    pub(super) fn push(&mut self, timer: Timer) {
        self.heap.push(Reverse(timer));
    }

    /// The earliest moment; perhaps one of a stale timer.
    pub(super) fn next(&self) -> Option<Timestamp> {
        self.heap.peek().map(|Reverse(timer)| timer.due)
    }

    /// Takes out the earliest timer if it is due.
    pub(super) fn pop_due(&mut self, now: Timestamp) -> Option<Timer> {
        let top = self.heap.peek_mut()?;
        (top.0.due <= now).then(|| std::collections::binary_heap::PeekMut::pop(top).0)
    }

    /// Notes that one timer went stale. `holds` says of a timer that it did not.
    pub(super) fn retire(&mut self, holds: impl FnMut(&Timer) -> bool) {
        self.stale += 1;
        if self.stale >= SWEEP && self.stale * 2 > self.heap.len() {
            let mut holds = holds;
            self.heap.retain(|Reverse(timer)| holds(timer));
            self.stale = 0;
        }
    }

    /// Notes that a timer that was popped had been stale.
    pub(super) const fn buried(&mut self) {
        self.stale = self.stale.saturating_sub(1);
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.heap.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn timer(due: u64, stamp: u64) -> Timer {
        Timer {
            due: Timestamp::from_millis(due),
            stamp,
            at: 0,
        }
    }

    #[test]
    fn pops_what_is_due_in_order() {
        let mut timers = Timers::default();
        for t in [timer(5, 1), timer(3, 2), timer(5, 0)] {
            timers.push(t);
        }
        let mut due = |now| timers.pop_due(Timestamp::from_millis(now)).map(|t| t.stamp);
        assert_eq!(due(2), None);
        assert_eq!(
            [due(9), due(9), due(9), due(9)],
            [Some(2), Some(0), Some(1), None]
        );
    }

    #[test]
    fn stale_timers_do_not_pile_up() {
        let mut timers = Timers::default();
        for stamp in 0..100_000 {
            timers.push(timer(1_000_000, stamp));
            timers.retire(|_| false);
        }
        assert!(timers.len() <= SWEEP, "{} timers are left", timers.len());
    }
}
