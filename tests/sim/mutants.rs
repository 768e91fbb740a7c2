//! Who checks must be checked: engines that are broken on purpose are found out.

use std::process::Command;

use sortie::core::mutant::Mutant;
use sortie::sim::{Faults, Sim, SimError, Violation, sweep};

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
                    let sim = Sim::generated(seed).faults(faults).shrink(false);
                    matches!(sim.run(), Err(SimError::Violation(_)))
                })
        });
        assert!(found, "{} lives", mutant.as_str());
    }
}

#[test]
fn a_violation_shows_few_faults() {
    let _planted = Mutant::NoInbox.plant();
    let violation = (0..100)
        .find_map(|seed| violation_of(Sim::generated(seed)))
        .unwrap();
    assert!(violation.injected > violation.faults.len());
    assert!(
        violation.faults.len() <= 4,
        "a message that comes twice needs few faults: {:?}",
        violation.faults
    );
    let text = violation.to_string();
    assert!(text.contains("seen before"), "{text}");
    for injected in violation.faults {
        let named = format!("{} #{}", injected.fault, injected.nth);
        assert!(text.contains(&named), "{text}");
    }
}

/// What is printed is run, as whoever reads it would.
#[test]
fn the_printed_command_runs_that_seed_again() {
    let child = "SORTIE_TEST_REPLAYS";
    let _planted = Mutant::NoInbox.plant();
    let find = |seed| violation_of(Sim::generated(seed).shrink(false));
    if std::env::var_os(child).is_some() {
        // All seeds but the one that is asked for would take long, and say nothing.
        sweep(1000, |seed| {
            println!("{seed}: {}", find(seed).unwrap().what)
        });
        return;
    }
    let violation = (0..100).find_map(find).unwrap();
    let text = violation.to_string();
    let (_, command) = text.rsplit_once("replay: ").unwrap();
    let output = Command::new("sh")
        .args(["-c", &format!("{command} --nocapture")])
        .env(child, "1")
        .output()
        .unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let line = format!("{}: {}", violation.seed, violation.what);
    assert!(said.lines().any(|said| said == line), "{command}: {said}");
}

fn violation_of(sim: Sim) -> Option<Box<Violation>> {
    match sim.faults(Faults::light()).run() {
        Err(SimError::Violation(violation)) => Some(violation),
        _ => None,
    }
}
