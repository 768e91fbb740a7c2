//! What a network does to frames in one direction.

use std::num::NonZeroU32;
use std::time::Duration;

use crate::link::Moment;
use crate::link::dice::Dice;

/// What happens to frames in one direction. The default: nothing, and in no time.
///
/// Probabilities are of a single frame, independent of the others; below 0 counts as 0, above 1
/// as 1.
#[derive(Clone, Debug)]
pub struct Impairment {
    /// The probability that a frame is lost.
    pub loss: f64,
    /// The probability that a frame comes twice. The copy takes a way of its own.
    pub duplicate: f64,
    /// The least time that a frame is under way.
    pub delay: Duration,
    /// The most that is added to it, evenly drawn. Frames that are closer together than this
    /// overtake each other.
    pub jitter: Duration,
    /// The most frames in a second; more wait in a queue.
    pub rate: Option<NonZeroU32>,
    /// How many frames that queue holds before more are lost.
    pub queue: u32,
}

impl Default for Impairment {
    fn default() -> Self {
        Self {
            loss: 0.0,
            duplicate: 0.0,
            delay: Duration::ZERO,
            jitter: Duration::ZERO,
            rate: None,
            queue: 1000,
        }
    }
}

/// One direction, and how busy it is.
pub(super) struct Lane {
    impairment: Impairment,
    dice: Dice,
    /// When the link has sent all that waits.
    free_at: Moment,
}

impl Lane {
    pub(super) fn new(impairment: Impairment, seed: u64) -> Self {
        Self {
            impairment,
            dice: Dice::new(seed),
            free_at: Moment::ZERO,
        }
    }

    /// When the copies of a frame that enters at `now` leave: none if it is lost, two if it is
    /// doubled.
    pub(super) fn pass(&mut self, now: Moment) -> [Option<Moment>; 2] {
        // Every draw is made every time, so that one setting does not shift the draws of another.
        let lost = self.dice.chance(self.impairment.loss);
        let doubled = self.dice.chance(self.impairment.duplicate);
        let most = u64::try_from(self.impairment.jitter.as_nanos()).unwrap_or(u64::MAX);
        let jitters = [(); 2].map(|()| Duration::from_nanos(self.dice.below(most)));
        let Some(start) = self.queue(now) else {
            return [None; 2];
        };
        if lost {
            return [None; 2];
        }
        let [first, copy] = jitters.map(|jitter| start + self.impairment.delay + jitter);
        [Some(first), doubled.then_some(copy)]
    }

    /// When a frame that enters at `now` is sent, or `None` where the queue is full.
    fn queue(&mut self, now: Moment) -> Option<Moment> {
        let Some(rate) = self.impairment.rate else {
            return Some(now);
        };
        let each = Duration::from_secs(1) / rate.get();
        let start = now.max(self.free_at);
        if start - now > each * self.impairment.queue {
            return None;
        }
        self.free_at = start + each;
        Some(start)
    }
}
