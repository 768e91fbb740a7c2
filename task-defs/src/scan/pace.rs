//! Looks a second.

use std::time::Duration;

use task_core::Timestamp;

/// Keeps a rate: over any stretch of time no more looks are begun than belong to it, one and ten
/// milliseconds' worth besides. What was missed for longer is not made up for.
#[derive(Debug)]
pub(super) struct Pace {
    /// Looks a second, which is thousandths of one in a millisecond.
    rate: u64,
    /// Thousandths of a look that may be begun at `counted_at`.
    budget: u64,
    counted_at: Timestamp,
}

/// Thousandths of a look in one.
const LOOK: u64 = 1000;

impl Pace {
    /// `rate` looks a second, at least one.
    pub(super) fn new(rate: u32, now: Timestamp) -> Self {
        Self {
            rate: u64::from(rate.max(1)),
            budget: LOOK,
            counted_at: now,
        }
    }

    /// When the next look may be begun; not after `now`, if it is at once.
    pub(super) fn opens_at(&mut self, now: Timestamp) -> Timestamp {
        let millis = now.as_millis().saturating_sub(self.counted_at.as_millis());
        self.counted_at = now;
        let most = LOOK.max(self.rate * 10);
        let earned = millis.saturating_mul(self.rate);
        self.budget = self.budget.saturating_add(earned).min(most);
        let short = LOOK.saturating_sub(self.budget);
        now.after(Duration::from_millis(short.div_ceil(self.rate)))
    }

    /// One is begun.
    pub(super) fn begin(&mut self) {
        self.budget = self.budget.saturating_sub(LOOK);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_stretch_of_time_has_more_looks_than_belong_to_it(
            rate in 1u32..5000,
            steps in prop::collection::vec(0u64..200, 1..60),
        ) {
            let mut now = 1_000_000;
            let mut pace = Pace::new(rate, Timestamp::from_millis(now));
            let mut begun: Vec<u64> = Vec::new();
            for step in steps {
                now += step;
                while pace.opens_at(Timestamp::from_millis(now)).as_millis() <= now {
                    pace.begin();
                    begun.push(now);
                }
            }
            for (first, &from) in begun.iter().enumerate() {
                for (looks, &to) in (1u64..).zip(&begun[first..]) {
                    let most = (to - from + 10) * u64::from(rate) / LOOK + 1;
                    prop_assert!(looks <= most, "{looks} in {} ms at {rate}/s", to - from);
                }
            }
        }
    }

    #[test]
    fn a_slow_rate_is_waited_for_and_kept() {
        let mut now = Timestamp::from_millis(5000);
        let mut pace = Pace::new(2, now);
        let mut begun = Vec::new();
        for _ in 0..3 {
            now = pace.opens_at(now);
            assert_eq!(pace.opens_at(now), now);
            pace.begin();
            begun.push(now.as_millis());
        }
        assert_eq!(begun, [5000, 5500, 6000]);
    }
}
