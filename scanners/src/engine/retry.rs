//! The passes over a portion of the chunk.

use std::ops::Range;
use std::time::Duration;

use crate::link::Moment;

use super::dedupe::Answered;

/// Most passes that a scan may have.
pub const MAX_PASSES: usize = 8;

/// Walks over the silent positions of a range, again and again, with time in between.
#[derive(Clone, Debug)]
pub(super) struct Walk {
    range: Range<u64>,
    pass: u8,
    next: u64,
    /// When the pass may start.
    start: Moment,
}

impl Walk {
    /// Starts with position `next` of `pass`.
    pub(super) fn new(range: Range<u64>, pass: u8, next: u64, start: Moment) -> Self {
        Self {
            next: next.clamp(range.start, range.end),
            range,
            pass,
            start,
        }
    }

    /// The pass that this is, from 0; so many have ended.
    pub(super) fn pass(&self) -> u8 {
        self.pass
    }

    /// The position that comes next, whether silent or not.
    pub(super) fn position(&self) -> u64 {
        self.next
    }

    /// When the pass may start.
    pub(super) fn start(&self) -> Moment {
        self.start
    }

    /// The next position that is silent; `None` at the end of the pass.
    pub(super) fn step(&mut self, answered: &Answered) -> Option<u64> {
        let position = answered.next_silent(self.next..self.range.end);
        self.next = position.map_or(self.range.end, |position| position + 1);
        position
    }

    /// Ends the pass, whose last probe was sent at `last`. The next one starts `after` that, so
    /// each probe of a target comes at least so long after the one before.
    pub(super) fn end_pass(&mut self, last: Moment, after: Duration) {
        // Passes are at most 8.
        self.pass = self.pass.saturating_add(1);
        self.next = self.range.start;
        self.start = last + after;
    }
}
