//! The rate, as the far end of a real link counts it. Needs root; says so where it is not there.

use std::time::Duration;

use lab::bed::{Arrival, Responder};
use sortie_scanners::syn::SynScan;
use sortie_scanners::target::TargetSet;

use crate::bed::{bed, run, scope};

/// The most that arrived within 100 ms.
fn busiest(arrivals: &[Arrival]) -> usize {
    let mut start = 0;
    let mut most = 0;
    for (index, arrival) in arrivals.iter().enumerate() {
        let first = |start: usize| arrivals[start].at + Duration::from_millis(100);
        while first(start) <= arrival.at {
            start += 1;
        }
        most = most.max(index - start + 1);
    }
    most
}

/// Scans at `rate`, from `senders` threads, `addrs` of which nobody answers; how many arrived, and
/// the most within 100 ms.
fn arrive(rate: u32, senders: usize, addrs: &str) -> Option<(usize, usize)> {
    // Everything is lost behind the place where it is counted, so the far side costs little.
    let bed = bed(Responder::Kernel {
        ports: Vec::new(),
        loss: 100,
        watched: Vec::new(),
    })?;
    let scope = scope(&[]);
    let targets = TargetSet::builder().addrs(addrs).ports("80");
    let targets = targets.build(&scope).unwrap();
    let scan = SynScan::new(targets)
        .rate(rate.into())
        .passes(1)
        .senders(senders)
        .with(|config| config.cooldown = Duration::ZERO);
    let ((report, _), arrivals) = bed.arrivals(|| run(&bed, &scan, &scope)).unwrap();
    assert!(arrivals.len() as u64 <= report.sent.probes());
    assert_eq!(report.sent.probes(), report.targets);
    assert!(arrivals.is_sorted_by_key(|arrival| arrival.at));
    Some((arrivals.len(), busiest(&arrivals)))
}

/// On a machine that is busy with other things a sender stands still now and then, and falls
/// behind. It must not catch up faster than this, whenever that is; so the test does not depend on
/// who else uses the machine.
#[test]
fn no_hundred_milliseconds_have_more_than_two_per_cent_above_the_rate() {
    for (rate, senders, addrs, sent) in [
        (1_000, 1, "198.18.0.0/21", 1 << 11),
        (10_000, 1, "198.18.0.0/18", 1 << 14),
        (10_000, 2, "198.18.0.0/18", 1 << 14),
        (100_000, 1, "198.18.0.0/15", 1 << 17),
        (100_000, 2, "198.18.0.0/15", 1 << 17),
    ] {
        let Some((arrived, most)) = arrive(rate, senders, addrs) else {
            return;
        };
        // At a high rate the far end's own queue may be full for a moment.
        assert!(arrived >= sent / 10 * 9, "{arrived} of {sent} arrived");
        let allowed = (f64::from(rate) * 0.1 * 1.02).ceil() as usize;
        eprintln!("{rate} a second from {senders}: {most} within 100 ms, of {allowed}");
        assert!(most <= allowed, "{most} of {allowed} at {rate}, {senders}");
        // Otherwise nothing was tested; how fast a busy machine can be is another question.
        assert!(
            rate > 10_000 || most >= allowed / 4,
            "{most} of {allowed} at {rate}"
        );
    }
}
