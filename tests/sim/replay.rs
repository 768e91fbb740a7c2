//! One seed is one run, in every process.

use std::process::Command;

use sortie::sim::{Faults, Sim};

const CHILD: &str = "SORTIE_TEST_PRINT_LOG";
const BEGIN: &str = "-- the log begins --";

fn log_of(seed: u64) -> String {
    let sim = Sim::new(seed).generated().faults(Faults::aws()).log();
    sim.run().unwrap().log.unwrap()
}

/// The hashers of another process have other keys, its allocator other addresses, its threads
/// another history: nothing of it may show.
#[test]
fn a_seed_is_one_run_byte_for_byte_in_every_process() {
    let seed = 3;
    if std::env::var_os(CHILD).is_some() {
        println!("{BEGIN}\n{}", log_of(seed));
        return;
    }
    let own = log_of(seed);
    assert!(own.lines().count() > 50, "{own}");
    let name = std::thread::current().name().unwrap().to_owned();
    for _ in 0..3 {
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", &name, "--nocapture"])
            .env(CHILD, "1")
            .output()
            .unwrap();
        let text = String::from_utf8(child.stdout).unwrap();
        let (_, log) = text.split_once(&format!("{BEGIN}\n")).unwrap();
        assert!(log.starts_with(&own), "another run: {log}");
    }
}

#[test]
fn another_seed_is_another_run() {
    assert_ne!(log_of(1), log_of(2));
}
