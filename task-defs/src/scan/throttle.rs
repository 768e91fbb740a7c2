//! How many looks may be under way on a machine that cannot make as many as it was told.

use std::time::Duration;

use task_core::Timestamp;

/// The width of a scan: half as wide when this machine could not look, and slowly wider again, up
/// to what it was told, while looks end well.
///
/// Looks that were begun together fail together, and narrow it once: each carries the
/// [generation](Self::generation) in which it was begun, and those of an earlier one change nothing.
#[derive(Debug)]
pub(super) struct Throttle {
    most: usize,
    width: usize,
    generation: u64,
    /// How many have ended well since the width changed.
    well: usize,
    /// Whether any has ended well since one last failed.
    fed: bool,
    hungry_since: Option<Timestamp>,
    pause: Duration,
    opens_at: Timestamp,
}

/// The wait after a failure; twice as long after each further one.
const FIRST_PAUSE: Duration = Duration::from_millis(20);
/// The longest.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// When nothing at all could be opened for so long, the attempt is over.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);

impl Throttle {
    /// At most `most` looks at once.
    pub(super) fn new(most: usize) -> Self {
        Self {
            most,
            width: most,
            generation: 0,
            well: 0,
            fed: true,
            hungry_since: None,
            pause: FIRST_PAUSE,
            opens_at: Timestamp::default(),
        }
    }

    pub(super) fn has_room(&self, under_way: usize) -> bool {
        under_way < self.width
    }

    pub(super) fn generation(&self) -> u64 {
        self.generation
    }

    /// Before this moment nothing should be begun.
    pub(super) fn opens_at(&self) -> Timestamp {
        self.opens_at
    }

    /// A look has ended well: it had its socket.
    pub(super) fn ended_well(&mut self) {
        self.fed = true;
        self.hungry_since = None;
        self.pause = FIRST_PAUSE;
        self.well += 1;
        if self.well >= self.width {
            self.well = 0;
            self.width = (self.width + 1 + self.width / 8).min(self.most);
        }
    }

    /// This machine could not make a look that was begun in `generation` and had failed `tries`
    /// times before, while `under_way` others were on their way.
    pub(super) fn failed(&mut self, generation: u64, tries: u32, under_way: usize, now: Timestamp) {
        self.hungry_since.get_or_insert(now);
        // One that fails again and again while others end well has a trouble of its own.
        let common = tries == 0 || !self.fed;
        self.fed = false;
        if !common || generation != self.generation {
            return;
        }
        self.generation += 1;
        self.well = 0;
        self.width = (self.width.min(under_way + 1) / 2).max(1);
        self.opens_at = now.after(self.pause);
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
    }

    /// Whether nothing has ended well for too long, provided that nothing is under way.
    pub(super) fn is_starved(&self, now: Timestamp) -> bool {
        self.hungry_since
            .is_some_and(|since| now.since(since) >= PATIENCE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    fn width(throttle: &Throttle) -> usize {
        (0..).find(|n| !throttle.has_room(*n)).unwrap()
    }

    #[test]
    fn looks_that_fail_together_narrow_it_once_and_those_that_end_well_widen_it_again() {
        let mut throttle = Throttle::new(256);
        for left in (100..256).rev() {
            throttle.failed(0, 0, left, at(0));
        }
        assert_eq!(width(&throttle), 128);
        assert_eq!(throttle.opens_at(), at(20));
        for _ in 0..2000 {
            throttle.ended_well();
        }
        assert_eq!(width(&throttle), 256);
    }

    #[test]
    fn one_target_that_always_fails_does_not_narrow_the_others() {
        let mut throttle = Throttle::new(100);
        throttle.failed(throttle.generation(), 0, 99, at(0));
        let narrow = width(&throttle);
        for tries in 1..20 {
            throttle.ended_well();
            throttle.failed(throttle.generation(), tries, 40, at(0));
        }
        assert_eq!(width(&throttle), narrow);
        assert!(!throttle.is_starved(at(0)));
    }

    #[test]
    fn it_is_starved_only_when_nothing_ended_well_for_its_patience() {
        let mut throttle = Throttle::new(2);
        let late = at(0).after(PATIENCE);
        throttle.failed(0, 0, 0, at(0));
        throttle.failed(1, 1, 0, at(5000));
        assert!(throttle.is_starved(late));
        throttle.ended_well();
        assert!(!throttle.is_starved(late));
        assert_eq!(width(&throttle), 2);
    }
}
