//! Passes are added where loss makes it necessary, and nowhere else.

use std::net::{IpAddr, SocketAddr};
use std::ops::ControlFlow;
use std::time::Duration;

use sortie_scanners::engine::{Checkpoint, Found, Observer, Progress, Reach, Report};
use sortie_scanners::link::{Impairment, MemoryNetwork};
use sortie_scanners::syn::{Reason, SynAnswer, SynHost, SynScan, SynState};

use crate::support::{assert_truth, link, run, scan, sixteenths, targets};

/// Of 16,384 targets, as many answer.
const ANSWER: u64 = 6 * (1 << 14) / 16;

fn losing(loss: f64, seed: u64) -> MemoryNetwork {
    MemoryNetwork {
        seed,
        forth: Impairment {
            loss,
            delay: Duration::from_millis(20),
            ..Impairment::default()
        },
        ..MemoryNetwork::default()
    }
}

fn subject() -> SynScan {
    scan(targets("198.18.0.0/18", "443"))
}

fn through(loss: f64, scan: &SynScan) -> Report {
    let (report, found) = run(scan, &link(losing(loss, 5), SynHost::new(sixteenths)));
    assert_truth(&found, sixteenths);
    let classes: u64 = report.classes.iter().map(|(_, count)| count).sum();
    assert_eq!(classes + report.silent, report.targets);
    assert_eq!(classes, report.received.by_pass.iter().sum::<u64>());
    report
}

#[test]
fn an_added_pass_keeps_rate_and_distance_and_counts_in_the_confidence() {
    let report = through(0.1, &subject());
    assert_eq!(report.passes, 3);
    let [first, second, third, fourth, ..] = report.sent.passes;
    assert_eq!((first, fourth), (1 << 14, 0));
    // It goes to the silent only.
    assert_eq!(third, second - report.received.by_pass[1]);
    let sure = report.confidence.unwrap();
    assert!((sure.found - 0.999).abs() < 0.000_5, "{sure:?}");
    assert!((sure.found_at_least - 0.998).abs() < 0.001, "{sure:?}");
    let rate = report.sent.probes() as f64 / report.sending.as_secs_f64();
    assert!(rate < 20_000.0, "{rate}");
}

#[test]
fn a_share_that_was_asked_for_decides_how_many_passes_there_are() {
    let passes = |share, most| {
        let reach = Reach {
            share,
            passes: most,
        };
        let scan = subject().with(|config| config.reach = Some(reach));
        through(0.1, &scan).passes
    };
    assert_eq!(passes(0.98, 8), 2);
    assert_eq!(passes(0.995, 8), 3);
    assert_eq!(passes(0.999_5, 8), 4);
    assert_eq!(passes(0.999_5, 3), 3, "no more than may be");
}

#[test]
fn a_scan_of_one_pass_keeps_to_it() {
    assert_eq!(through(0.3, &subject().passes(1)).passes, 1);
}

#[test]
fn without_a_reach_there_is_what_was_asked_for() {
    let scan = subject().with(|config| config.reach = None);
    let report = through(0.3, &scan);
    assert_eq!((report.passes, report.sent.passes[2]), (2, 0));
}

#[test]
fn where_nobody_answers_nothing_is_added() {
    let (report, _) = run(&subject(), &link(losing(0.1, 5), SynHost::new(|_| None)));
    assert_eq!((report.passes, report.confidence), (2, None));
}

/// Whether the address is one of so many.
fn one_in(count: u32, target: SocketAddr) -> bool {
    match target.ip() {
        IpAddr::V4(v4) => v4.to_bits().is_multiple_of(count),
        IpAddr::V6(_) => false,
    }
}

