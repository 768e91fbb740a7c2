//! From many faults to the few that matter.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use super::chaos::Injected;
use super::faults::Fault;
use super::report::{SimError, Violation};
use super::run::Ended;

/// The time that is spent on it, by the clock on the wall: a run may take long if its store does.
const LONGEST: Duration = Duration::from_secs(60);

/// Leaves out ever smaller parts of the faults for as long as anything is violated without them,
/// with `most_tries` runs at most and within [`LONGEST`].
/// What is violated may change on the way: any violation is worth seeing, and the smallest most.
pub(super) fn shrink(
    seed: u64,
    most_tries: usize,
    what: String,
    at: Duration,
    injected: Vec<Injected>,
    run: impl Fn(BTreeSet<(Fault, u64)>, bool) -> Result<Ended, SimError>,
) -> Result<Violation, SimError> {
    let key = |injected: &Injected| (injected.fault, injected.nth);
    let total = injected.len();
    let (mut what, mut at, mut faults) = (what, at, injected);
    let mut tries = 0;
    let started = Instant::now();
    let enough = |tries| tries >= most_tries || started.elapsed() > LONGEST;
    // Whole kinds first: most have nothing to do with it.
    for kind in Fault::ALL {
        if enough(tries) || faults.iter().all(|injected| injected.fault != *kind) {
            continue;
        }
        tries += 1;
        let rest = faults.iter().filter(|injected| injected.fault != *kind);
        let ended = run(rest.map(key).collect(), false)?;
        if let Some(violation) = ended.violation {
            (what, at, faults) = (violation, ended.at, ended.injected);
        }
    }
    let mut part = faults.len().div_ceil(2).max(1);
    while !enough(tries) && !faults.is_empty() {
        let mut shrunk = false;
        let mut start = 0;
        while start < faults.len() && !enough(tries) {
            let rest = faults.iter().enumerate();
            let rest = rest.filter(|(n, _)| *n < start || *n >= start + part);
            tries += 1;
            let ended = run(rest.map(|(_, injected)| key(injected)).collect(), false)?;
            match ended.violation {
                Some(violation) => {
                    (what, at, faults) = (violation, ended.at, ended.injected);
                    shrunk = true;
                }
                None => start += part,
            }
        }
        if part == 1 && !shrunk {
            break;
        }
        part = (part / 2).max(1);
    }
    let last = run(faults.iter().map(key).collect(), true)?;
    Ok(Violation {
        seed,
        what,
        at,
        faults,
        injected: total,
        log: last.log.unwrap_or_default(),
    })
}
