//! The rate follows what the way can carry, and loss is measured by the scan itself.

use std::num::NonZeroU32;
use std::time::Duration;

use sortie_scanners::engine::{Basis, Close, Found, Report};
use sortie_scanners::link::{Impairment, MemoryNetwork};
use sortie_scanners::syn::{SynAnswer, SynHost, SynState};

use crate::support::{link, run, scan, targets};

/// Carries 20,000 frames a second to the far side, and loses what is more.
fn narrow() -> MemoryNetwork {
    let forth = Impairment {
        rate: NonZeroU32::new(20_000),
        queue: 200,
        delay: Duration::from_millis(20),
        ..Impairment::default()
    };
    MemoryNetwork {
        seed: 11,
        forth,
        ..MemoryNetwork::default()
    }
}

fn through(network: MemoryNetwork, adapt: bool, rate: f64) -> Report {
    let scan = scan(targets("198.18.0.0/15", "443,8443"))
        .rate(rate)
        .passes(1);
    let scan = scan.with(move |config| {
        config.adapt = adapt;
        // Resets would take half of the way.
        config.close = Close::Others;
    });
    run(
        &scan,
        &link(network, SynHost::new(|_| Some(SynState::Open))),
    )
    .0
}

#[test]
fn the_rate_backs_off_where_results_would_be_lost() {
    let blunt = through(narrow(), false, 40_000.0);
    let adapted = through(narrow(), true, 40_000.0);
    let share = |report: &Report| report.class("open") as f64 / report.targets as f64;
    assert!(share(&blunt) < 0.55, "{}", share(&blunt));
    let rates: Vec<_> = adapted.steps.iter().map(|step| step.rate).collect();
    assert!(share(&adapted) > 0.85, "{} {rates:?}", share(&adapted));
    // It tried more than there is room for, noticed, and stayed near what there is room for.
    assert!(rates.iter().any(|&rate| rate > 20_000.0), "{rates:?}");
    let late = &rates[rates.len() / 2..];
    let mean = late.iter().sum::<f64>() / late.len() as f64;
    assert!((10_000.0..26_000.0).contains(&mean), "{rates:?}");
}

#[test]
fn where_nothing_is_lost_the_rate_is_reached() {
    let report = through(MemoryNetwork::default(), true, 40_000.0);
    assert_eq!(report.class("open"), 1 << 18);
    let rates: Vec<_> = report.steps.iter().map(|step| step.rate).collect();
    assert!(rates.is_sorted(), "{rates:?}");
    assert_eq!(rates.last(), Some(&40_000.0));
}

#[test]
fn loss_of_the_way_itself_is_no_reason_to_slow_down() {
    let back = Impairment {
        loss: 0.2,
        ..Impairment::default()
    };
    let network = MemoryNetwork {
        seed: 2,
        back,
        ..MemoryNetwork::default()
    };
    let report = through(network, true, 40_000.0);
    assert_eq!(report.steps.last().map(|step| step.rate), Some(40_000.0));
}

#[test]
fn canaries_measure_what_a_single_pass_loses() {
    let forth = Impairment {
        loss: 0.1,
        ..Impairment::default()
    };
    let network = MemoryNetwork {
        seed: 4,
        forth,
        ..MemoryNetwork::default()
    };
    let scan = scan(targets("198.18.0.0/16", "443")).rate(6400.0).passes(1);
    let host = SynHost::new(|_| Some(SynState::Open));
    let (report, found) = run(&scan, &link(network, host));
    let truth = 1.0 - found.len() as f64 / report.targets as f64;
    let confidence = report.confidence.unwrap();
    assert_eq!(confidence.basis, Basis::Canaries);
    let loss = confidence.loss;
    assert!(
        loss.low <= truth && truth <= loss.high,
        "{truth} is not in {loss:?}"
    );
    assert!(loss.trials > 200);
    assert!(report.sent.canaries as f64 <= report.sent.probes() as f64 / 100.0 + 64.0);
}

#[test]
fn answers_that_the_kernel_drops_are_told() {
    let network = MemoryNetwork {
        ring: 8,
        ..MemoryNetwork::default()
    };
    let report = through(network, false, 80_000.0);
    assert!(report.dropped > 0);
    let found = report.class("open");
    assert!(report.silent > 0 && found + report.silent == report.targets);
    let sure = report.confidence.unwrap();
    let share = found as f64 / report.targets as f64;
    assert!(sure.found_at_least <= share, "{sure:?} for {share}");
}

#[test]
fn a_rate_that_adapts_needs_canaries() {
    let scan = scan(targets("198.18.0.1", "443")).with(|config| {
        config.adapt = true;
        config.canaries = false;
    });
    let link = link(MemoryNetwork::default(), SynHost::new(|_| None));
    let error = scan
        .run_by_turns(&link, &mut |_: &Found<SynAnswer>| {})
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "adapt must be off without canaries, which are what the rate follows"
    );
}