#[test]
fn networks_that_lose_much_do_not_hide_among_those_that_lose_nothing() {
    for most in [4, 6, 8] {
        let reach = Reach {
            share: 0.995,
            passes: most,
        };
        let scan = subject().with(|config| config.reach = Some(reach));
        let mut dice = 1u64;
        // Every second one listens; of every third, half of what comes is lost.
        let far = SynHost::new(move |target| {
            dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let lost = one_in(3, target) && dice >> 63 == 1;
            (one_in(2, target) && !lost).then_some(SynState::Open)
        });
        let (report, found) = run(&scan, &link(MemoryNetwork::default(), far));
        let found = found.len() as f64 / (report.targets / 2) as f64;
        let sure = report.confidence.unwrap();
        // By the first two passes alone it would be 99.9 % after three.
        assert!(report.passes >= most.min(6), "{}", report.passes);
        assert!((sure.found - found).abs() < 0.006, "{sure:?} for {found}");
        assert!(sure.found_at_least <= found, "{sure:?} for {found}");
        assert!((sure.loss.share - 0.5).abs() < 0.1, "{sure:?}");
    }
}

#[test]
fn a_first_pass_that_was_lost_is_forgotten_when_later_ones_found_all() {
    let mut seen = 0;
    let far = SynHost::new(move |target| {
        seen += 1;
        (seen > 15_000 && one_in(2, target)).then_some(SynState::Open)
    });
    let (report, found) = run(&subject(), &link(MemoryNetwork::default(), far));
    assert_eq!(found.len() as u64, report.targets / 2);
    assert_eq!(report.passes, 3, "one more, because the second found more");
    let sure = report.confidence.unwrap();
    assert_eq!(sure.found, 1.0, "{sure:?}");
}

#[test]
fn where_everybody_has_answered_nobody_is_missing() {
    let far = SynHost::new(|_| Some(SynState::Open));
    let scan = subject().with(|config| {
        config.reach = Some(Reach {
            share: 0.999_99,
            passes: 8,
        });
    });
    let (report, _) = run(&scan, &link(losing(0.1, 5), far));
    assert_eq!(report.silent, 0);
    let sure = report.confidence.unwrap();
    assert_eq!((sure.found, sure.found_at_least), (1.0, 1.0));
}

/// Routers limit how many errors they send: these come anew in every pass, and say nothing of loss.
#[test]
fn errors_that_a_router_limits_add_no_pass() {
    let limited = |with_open: bool| {
        let mut seen = 0u32;
        SynHost::new(move |target: SocketAddr| {
            let open = with_open && target.to_string().contains("7:");
            seen += 1;
            let error = SynState::Unreachable(Reason::Host);
            match open {
                true => Some(SynState::Open),
                false => seen.is_multiple_of(10).then_some(error),
            }
        })
    };
    let (report, _) = run(&subject(), &link(MemoryNetwork::default(), limited(true)));
    assert_eq!(report.passes, 2);
    assert!(report.received.by_pass[1] > 1000);
    assert_eq!(report.confidence.unwrap().found, 1.0);

    let (report, _) = run(&subject(), &link(MemoryNetwork::default(), limited(false)));
    assert_eq!((report.passes, report.confidence), (2, None));
}

#[test]
fn few_source_ports_are_for_the_passes_that_were_asked_for() {
    // For two passes and canaries, and none more.
    let scan = subject().source_ports(61_000..=61_047);
    assert_eq!(through(0.1, &scan).passes, 2);
    let scan = subject().source_ports(61_000..=61_063);
    assert_eq!(through(0.1, &scan).passes, 3);
}

/// Stops when so many probes of a pass have gone.
struct Stops {
    pass: usize,
    sent: u64,
}

impl Observer<SynAnswer> for Stops {
    fn found(&mut self, _: &Found<SynAnswer>) {}

    fn progress(&mut self, progress: &Progress) -> ControlFlow<()> {
        match progress.sent.passes[self.pass] >= self.sent {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        }
    }
}

#[test]
fn a_scan_that_is_stopped_is_judged_by_the_passes_that_are_over() {
    let stopped = |pass, senders| {
        let mut stops = Stops { pass, sent: 2_000 };
        let link = link(losing(0.1, 5), SynHost::new(sixteenths));
        let report = subject().senders(senders).run_by_turns(&link, &mut stops);
        let report = report.unwrap();
        assert!(!report.complete && report.sent.passes[pass] >= 2_000);
        report.confidence
    };
    for senders in [1, 3] {
        assert_eq!(stopped(0, senders), None, "the first has said nothing yet");
        let sure = stopped(2, senders).unwrap();
        assert!((sure.found - 0.99).abs() < 0.003, "{sure:?}");
    }
}

