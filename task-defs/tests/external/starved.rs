use std::fs::File;
use std::process::Command;

use sortie_task_defs::robots::{RobotsOptions, RobotsScan};
use task_core::message::Outcome;

use crate::bench::{Bench, knows_nothing};

const CHILD: &str = "SORTIE_TEST_STARVED";

/// Runs itself again in a process of its own: the limit would starve the tests beside it.
#[test]
fn a_worker_without_files_left_fails_the_attempt_and_not_the_sites() {
    if std::env::var_os(CHILD).is_some() {
        return starve();
    }
    let child = Command::new("sh")
        .args(["-c", "ulimit -n 64 && exec \"$0\" --exact \"$1\""])
        .arg(std::env::current_exe().unwrap())
        .arg("starved::a_worker_without_files_left_fails_the_attempt_and_not_the_sites")
        .env(CHILD, "1")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&child.stdout);
    assert!(
        child.status.success() && said.contains("1 passed"),
        "{said}"
    );
}

#[tokio::main(flavor = "current_thread")]
async fn starve() {
    let bench = Bench::new().await;
    let scan = RobotsScan {
        names: (0..40).map(|n| format!("{n:02}.example")).collect(),
        options: RobotsOptions {
            resolver: Some(knows_nothing().await),
            concurrency: 4,
            ..RobotsOptions::default()
        },
    };
    let rested = bench.run(&scan).await.complete;
    assert_eq!(rested.outcome, Outcome::Succeeded { children: None });
    assert_eq!(rested.coverage.total(), 40);

    let hoard: Vec<File> = std::iter::from_fn(|| File::open("/dev/null").ok()).collect();
    let starved = bench.run_attempt(&scan, 2, None, None).await.complete;
    drop(hoard);
    let Outcome::Retry { error, .. } = starved.outcome else {
        panic!("{:?}", starved.outcome)
    };
    assert!(error.contains("os error 24"), "{error}");
    assert!(error.contains("lower `concurrency`"), "{error}");
    assert!(
        !starved
            .coverage
            .iter()
            .any(|(class, _)| class == "local_failure")
    );
}
