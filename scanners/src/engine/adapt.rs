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

/// Raises the rate until results begin to be lost, and then backs off: by half of itself each
/// second at first, by a twentieth of the most after the first loss; down by three tenths.
#[derive(Clone, Debug)]
pub(super) struct Adapt {
    most: f64,
    rate: f64,
    /// The least loss that was seen: that of the way itself.
    floor: f64,
    /// Canaries since something was concluded.
    judged: u64,
    lost: u64,
    /// Whether loss was met already.
    careful: bool,
}

impl Adapt {
    pub(super) fn new(most: f64) -> Self {
        Self {
            most,
            rate: most * START,
            floor: f64::INFINITY,
            judged: 0,
            lost: 0,
            careful: false,
        }
    }

    pub(super) fn rate(&self) -> f64 {
        self.rate
    }

    /// Takes note of `epoch` and returns the rate to go on at.
    pub(super) fn look(&mut self, epoch: Epoch) -> f64 {
        self.judged += epoch.judged;
        self.lost += epoch.lost;
        if epoch.dropped > 0 {
            return self.back_off();
        }
        if self.judged < ENOUGH {
            // Nothing is known yet; without anybody who answers, there is nothing to be lost.
            return self.advance(self.judged == 0);
        }
        let loss = Share::of(self.lost, self.judged);
        (self.judged, self.lost) = (0, 0);
        // The interval of a sample this small is wide; what is surely more than the floor counts.
        if self.floor.is_finite() && loss.low > self.floor + TOLERANCE {
            return self.back_off();
        }
        self.floor = self.floor.min(loss.share);
        self.advance(true)
    }

    fn back_off(&mut self) -> f64 {
        self.careful = true;
        // What was measured at this rate says nothing about the next one.
        (self.judged, self.lost) = (0, 0);
        self.rate = (self.rate * 0.7).max(self.most * START / 8.0);
        self.rate
    }

    fn advance(&mut self, known: bool) -> f64 {
        if known {
            let next = if self.careful {
                self.rate + self.most / 20.0
            } else {
                self.rate * 1.5
            };
            self.rate = next.min(self.most);
        }
        self.rate
    }
}
