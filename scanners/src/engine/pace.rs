//! When the next probe may go.

use std::time::Duration;

use crate::link::Moment;

/// How much may go at once, in seconds of the rate.
const DEPTH: f64 = 0.000_9;

/// The most that the bucket of a low rate holds: a token, and what comes in while a thread wakes up
/// late.
const MAX_DEPTH: f64 = 1.99;

/// What is promised is of so long, in seconds, and so much more than the rate.
const WINDOW: f64 = 0.1;
const PROMISE: f64 = 1.02;

/// How much is waited for before anything goes, in seconds of the rate: fewer, fuller batches.
const QUANTUM: f64 = 0.000_4;

/// How much faster what was missed is made up for.
const CATCH_UP: f64 = 0.01;

/// The longest time that is made up for. A longer pause, such as a suspended machine, is over.
const MEMORY: f64 = 1.0;

/// Keeps a rate: over any 100 ms with at most 2 % more, however late it is asked; and in the long run
/// exactly, if it is late now and then. Asked late each time, by a millisecond at 1,000 a second, it
/// stays below the rate, by a tenth: to make up for that would be to break the first promise.
///
/// A bucket of tokens that holds 0.9 ms of the rate, or of a low rate between one token and two. What
/// flows over, because the thread did not run, is remembered and let in again at 1 % of the rate:
/// 1 % of 100 ms and 0.9 ms are less than 2 %, rounded up to a whole probe.
///
/// A thread may also stop between the question and the sending, for as long as the system likes.
/// What it was allowed before then goes after, and what came in meanwhile may go right behind it:
/// so say with [`took`](Self::took) when it had gone, and the bucket does not fill up for both.
#[derive(Clone, Debug)]
pub struct Pacer {
    /// Tokens per second.
    rate: f64,
    level: f64,
    /// Tokens that were missed.
    missed: f64,
    last: Moment,
    /// Whether the quantum was reached, and the bucket is being emptied.
    draining: bool,
}

impl Pacer {
    /// The slowest pace: one an hour.
    pub const MIN_RATE: f64 = 1.0 / 3600.0;

    /// A pace of `rate` a second from `now`; at least [`MIN_RATE`](Self::MIN_RATE).
    pub fn new(rate: f64, now: Moment) -> Self {
        Self {
            rate: rate.max(Self::MIN_RATE),
            level: 0.0,
            missed: 0.0,
            last: now,
            draining: false,
        }
    }

    /// Starts later, by the time that `tokens` take.
    pub(super) fn later(mut self, tokens: f64) -> Self {
        self.level -= tokens;
        self
    }

    /// How many a second.
    pub fn rate(&self) -> f64 {
        self.rate
    }

    /// Goes on at another rate. What was missed at the old one is not made up for.
    pub fn set_rate(&mut self, rate: f64) {
        let rate = rate.max(Self::MIN_RATE);
        if rate != self.rate {
            self.rate = rate;
            self.missed = 0.0;
            self.level = self.level.min(self.depth());
        }
    }

    /// How many may go now.
    pub fn allowance(&mut self, now: Moment) -> usize {
        self.refill(now, self.depth());
        if self.level >= self.quantum() {
            self.draining = true;
        }
        if self.level < 1.0 {
            self.draining = false;
        }
        // Between one and the depth of the bucket.
        if self.draining {
            self.level as usize
        } else {
            0
        }
    }

    /// Takes `count` tokens: so many went, at the moment of the last [`allowance`](Self::allowance).
    pub fn take(&mut self, count: usize) {
        self.level -= count as f64;
    }

    /// Takes `count` tokens: so many went, at a time between the last
    /// [`allowance`](Self::allowance) and `now`.
    pub fn took(&mut self, count: usize, now: Moment) {
        self.level -= count as f64;
        // As if they had gone just now: with them the bucket is not fuller than it may be.
        self.refill(now, self.depth() - count as f64);
    }

    /// When to ask again, after nothing was allowed at `now`.
    pub fn ready_at(&self, now: Moment) -> Moment {
        let wait = (self.quantum() - self.level).max(0.0) / self.rate;
        // A nanosecond more, so that rounding does not make it ask twice.
        now + Duration::from_secs_f64(wait) + Duration::from_nanos(1)
    }

    /// Lets in what has come since the last time, up to a level of `most`.
    fn refill(&mut self, now: Moment, most: f64) {
        let elapsed = (now - self.last).as_secs_f64();
        self.last = self.last.max(now);
        let fresh = elapsed * self.rate;
        let again = (fresh * CATCH_UP).min(self.missed);
        self.missed -= again;
        self.level += fresh + again;
        let over = self.level - most;
        if over > 0.0 {
            self.level = most;
            if elapsed < MEMORY {
                self.missed = (self.missed + over).min(self.rate * MEMORY);
            }
        }
    }

    fn depth(&self) -> f64 {
        // What goes within the window is the bucket and what comes in meanwhile, as whole probes.
        // With less than one above the promise, rounded up, that is what was promised; and it is
        // more than one, by at least 0.9 ms of the rate.
        let promised = (self.rate * WINDOW * PROMISE).ceil();
        let fresh = self.rate * WINDOW * (1.0 + CATCH_UP);
        let least = (promised + 1.0 - fresh - self.rate * 0.000_1).min(MAX_DEPTH);
        (self.rate * DEPTH).max(least)
    }

    fn quantum(&self) -> f64 {
        (self.rate * QUANTUM).max(1.0)
    }
}
