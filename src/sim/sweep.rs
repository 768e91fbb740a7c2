//! Many seeds.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

/// The first seed: `SORTIE_SIM_SEED` if it is set, else `default`.
///
/// # Panics
///
/// If it is set to what is no number: a run with another seed than the one asked for would mislead.
pub fn base_seed(default: u64) -> u64 {
    number("SORTIE_SIM_SEED").unwrap_or(default)
}

/// Calls `test` with `runs` seeds in a row, from 0 on. `SORTIE_SIM_SEED` sets another first seed
/// and `SORTIE_SIM_RUNS` another number, so that one failure can be seen again and a night can be
/// spent on more.
///
/// ```
/// # let mut seeds = Vec::new();
/// sortie::sim::sweep(3, |seed| seeds.push(seed));
/// # if std::env::var_os("SORTIE_SIM_SEED").is_none() { assert_eq!(seeds, [0, 1, 2]); }
/// ```
///
/// # Panics
///
/// As `test` does. The seed, and how to run it alone, are printed before. And if a variable is set
/// to what is no number, if there is no seed to run, or if there are not so many seeds: a sweep
/// that tries nothing would mislead.
pub fn sweep(runs: u64, mut test: impl FnMut(u64)) {
    let first = base_seed(0);
    let runs = number("SORTIE_SIM_RUNS").unwrap_or(runs);
    assert!(
        runs > 0,
        "there is nothing to run; SORTIE_SIM_RUNS must be at least 1"
    );
    let end = first.checked_add(runs);
    let end = end.unwrap_or_else(|| panic!("there are no {runs} seeds from {first} on"));
    for seed in first..end {
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| test(seed))) {
            match super::report::replay(seed) {
                Some(command) => eprintln!("seed {seed} failed; replay: {command}"),
                None => eprintln!("seed {seed} failed"),
            }
            resume_unwind(panic);
        }
    }
}

fn number(name: &str) -> Option<u64> {
    let value = std::env::var_os(name)?;
    let number = value.to_str().and_then(|text| text.trim().parse().ok());
    Some(number.unwrap_or_else(|| panic!("{name} must be a whole number, not {value:?}")))
}
