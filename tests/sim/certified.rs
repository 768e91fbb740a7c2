//! Every invariant on some seeds; `examples/certify` does the same on many more.

use sortie::sim::{Faults, Sim, sweep};

#[test]
fn invariants_hold_in_heavy_faults() {
    sweep(60, |seed| drop(run(Sim::new(seed).faults(Faults::aws()))));
}

#[test]
fn invariants_hold_in_light_faults() {
    sweep(60, |seed| drop(run(Sim::new(seed).faults(Faults::light()))));
}

#[test]
fn nothing_is_done_twice_when_nothing_goes_wrong() {
    sweep(60, |seed| {
        let report = run(Sim::new(seed));
        assert_eq!(report.faults, []);
    });
}

#[test]
#[cfg(feature = "sqlite")]
fn invariants_hold_on_sqlite() {
    sweep(6, |seed| {
        let light = Sim::new(seed).faults(Faults::light());
        let report = run(light.on_sqlite());
        // The store has no say in what happens, only in what is kept.
        let in_memory = run(Sim::new(seed).faults(Faults::light()));
        assert_eq!(report.fingerprint, in_memory.fingerprint);
    });
}

fn run(sim: Sim) -> sortie::sim::SimReport {
    sim.generated()
        .run()
        .unwrap_or_else(|error| panic!("{error}"))
}
