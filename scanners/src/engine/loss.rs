//! How much was lost, and how much of what is there was therefore found.

use serde::Serialize;

/// The 97.5 % point of the normal distribution: intervals hold in 95 of 100 cases.
const Z: f64 = 1.959_964;

/// Fewest probes of canaries that a loss is told from.
const MIN_CANARIES: u64 = 32;

/// A share that was measured, and the interval that the true one lies in, in 95 of 100 cases
/// (Wilson, 1927). The interval is right for few trials, too, and for none it says nothing: 0 to 1.
///
/// ```
/// use sortie_scanners::engine::Share;
///
/// let lost = Share::of(2, 100);
/// assert_eq!(lost.share, 0.02);
/// assert!(lost.low > 0.005 && lost.high < 0.071);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Share {
    /// The share that was measured, from 0 to 1.
    pub share: f64,
    /// The low end of the interval.
    pub low: f64,
    /// The high end of the interval.
    pub high: f64,
    /// How many trials it is of.
    pub trials: u64,
}

impl Share {
    /// `count` of `trials`; more than there are trials count as all.
    pub fn of(count: u64, trials: u64) -> Self {
        if trials == 0 {
            return Self {
                share: 0.0,
                low: 0.0,
                high: 1.0,
                trials,
            };
        }
        let n = trials as f64;
        let share = count.min(trials) as f64 / n;
        let middle = share + Z * Z / (2.0 * n);
        let spread = Z * (share * (1.0 - share) / n + Z * Z / (4.0 * n * n)).sqrt();
        let scale = 1.0 + Z * Z / n;
        Self {
            share,
            low: ((middle - spread) / scale).clamp(0.0, share),
            high: ((middle + spread) / scale).clamp(share, 1.0),
            trials,
        }
    }
}

/// What a scan knows of what it missed.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Confidence {
    /// The share of probes, or of their answers, that were lost.
    pub loss: Share,
    /// What the loss was measured by.
    pub basis: Basis,
    /// The share of the targets that would answer of which an answer came: the figure to quote.
    /// Loss of one probe is taken to be independent of that of the next, because passes are a
    /// second apart or more; a target that is behind a dead router is beyond any estimate.
    pub found: f64,
    /// The same for the high end of the loss: in 95 of 100 scans it was at least this.
    pub found_at_least: f64,
}

/// What loss was measured by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    /// Targets that were silent in the first pass and answered in the second.
    Passes,
    /// Targets that had answered and were probed again through the run.
    Canaries,
}

impl Confidence {
    /// What follows from how many answered first in each pass, and how many probes of canaries
    /// were lost. `None` if too few answered to know.
    ///
    /// Of the two measures, the one that says more was lost counts, because each is blind to
    /// something: canaries to what happens only elsewhere, passes to what happens in both.
    pub(super) fn estimate(by_pass: &[u64], canaries: (u64, u64)) -> Option<Self> {
        let passes = i32::try_from(by_pass.len()).unwrap_or(i32::MAX);
        let of = |loss: Share, basis| Self {
            loss,
            basis,
            found: 1.0 - loss.share.powi(passes),
            found_at_least: 1.0 - loss.high.powi(passes),
        };
        // With loss p, (1 - p) N answer at first and p (1 - p) N of the others then.
        let by_passes = match by_pass {
            [first, second, ..] if *first > 0 => {
                Some(of(Share::of(*second, *first), Basis::Passes))
            }
            _ => None,
        };
        let (judged, lost) = canaries;
        let by_canaries =
            (judged >= MIN_CANARIES).then(|| of(Share::of(lost, judged), Basis::Canaries));
        match (by_passes, by_canaries) {
            // A handful of canaries prove nothing against thousands of targets.
            (Some(passes), Some(canaries)) if canaries.loss.low > passes.loss.high => {
                Some(canaries)
            }
            (Some(passes), _) => Some(passes),
            (None, canaries) => canaries,
        }
    }
}
