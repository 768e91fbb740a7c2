//! Engines that are broken on purpose: each must be found out, by the invariant that it breaks.

use serde::Serialize;
use sortie::core::mutant::Mutant;
use sortie::sim::SimError;

use crate::args::{Args, Case, Weather};

/// How a mutant was found out, if it was.
#[derive(Debug, Serialize)]
pub(crate) struct Hunt {
    pub(crate) mutant: &'static str,
    pub(crate) killed: bool,
    /// Runs until then.
    pub(crate) runs: u64,
    /// Runs until then that broke another invariant than the one which is the mutant's own.
    pub(crate) strays: u64,
    /// The seed and the weather in which it was found out.
    pub(crate) seed: Option<u64>,
    pub(crate) weather: Option<&'static str>,
    /// The invariant that it broke.
    pub(crate) by: Option<String>,
    /// The options by which this program runs it again.
    pub(crate) replay: Option<String>,
}

/// Runs seed after seed until the mutant's invariant breaks, and holds without it.
pub(crate) fn hunt(mutant: Mutant, args: &Args, base: u64) -> Hunt {
    let mut hunt = Hunt {
        mutant: mutant.as_str(),
        killed: false,
        runs: 0,
        strays: 0,
        seed: None,
        weather: None,
        by: None,
        replay: None,
    };
    for seed in (0..args.hunt).map(|n| base + n) {
        for weather in Weather::ALL {
            let case = Case {
                seed,
                weather,
                sqlite: false,
                mutant: Some(mutant),
            };
            hunt.runs += 1;
            let Some(what) = broken(case) else { continue };
            let own = breaks(mutant).iter().any(|part| what.contains(part));
            let innocent = || {
                let without = Case {
                    mutant: None,
                    ..case
                };
                broken(without).is_none()
            };
            if own && innocent() {
                hunt.killed = true;
                hunt.seed = Some(seed);
                hunt.weather = Some(weather.as_str());
                hunt.by = Some(what);
                hunt.replay = Some(case.to_string());
                return hunt;
            }
            hunt.strays += 1;
            // Kept in case that nothing else is found.
            hunt.by.get_or_insert(what);
        }
    }
    hunt
}

/// What does not hold in a run.
fn broken(case: Case) -> Option<String> {
    // For this thread, on which all of a run happens.
    let _planted = case.mutant.map(Mutant::plant);
    match case.sim().shrink(false).run() {
        Err(SimError::Violation(violation)) => Some(violation.what),
        _ => None,
    }
}

/// Words of the invariants that a mutant breaks: one that is found out by another has shown
/// something else.
const fn breaks(mutant: Mutant) -> &'static [&'static str] {
    match mutant {
        Mutant::NoInbox => &["was seen before"],
        Mutant::NoFencing => &[
            "nobody said so",
            "nobody asked for that",
            "counts as lost",
            "is forged",
        ],
        Mutant::NoExpectedTotal => &["by what was announced", "before it was settled"],
        Mutant::OutboxBeforeCommit => &["was sent before it was committed"],
        Mutant::CountWithoutDedupe => &[" counts ", " may"],
        Mutant::AckBeforeWork => &["before it said how it ended"],
        Mutant::AggregatorOnFirst => &["before it was settled"],
        Mutant::RetryForgetsAttempt => {
            &["failed: ", " attempts instead of ", "after it was running"]
        }
        Mutant::CancelIgnored => &["cancel"],
        Mutant::LeaseNeverExtended => &["was delivered", " attempts instead of "],
        Mutant::LedgerDoubleCount => &["accounts for", "books its targets"],
        Mutant::FailureIgnored => &["started although place"],
        Mutant::DeadlineIgnored => &["after its time limit"],
        Mutant::OutboxForgotten => &["is not in the outbox"],
        Mutant::CancelNotSpread => &["after it was stopped"],
        Mutant::CursorForgotten => &["goes on from"],
    }
}
