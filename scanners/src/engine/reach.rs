//! When passes are added to those that were asked for.

use serde::Serialize;

use super::loss::Confidence;

/// How much of what answers is to be found, and what may be done for it.
///
/// Two passes find 99.99 % of what answers where one probe in a hundred is lost, but 99 % where one
/// in ten is, and 91 % where three are. So a scan of two passes or more looks at the loss that it
/// has measured when the last of them is over. If the passes so far are expected to have found less
/// than [`share`](Self::share), there is another one, and so on. Where nothing is lost, nothing is
/// sent that was not asked for.
///
/// An added pass is like the others: to the silent only,
/// [`retry_after`](super::EngineConfig::retry_after) later, from other ports, at the same rate. Two
/// probes at once would be sooner over, but what is lost is often lost together (a queue that is
/// full, a route that changes), and one answer would spare the other probe nothing.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Reach {
    /// The share of the targets that answer of which an answer is to come, above 0 and below 1.
    pub share: f64,
    /// The most passes that there may be in all, 1 to 8; where as many were asked for, none is
    /// added.
    pub passes: u8,
}

impl Default for Reach {
    /// 99.5 %, with 4 passes at most: enough for 26 lost in a hundred.
    fn default() -> Self {
        Self {
            share: 0.995,
            passes: 4,
        }
    }
}

impl Reach {
    /// Whether there is to be another pass after `passes`, which found what `confidence` says.
    pub(super) fn goes_on(self, passes: u8, confidence: Option<Confidence>) -> bool {
        // Of whom nobody answers, nothing is known, and nothing is added.
        passes < self.passes && confidence.is_some_and(|sure| sure.found < self.share)
    }
}

/// How many passes there are to be, as far as that is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Plan {
    pub(super) passes: u8,
    /// Whether no more will be added.
    pub(super) settled: bool,
}

impl Plan {
    /// In one byte: who reads it must not see a half of each of two plans.
    pub(super) fn to_byte(self) -> u8 {
        // Passes are at most 8.
        self.passes << 1 | u8::from(self.settled)
    }

    pub(super) fn from_byte(byte: u8) -> Self {
        Self {
            passes: byte >> 1,
            settled: byte & 1 == 1,
        }
    }
}
