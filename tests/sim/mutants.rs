//! Who checks must be checked: engines that are broken on purpose are found out.

use sortie::core::mutant::Mutant;
use sortie::sim::{Faults, Sim, SimError};

/// Seeds within which each must be found, in all three weathers.
const SEEDS: u64 = 400;

#[test]
fn every_mutant_is_found_out() {
    for mutant in Mutant::ALL {
        let _planted = mutant.plant();
        let found = (0..SEEDS).any(|seed| {
            [Faults::none(), Faults::light(), Faults::aws()]
                .into_iter()
                .any(|faults| {
                    let sim = Sim::new(seed).generated().faults(faults).shrink(false);
                    matches!(sim.run(), Err(SimError::Violation(_)))
                })
        });
        assert!(found, "{} lives", mutant.as_str());
    }
}

#[test]
fn a_violation_shows_few_faults_and_the_way_back() {
    let _planted = Mutant::NoInbox.plant();
    let violation = (0..100)
        .find_map(|seed| {
            let sim = Sim::new(seed).generated().faults(Faults::light());
            match sim.run() {
                Err(SimError::Violation(violation)) => Some(violation),
                _ => None,
            }
        })
        .unwrap();
    assert!(violation.injected > violation.faults.len());
    assert!(
        violation.faults.len() <= 4,
        "a message that comes twice needs few faults: {:?}",
        violation.faults
    );
    let text = violation.to_string();
    let replay = format!(
        "replay: SORTIE_SIM_SEED={} SORTIE_SIM_RUNS=1 cargo test mutants::a_violation",
        violation.seed
    );
    assert!(text.contains(&replay), "{text}");
    assert!(text.contains("seen before"), "{text}");
}
