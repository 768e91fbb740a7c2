//! The truth behind a network that takes its time and loses some: real packets, through a relay in
//! a namespace of its own. Needs root; says so where it is not there.

use std::collections::BTreeMap;
use std::time::Duration;

use lab::bed::{Bed, Fate, Relay, Responder};
use sortie_scanners::probe::CookieKey;
use sortie_scanners::syn::SynScan;
use sortie_scanners::target::{Chunk, TargetSet};

use crate::bed::{fate, run, scope};

/// What of each fate there is, and what of it was found.
type Truth = BTreeMap<Fate, (u64, u64)>;

/// Scans through a relay that loses so much each way; `None` where there can be no bed.
fn through(loss: f64) -> Option<(Truth, u8)> {
    let responder = Responder::kernel([80]);
    if let Some(why) = Bed::missing(&responder) {
        eprintln!("skipped: {why}");
        return None;
    }
    let relay = Relay {
        delay: Duration::from_millis(10),
        loss,
        seed: 3,
    };
    let bed = Bed::behind(relay, responder).unwrap();
    let scope = scope(&[]);
    let targets = TargetSet::builder()
        .addrs("198.18.16.0/22, 2001:db8:1::/120")
        .ports("80,81")
        .build(&scope)
        .unwrap();
    let all = targets.chunk(&Chunk::all(&targets, 1)).unwrap();
    let of = |addr, port| bed.fate(addr, port).unwrap();
    let mut truth = Truth::new();
    for target in all.positions().filter_map(|position| all.get(position)) {
        truth.entry(of(target.addr(), target.port())).or_default().0 += 1;
    }
    // The same probes each time, so the relay loses the same.
    let scan = SynScan::new(targets)
        .seed(1)
        .key(CookieKey::fixed([7; 16]))
        .rate(4000.0)
        // The relay is a process like others, and may be late where the machine is busy.
        .with(|config| config.cooldown = Duration::from_secs(5));
    let (report, found) = run(&bed, &scan, &scope);
    assert!(report.complete);
    let mut seen = std::collections::HashSet::new();
    for found in &found {
        let target = (found.target.addr(), found.target.port());
        assert!(seen.insert(target), "{} twice", found.target);
        let expected = of(target.0, target.1);
        assert_eq!(fate(found.answer.state), expected, "{}", found.target);
        truth.entry(expected).or_default().1 += 1;
    }
    assert_eq!(seen.len() as u64 + report.silent, report.targets);
    assert_eq!(report.received.malformed + report.received.forged, 0);
    assert_eq!(loss > 0.0, bed.lost() > 0);
    Some((truth, report.passes))
}

#[test]
fn where_nothing_is_lost_each_fate_is_found_exactly() {
    let Some((truth, passes)) = through(0.0) else {
        return;
    };
    let mut table = String::from("fate         there  found\n");
    for (fate, (there, found)) in &truth {
        let fate = format!("{fate:?}");
        table += &format!("{fate:<12} {there:>5}  {found:>5}\n");
    }
    table += &format!("in {passes} passes");
    insta::assert_snapshot!(table);
}

/// The share of what answers that `passes` find where each way loses so much.
fn expected(loss: f64, passes: u8) -> f64 {
    let arrives = (1.0 - loss) * (1.0 - loss);
    1.0 - (1.0 - arrives).powi(passes.into())
}

#[test]
fn where_some_is_lost_as_much_is_found_as_there_are_passes_for() {
    for (loss, most) in [(0.01, 2), (0.1, 4), (0.3, 4)] {
        let Some((truth, passes)) = through(loss) else {
            return;
        };
        assert!((2..=most).contains(&passes), "{passes} passes at {loss}");
        let answers = truth.iter().filter(|(fate, _)| **fate != Fate::Silent);
        let (there, found) = answers.fold((0, 0), |sum, (_, one)| (sum.0 + one.0, sum.1 + one.1));
        let share = found as f64 / there as f64;
        let expected = expected(loss, passes);
        eprintln!("{loss}: {found} of {there} in {passes} passes: {share:.4} for {expected:.4}");
        assert!(
            (share - expected).abs() < 0.02,
            "{share} for {expected} at {loss}"
        );
        if loss <= 0.1 {
            assert!(share >= 0.99, "{share} at {loss}");
        }
        assert_eq!(truth.get(&Fate::Silent).map(|silent| silent.1), Some(0));
    }
}
