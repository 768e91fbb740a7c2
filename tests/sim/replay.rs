//! One seed is one run, in every process.

use std::fmt::Write as _;
use std::process::Command;

use sortie::sim::{Faults, Sim};

const CHILD: &str = "SORTIE_TEST_PRINT_RUNS";
const BEGIN: &str = "-- the runs begin --";
const END: &str = "-- the runs end --";

/// Many runs by what their fingerprints stand for, and one in full.
fn runs() -> String {
    let weathers = [Faults::none(), Faults::light(), Faults::aws()];
    let mut all = String::new();
    for seed in 0..30 {
        for (weather, faults) in weathers.iter().enumerate() {
            let sim = || Sim::generated(seed).faults(faults.clone());
            let mut runs = vec![sim()];
            #[cfg(feature = "sqlite")]
            if seed < 3 {
                runs.push(sim().on_sqlite());
            }
            for run in runs {
                let report = run.run().unwrap();
                let (events, fingerprint) = (report.events, report.fingerprint);
                writeln!(all, "{seed} {weather} {events} {fingerprint:016x}").unwrap();
            }
        }
    }
    all + &log_of(3)
}

fn log_of(seed: u64) -> String {
    let sim = Sim::generated(seed).faults(Faults::aws()).log();
    sim.run().unwrap().log.unwrap()
}

/// The hashers of another process have other keys, its allocator other addresses, its threads
/// another history: nothing of it may show.
#[test]
fn a_seed_is_one_run_byte_for_byte_in_every_process() {
    if std::env::var_os(CHILD).is_some() {
        println!("{BEGIN}\n{}{END}", runs());
        return;
    }
    let own = runs();
    assert!(own.lines().count() > 150, "{own}");
    let name = std::thread::current().name().unwrap().to_owned();
    for _ in 0..2 {
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", &name, "--nocapture"])
            .env(CHILD, "1")
            .output()
            .unwrap();
        let text = String::from_utf8(child.stdout).unwrap();
        let (_, runs) = text.split_once(&format!("{BEGIN}\n")).unwrap();
        let (runs, _) = runs.split_once(END).unwrap();
        let differs = runs
            .lines()
            .zip(own.lines())
            .find(|(other, own)| other != own);
        assert!(runs == own, "another run: {differs:?}");
    }
}

#[test]
fn another_seed_is_another_run() {
    assert_ne!(log_of(1), log_of(2));
}
