//! Every invariant on some seeds; `examples/certify` does the same on many more.

use std::time::Duration;

use sortie::sim::{Faults, Sim, sweep};

#[test]
fn invariants_hold_in_heavy_faults() {
    sweep(60, |seed| {
        drop(run(Sim::generated(seed).faults(Faults::aws())))
    });
}

#[test]
fn invariants_hold_in_light_faults() {
    sweep(60, |seed| {
        drop(run(Sim::generated(seed).faults(Faults::light())))
    });
}

#[test]
fn nothing_is_done_twice_when_nothing_goes_wrong() {
    sweep(60, |seed| {
        let report = run(Sim::generated(seed));
        assert_eq!(report.faults, []);
    });
}

#[test]
fn invariants_hold_although_clocks_are_wrong_by_a_minute() {
    let skewed = Faults::light().skew(Duration::from_secs(60));
    sweep(20, |seed| {
        drop(run(Sim::generated(seed).faults(skewed.clone())))
    });
}

/// Seeds that have found something: a queue that was worked off although its run was over; twins, one
/// of which was taken to undo what the other had written.
#[test]
fn what_was_found_once_stays_mended() {
    let was_found = [
        (722, Faults::none()),
        (2918, Faults::aws()),
        (6478, Faults::aws()),
    ];
    for (seed, faults) in was_found {
        drop(run(Sim::generated(seed).faults(faults)));
    }
}

#[test]
#[cfg(feature = "sqlite")]
fn invariants_hold_on_sqlite() {
    sweep(6, |seed| {
        let light = Sim::generated(seed).faults(Faults::light());
        // Not the same run as in memory: who reads here does not wait for who writes.
        drop(run(light.on_sqlite()));
    });
}

fn run(sim: Sim) -> sortie::sim::SimReport {
    sim.run().unwrap_or_else(|error| panic!("{error}"))
}
