//! How much was lost, and how much of what is there was therefore found.

use serde::Serialize;

/// The 97.5 % point of the normal distribution: intervals hold in 95 of 100 cases.
const Z: f64 = 1.959_964;

/// Fewest probes that a loss is told from, where there is another to go by.
const FEWEST: u64 = 32;

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
    /// The share of probes, or of their answers, that were lost. Where that differs from network to
    /// network it is that of the ones that [`found`](Self::found) is about: those still missing.
    pub loss: Share,
    /// What the loss was measured by.
    pub basis: Basis,
    /// The share of the targets that would answer of which an answer came: the figure to quote.
    /// Loss of one probe is taken to be independent of that of the next, because passes are a
    /// second apart or more; a target that is behind a dead router is beyond any estimate.
    ///
    /// It is of targets that answer themselves. Errors of routers do not count: their number is
    /// limited, and one that did not come was not lost.
    pub found: f64,
    /// The same for the high end of the loss: in 95 of 100 scans it was at least this.
    pub found_at_least: f64,
}

/// What loss was measured by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    /// Targets that were silent in one pass and answered in the next.
    ///
    /// After two passes a few networks that lose much hide among many that lose nothing, and the
    /// estimate is too hopeful. Later passes bring them to light: what is found in these is
    /// theirs, and by how little it shrinks from pass to pass tells how much is still missing.
    Passes,
    /// Targets that had answered and were probed again through the run.
    Canaries,
}

impl Confidence {
    /// What follows from how many answered first in each pass, and how many probes of canaries
    /// were lost; `silent` have not answered by then, and no more can be missing. `None` if too few
    /// answered to know.
    ///
    /// Of the two measures, the one that says more was missed counts, because each is blind to
    /// something: canaries to what happens only elsewhere, passes to what happens in both.
    pub(super) fn estimate(by_pass: &[u64], canaries: (u64, u64), silent: u64) -> Option<Self> {
        let passes = i32::try_from(by_pass.len()).unwrap_or(i32::MAX);
        let by_passes = Self::by_passes(by_pass);
        let (judged, lost) = canaries;
        let by_canaries = (judged >= FEWEST).then(|| {
            let loss = Share::of(lost, judged);
            Self {
                loss,
                basis: Basis::Canaries,
                found: 1.0 - loss.share.powi(passes),
                found_at_least: 1.0 - loss.high.powi(passes),
            }
        });
        let sure = match (by_passes, by_canaries) {
            // A handful of canaries prove nothing against thousands of targets.
            (Some(passed), Some(canaries))
                if 1.0 - canaries.loss.low.powi(passes) < passed.found_at_least =>
            {
                canaries
            }
            (Some(passed), _) => passed,
            (None, canaries) => canaries?,
        };
        let found: u64 = by_pass.iter().sum();
        let least = match found {
            0 => 0.0,
            _ => found as f64 / (found as f64 + silent as f64),
        };
        Some(Self {
            found: sure.found.max(least),
            found_at_least: sure.found_at_least.max(least),
            ..sure
        })
    }

    /// With loss p, (1 - p) N of N answer at first, p (1 - p) N of the others then, and so on: each
    /// pass finds p times what the one before found. So each two in a row tell p, the first two of
    /// the most. Where p differs, passes find less and less from where it is low, and later ones
    /// tell the p of what is left: it counts if it is surely greater.
    fn by_passes(by_pass: &[u64]) -> Option<Self> {
        let mut chosen: Option<Ratio> = None;
        for (at, pair) in by_pass.windows(2).enumerate() {
            let &[before, after] = pair else { continue };
            let later = by_pass.len().saturating_sub(at + 2);
            // Who finds more than the one before says that something was wrong with that one, and
            // nothing of p. The next two tell; if there are none, nothing is known of what is missing.
            if after.max(before) == 0 || (after > before && later > 0) {
                continue;
            }
            // One more, or one of one would stand for any number of others.
            let loss = Share::of(after, before + 1);
            // A host that wakes up now and then is no loss.
            let tells = after.max(before) >= FEWEST;
            if chosen.is_none_or(|chosen| tells && loss.low > chosen.loss.high) {
                chosen = Some(Ratio {
                    before,
                    after,
                    loss,
                    later: i32::try_from(later).unwrap_or(i32::MAX),
                });
            }
        }
        let Ratio {
            before,
            after,
            loss,
            later,
        } = chosen?;
        // Behind a pass there is missing p / (1 - p) times what it found; each later one leaves p of
        // it.
        let missing = |found: f64, p: f64| match p < 1.0 {
            true => found * p / (1.0 - p) * p.powi(later),
            false => f64::INFINITY,
        };
        let found: f64 = by_pass.iter().map(|found| *found as f64).sum();
        let share = |missing: f64| found / (found + missing);
        let measured = share(missing(after as f64, loss.share));
        Some(Self {
            loss: Share::of(after, before.max(1)),
            basis: Basis::Passes,
            found: measured,
            found_at_least: share(missing(before as f64 * loss.high, loss.high)).min(measured),
        })
    }
}

/// What two passes in a row found, and what it says.
#[derive(Clone, Copy, Debug)]
struct Ratio {
    before: u64,
    after: u64,
    loss: Share,
    /// How many passes came after the two.
    later: i32,
}

#[cfg(test)]
mod tests {
    use super::*;

    const NO_CANARIES: (u64, u64) = (0, 0);

    #[test]
    fn a_pass_that_found_nothing_before_one_that_did_is_not_believed() {
        // The link was dead during the pass in the middle, or during the first one.
        for by_pass in [&[10_000, 0, 300][..], &[0, 500]] {
            let silent = 5_000;
            let estimate = Confidence::estimate(by_pass, NO_CANARIES, silent).unwrap();
            let found: u64 = by_pass.iter().sum();
            let least = found as f64 / (found + silent) as f64;
            assert_eq!(estimate.found, least, "{by_pass:?}: {estimate:?}");
            assert_eq!(estimate.loss.share, 1.0, "{by_pass:?}");
        }
    }

    #[test]
    fn a_few_hosts_that_wake_up_late_are_no_loss() {
        for by_pass in [[10_000, 100, 1, 1], [50_000, 200, 3, 3]] {
            let estimate = Confidence::estimate(&by_pass, NO_CANARIES, 100).unwrap();
            assert!(estimate.loss.share < 0.02, "{by_pass:?}: {estimate:?}");
        }
    }

    #[test]
    fn a_lossy_part_that_later_passes_show_is_told() {
        // 100,000 that lose nothing, and 10,000 that lose half.
        let estimate = Confidence::estimate(&[105_000, 2_500, 1_250], NO_CANARIES, 10_000).unwrap();
        assert_eq!(estimate.loss.share, 0.5);
    }
}