#[test]
fn a_pass_whose_answers_are_under_way_is_not_over() {
    let slow = Impairment {
        delay: Duration::from_millis(400),
        ..Impairment::default()
    };
    let network = MemoryNetwork {
        back: slow,
        ..losing(0.3, 5)
    };
    let scan = subject().with(|config| config.canaries = false);
    let all = link(network.clone(), SynHost::new(sixteenths));
    let sent = run(&scan, &all).0.sent.passes[1];
    let mut stops = Stops { pass: 1, sent };
    let link = link(network, SynHost::new(sixteenths));
    let report = scan.run_by_turns(&link, &mut stops).unwrap();
    // Of those who were silent at first a few have answered by now.
    assert!(report.sent.passes[1] == sent && report.received.by_pass[1] > 100);
    assert_eq!(report.confidence, None);
}

#[test]
fn several_senders_add_a_pass_together() {
    let report = through(0.1, &subject().senders(3));
    assert_eq!(report.passes, 3);
    assert!(report.received.targets() as f64 >= 0.99 * ANSWER as f64);
    assert_eq!(
        report.sent.passes[2],
        report.sent.passes[1] - report.received.by_pass[1]
    );
}

#[test]
fn a_share_or_a_number_of_passes_that_cannot_be_is_refused() {
    for (share, passes, what) in [
        (1.0, 4, "reach.share must be above 0 and below 1"),
        (f64::NAN, 4, "reach.share must be above 0 and below 1"),
        (0.9, 0, "reach.passes must be 1 to 8"),
        (0.9, 9, "reach.passes must be 1 to 8"),
    ] {
        let scan = subject().with(|config| config.reach = Some(Reach { share, passes }));
        let link = link(losing(0.0, 5), SynHost::new(sixteenths));
        let none = &mut |_: &Found<SynAnswer>| {};
        let error = scan.run_by_turns(&link, none).unwrap_err();
        assert_eq!(error.to_string(), what);
    }
}

/// Dies when so many probes of the third pass are gone, and keeps the last checkpoint.
struct Mortal {
    sent: u64,
    found: Vec<Found<SynAnswer>>,
    kept: Option<(usize, Checkpoint)>,
}

impl Observer<SynAnswer> for Mortal {
    fn found(&mut self, found: &Found<SynAnswer>) {
        self.found.push(*found);
    }

    fn progress(&mut self, progress: &Progress) -> ControlFlow<()> {
        match progress.sent.passes[2] >= self.sent {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        }
    }

    fn checkpoint(&mut self, checkpoint: &Checkpoint) {
        self.kept = Some((self.found.len(), checkpoint.clone()));
    }
}

#[test]
fn a_scan_that_is_killed_in_an_added_pass_goes_on_in_it() {
    let scan = subject().rate(2000.0).senders(2).with(|config| {
        config.checkpoint_every = Some(Duration::from_secs(1));
    });
    let mut mortal = Mortal {
        sent: 5000,
        found: Vec::new(),
        kept: None,
    };
    let report = scan
        .run_by_turns(&link(losing(0.1, 5), SynHost::new(sixteenths)), &mut mortal)
        .unwrap();
    assert!(!report.complete);
    let sent = report.sent.passes[2];
    let (kept, checkpoint) = mortal.kept.unwrap();
    let mut found = mortal.found;
    found.truncate(kept);

    let (report, rest) = run(
        &scan.resume(checkpoint),
        &link(losing(0.1, 6), SynHost::new(sixteenths)),
    );
    found.extend(rest);
    assert_truth(&found, sixteenths);
    assert_eq!(found.len() as u64 + report.silent, report.targets);
    assert_eq!(report.passes, 3);
    // Of the third pass, what was not surely done; of those before it, nothing.
    let [first, second, third, ..] = report.sent.passes;
    assert_eq!((first, second), (0, 0));
    // What the passes before it found is known, too.
    let sure = report.confidence.unwrap();
    assert!((sure.found - 0.999).abs() < 0.001, "{sure:?}");
    assert!(
        third > 0 && third <= 10_340 - sent + 2000,
        "{third} after {sent}"
    );
    assert!(found.len() as f64 >= 0.99 * ANSWER as f64);
}
