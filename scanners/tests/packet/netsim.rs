//! What is found as the network gets worse: a table, to be looked at when it changes.

use std::time::Duration;

use sortie_scanners::link::{Impairment, MemoryNetwork};
use sortie_scanners::output::Metadata;
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

/// Scans through such a network; a row of the table. Where it is `fixed`, no pass is added to those
/// that are asked for.
fn row(loss: f64, both: bool, delay: u64, asked: u8, fixed: bool) -> String {
    let scan = scan(targets("198.18.0.0/18", "443"))
        .passes(asked)
        .with(|config| {
            config.reach = config.reach.filter(|_| !fixed);
        });
    let link = link(network(loss, both, delay), SynHost::new(sixteenths));
    let (report, found) = run(&scan, &link);
    assert_truth(&found, sixteenths);
    let expected = 6 * (1 << 14) / 16;
    let count = report.targets - report.silent;
    assert_eq!(count, found.len() as u64);
    let passes = report.passes;
    let probes: u64 = report.sent.passes.iter().sum();
    if loss == 0.0 {
        assert_eq!(count, expected, "nothing is lost, so all is found");
        assert_eq!(passes, asked, "and no pass is added");
        let silent = report.targets - expected;
        assert_eq!(probes, report.targets + u64::from(asked - 1) * silent);
    }
    if fixed || asked == 1 {
        assert_eq!(passes, asked);
    }
    // A probe and its answer are lost independently.
    let arrives = f64::powi(1.0 - loss, if both { 2 } else { 1 });
    let share = 1.0 - f64::powi(1.0 - arrives, i32::from(passes));
    let measured = count as f64 / expected as f64;
    assert!((measured - share).abs() < 0.02, "{measured} for {share}");
    let percent = |share: f64| format!("{:.2} %", share * 100.0);
    if loss <= 0.1 && asked > 1 && !fixed {
        assert!(measured >= 0.99, "{measured} found");
    }
    let (estimate, least) = match report.confidence {
        Some(sure) => {
            let least = sure.found_at_least;
            assert!(least <= share + 0.005, "{least} promised for {share}");
            (percent(sure.found), percent(least))
        }
        None => ("unknown".into(), "unknown".into()),
    };
    let lost = format!("{:.0} %{}", loss * 100.0, if both { " twice" } else { "" });
    let (counts, measured) = (format!("{count}/{expected}"), percent(measured));
    format!(
        "{lost:<10}  {delay:>3} ms  {asked:>5}  {passes:>6}  {probes:>6}  {counts:>14}  {measured:>8}  \
         {estimate:>8}  {least:>8}\n"
    )
}

#[test]
fn the_document_of_a_run_names_its_targets() {
    let all = "198.18.0.0/20, 198.18.99.7, 2001:db8::/120, 2001:db8:1::9";
    let targets = targets(all, "22,443");
    let link = link(MemoryNetwork::default(), SynHost::new(sixteenths));
    let (report, _) = run(&scan(targets.clone()).rate(1e6), &link);
    let document = Metadata::new(&targets, report);
    let again = crate::support::targets(&document.ranges.join("\n"), "22,443");
    assert_eq!(again.fingerprint(), targets.fingerprint());
    let document: serde_json::Value = serde_json::from_str(&document.to_json()).unwrap();
    assert_eq!(document["ranges"][0], "198.18.0.0-198.18.15.255");
    assert_eq!(document["report"]["chunk"]["seed"], 1);
}

#[test]
fn found_against_expected_over_loss_and_delay() {
    let losses = [
        (0.0, false),
        (0.01, false),
        (0.01, true),
        (0.1, false),
        (0.1, true),
        (0.3, false),
        (0.3, true),
    ];
    let mut table = String::from(
        "loss         delay  asked  passes  probes  found/expected     share  estimate  at least\n",
    );
    for (loss, both) in losses {
        for (delay, asked, fixed) in [
            (20, 1, false),
            (20, 2, true),
            (20, 2, false),
            (400, 2, false),
            (20, 3, false),
        ] {
            table += &row(loss, both, delay, asked, fixed);
        }
    }
    insta::assert_snapshot!(table);
}
