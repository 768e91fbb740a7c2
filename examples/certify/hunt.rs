//! Engines that are broken on purpose: each must be found out.

use serde::Serialize;
use sortie::core::mutant::Mutant;
use sortie::sim::{Sim, SimError};

use crate::args::{Args, Weather};

/// How a mutant was found out, if it was.
#[derive(Debug, Serialize)]
pub(crate) struct Hunt {
    pub(crate) mutant: &'static str,
    pub(crate) killed: bool,
    /// Runs until then.
    pub(crate) runs: u64,
    /// The seed and the weather in which it was found out.
    pub(crate) seed: Option<u64>,
    pub(crate) weather: Option<&'static str>,
    /// The invariant that it broke.
    pub(crate) by: Option<String>,
}

/// Runs seed after seed until an invariant breaks.
pub(crate) fn hunt(mutant: Mutant, args: &Args) -> Hunt {
    // For this thread, on which all of a run happens.
    let _planted = mutant.plant();
    let mut runs = 0;
    for seed in (0..args.hunt).map(|n| args.base.wrapping_add(n)) {
        for weather in Weather::ALL {
            runs += 1;
            let sim = Sim::new(seed).generated().faults(weather.faults());
            if let Err(SimError::Violation(violation)) = sim.shrink(false).run() {
                return Hunt {
                    mutant: mutant.as_str(),
                    killed: true,
                    runs,
                    seed: Some(seed),
                    weather: Some(weather.as_str()),
                    by: Some(violation.what),
                };
            }
        }
    }
    Hunt {
        mutant: mutant.as_str(),
        killed: false,
        runs,
        seed: None,
        weather: None,
        by: None,
    }
}
