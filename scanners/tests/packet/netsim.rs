//! What is found as the network gets worse: a table, to be looked at when it changes.

use std::fmt::Write as _;
use std::time::Duration;

use sortie_scanners::link::{Impairment, MemoryNetwork};
use sortie_scanners::syn::SynHost;

use crate::support::{assert_truth, link, run, scan, sixteenths, targets};

/// Frames are lost on the way there, or on both ways; half of the delay is on each.
fn network(loss: f64, both: bool, delay: u64) -> MemoryNetwork {
    let way = |lossy: bool| Impairment {
        loss: if lossy { loss } else { 0.0 },
        delay: Duration::from_millis(delay) / 2,
        jitter: Duration::from_millis(delay) / 4,
        duplicate: 0.01,
        ..Impairment::default()
    };
    MemoryNetwork {
        seed: 5,
        forth: way(true),
        back: way(both),
        ..MemoryNetwork::default()
    }
}

#[test]
fn found_against_expected_over_loss_and_delay() {
    let mut table =
        String::from("loss        delay  passes  found/expected    share  estimate  at least\n");
    let losses = [
        (0.0, false),
        (0.01, false),
        (0.01, true),
        (0.1, false),
        (0.1, true),
        (0.3, false),
        (0.3, true),
    ];
    for (loss, both) in losses {
        for delay in [20, 400] {
            for passes in [1, 2, 3] {
                let scan = scan(targets("198.18.0.0/17", "443")).passes(passes);
                let link = link(network(loss, both, delay), SynHost::new(sixteenths));
                let (report, found) = run(&scan, &link);
                assert_truth(&found, sixteenths);
                let expected = 6 * (1 << 15) / 16;
                let count = report.targets - report.silent;
                assert_eq!(count, found.len() as u64);
                if loss == 0.0 {
                    assert_eq!(count, expected, "nothing is lost, so all is found");
                }
                // A probe and its answer are lost independently.
                let arrives = f64::powi(1.0 - loss, if both { 2 } else { 1 });
                let share = 1.0 - f64::powi(1.0 - arrives, i32::from(passes));
                let measured = count as f64 / expected as f64;
                assert!((measured - share).abs() < 0.02, "{measured} for {share}");
                let percent = |share: f64| format!("{:.2} %", share * 100.0);
                let figure = report
                    .confidence
                    .map(|sure| (sure.found, sure.found_at_least));
                let (estimate, least) = match figure {
                    Some((found, least)) => (percent(found), percent(least)),
                    None => ("unknown".into(), "unknown".into()),
                };
                if let Some((_, least)) = figure {
                    assert!(least <= share + 0.005, "{least} promised for {share}");
                }
                let lost = format!("{:.0} %{}", loss * 100.0, if both { " twice" } else { "" });
                writeln!(
                    table,
                    "{lost:<10}  {delay:>3} ms  {passes:>5}  {count:>6}/{expected:<7}  {:>8}  {estimate:>8}  {least:>8}",
                    percent(measured),
                )
                .unwrap();
            }
        }
    }
    insta::assert_snapshot!(table);
}
