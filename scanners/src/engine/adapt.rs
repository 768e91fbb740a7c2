//! A rate that follows what the way can carry.

use super::loss::Share;

/// What happened since the last look, about a second ago.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Epoch {
    /// Probes of canaries that had time to be answered.
    pub(super) judged: u64,
    /// Those of them that were not.
    pub(super) lost: u64,
    /// Frames that came and were dropped for want of room.
    pub(super) dropped: u64,
}

/// Loss that is not caused by the rate is there at any rate. Only what comes on top of it, by so
/// much, is a reason to slow down.
const TOLERANCE: f64 = 0.02;

/// Fewest canaries that something is concluded from.
const ENOUGH: u64 = 32;

/// Where it starts, as a share of the most.
const START: f64 = 1.0 / 8.0;

/// Raises the rate until results begin to be lost, and then backs off: up by half of itself at
/// first, by a twentieth of the most after the first loss; down by three tenths. Each rate is kept
/// until enough canaries that were sent at it have been judged.
#[derive(Clone, Debug)]
pub(super) struct Adapt {
    most: f64,
    rate: f64,
    /// The canaries that were sent at this rate.
    here: Sample,
    /// Those that were sent at rates that were found good: the loss of the way itself.
    before: Sample,
    /// Whether the canaries of the next epoch were still sent at the last rate: they are judged a
    /// second after they were sent.
    stale: bool,
    /// Whether loss was met already.
    careful: bool,
}

#[derive(Clone, Copy, Debug, Default)]
struct Sample {
    judged: u64,
    lost: u64,
}

impl Sample {
    fn add(&mut self, other: Self) {
        self.judged += other.judged;
        self.lost += other.lost;
    }

    fn loss(self) -> Share {
        Share::of(self.lost, self.judged)
    }
}

impl Adapt {
    pub(super) fn new(most: f64) -> Self {
        Self {
            most,
            rate: most * START,
            here: Sample::default(),
            before: Sample::default(),
            stale: false,
            careful: false,
        }
    }

    pub(super) fn rate(&self) -> f64 {
        self.rate
    }

    /// Takes note of `epoch` and returns the rate to go on at.
    pub(super) fn look(&mut self, epoch: Epoch) -> f64 {
        if epoch.dropped > 0 {
            return self.back_off();
        }
        if std::mem::take(&mut self.stale) {
            return self.rate;
        }
        self.here.add(Sample {
            judged: epoch.judged,
            lost: epoch.lost,
        });
        // Where nobody answers, there is nothing to lose.
        if self.here.judged > 0 && self.here.judged < ENOUGH {
            return self.rate;
        }
        // What is surely more than what was surely there before.
        let (here, before) = (self.here.loss(), self.before.loss());
        if before.trials > 0 && here.low > before.high + TOLERANCE {
            return self.back_off();
        }
        self.before.add(self.here);
        let next = if self.careful {
            self.rate + self.most / 20.0
        } else {
            self.rate * 1.5
        };
        self.change(next.min(self.most))
    }

    fn back_off(&mut self) -> f64 {
        self.careful = true;
        self.change((self.rate * 0.7).max(self.most * START / 8.0))
    }

    fn change(&mut self, rate: f64) -> f64 {
        self.stale = rate != self.rate;
        self.here = Sample::default();
        self.rate = rate;
        rate
    }
}
