//! The pace is kept, whatever happens to the thread that keeps it.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use proptest::prelude::*;
use sortie_scanners::engine::{Close, Pacer, PrefixCap};
use sortie_scanners::link::{FarSide as _, MemoryNetwork, Moment};
use sortie_scanners::syn::{SynHost, SynState};
use sortie_scanners::wire::{Ethernet, Ipv4};

use crate::support::{link, run, scan, targets};

/// When each of the probes goes that a loop sends for `seconds`, which is late by what `stall`
/// says, in microseconds.
fn departures(rate: f64, seconds: u64, mut stall: impl FnMut() -> u64) -> Vec<Moment> {
    let mut pacer = Pacer::new(rate, Moment::ZERO);
    let end = Moment::ZERO + Duration::from_secs(seconds);
    let (mut now, mut went) = (Moment::ZERO, Vec::new());
    while now < end {
        match pacer.allowance(now).min(64) {
            0 => now = pacer.ready_at(now) + Duration::from_micros(stall()),
            count => {
                went.extend((0..count).map(|_| now));
                pacer.take(count);
            }
        }
    }
    went
}

/// The same, for a thread that stops after it was allowed to send, too.
fn late_departures(rate: f64, seconds: u64, mut stall: impl FnMut() -> u64) -> Vec<Moment> {
    let mut pacer = Pacer::new(rate, Moment::ZERO);
    let end = Moment::ZERO + Duration::from_secs(seconds);
    let (mut now, mut went) = (Moment::ZERO, Vec::new());
    while now < end {
        match pacer.allowance(now).min(64) {
            0 => now = pacer.ready_at(now) + Duration::from_micros(stall()),
            count => {
                now = now + Duration::from_micros(stall());
                went.extend((0..count).map(|_| now));
                pacer.took(count, now);
            }
        }
    }
    went
}

/// The most that went within 100 ms.
fn busiest(went: &[Moment]) -> usize {
    let mut start = 0;
    let mut most = 0;
    for (index, &at) in went.iter().enumerate() {
        while at - went[start] >= Duration::from_millis(100) {
            start += 1;
        }
        most = most.max(index - start + 1);
    }
    most
}

#[test]
fn a_rate_is_kept_within_one_per_cent_from_ten_a_second_to_three_million() {
    for rate in [
        10.0,
        37.0,
        100.0,
        999.0,
        1_000.0,
        12_345.0,
        100_000.0,
        1_000_000.0,
        3_000_000.0,
    ] {
        let seconds = if rate < 1000.0 { 100 } else { 2 };
        let went = departures(rate, seconds, || 60);
        let kept = went.len() as f64 / (rate * seconds as f64);
        assert!((0.99..1.01).contains(&kept), "{rate}: {kept}");
        let most = (rate * 0.1 * 1.02).ceil() as usize;
        assert!(
            busiest(&went) <= most,
            "{rate}: {} in 100 ms",
            busiest(&went)
        );
    }
}

#[test]
fn a_thread_that_is_a_little_late_twice_keeps_the_rate() {
    for rate in [500.0, 800.0, 1_000.0, 1_100.0, 1_333.0, 1_600.0, 2_500.0] {
        for late in [50, 100, 150] {
            let went = late_departures(rate, 20, || late);
            let kept = went.len() as f64 / (rate * 20.0);
            assert!((0.99..1.01).contains(&kept), "{rate}, {late} us: {kept}");
            let most = (rate * 0.1 * 1.02).ceil() as usize;
            assert!(busiest(&went) <= most, "{rate}: {}", busiest(&went));
        }
    }
}

#[test]
fn stalls_are_made_up_for_without_a_burst() {
    // A stall of 8 ms every 2 s: 0.4 %, which the pacer can make up for.
    let mut calls = 0u64;
    let went = departures(50_000.0, 20, || {
        calls += 1;
        if calls.is_multiple_of(4000) { 8000 } else { 60 }
    });
    let kept = went.len() as f64 / 1_000_000.0;
    assert!((0.99..1.01).contains(&kept), "{kept}");
    assert!(busiest(&went) <= 5100, "{}", busiest(&went));
}

/// The bucket is full, something is to be made up for, and from then on all is punctual: that is when
/// most goes.
#[test]
fn no_rate_bursts_after_a_stall() {
    for rate in (1..3_000).map(f64::from) {
        let mut late = Some(500_000);
        let went = departures(rate, 3, || late.take().unwrap_or_default());
        let promised = (rate * 0.1 * 1.02).ceil() as usize;
        assert!(
            busiest(&went) <= promised,
            "{rate}: {} of {promised}",
            busiest(&went)
        );
    }
}

#[test]
fn after_a_suspended_night_nothing_bursts() {
    let mut pacer = Pacer::new(10_000.0, Moment::ZERO);
    let mut now = Moment::ZERO + Duration::from_secs(8 * 3600);
    let mut sent = 0;
    let end = now + Duration::from_millis(100);
    while now < end {
        match pacer.allowance(now) {
            0 => now = pacer.ready_at(now),
            count => {
                pacer.take(count);
                sent += count;
            }
        }
    }
    assert!(sent <= 1020, "{sent}");
}

#[test]
fn the_scan_keeps_the_rate_that_the_far_end_sees() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let times = Arc::clone(&seen);
    let far =
        move |now: Moment, _: &[u8], _: &mut dyn FnMut(&[u8])| times.lock().unwrap().push(now);
    let link = link(MemoryNetwork::default(), far);
    let scan = scan(targets("198.18.0.0/18", "80"))
        .rate(5000.0)
        .passes(1)
        .senders(2);
    run(&scan, &link);
    let seen = seen.lock().unwrap();
    let took = (*seen.last().unwrap() - seen[0]).as_secs_f64();
    let kept = (seen.len() - 1) as f64 / took / 5000.0;
    assert!((0.99..1.01).contains(&kept), "{kept}");
    assert!(busiest(&seen) <= 510, "{}", busiest(&seen));
}

#[test]
fn no_network_gets_more_than_its_cap_and_none_is_left_out() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let probes = Arc::clone(&seen);
    let far = move |now: Moment, frame: &[u8], _: &mut dyn FnMut(&[u8])| {
        let packet = Ipv4::parse(Ethernet::parse(frame).unwrap().payload).unwrap();
        probes
            .lock()
            .unwrap()
            .push((packet.destination.octets()[2], now, packet.destination));
    };
    let scan = scan(targets("198.18.0.0/22", "80,443"))
        .rate(10_000.0)
        .passes(1)
        .with(|config| {
            config.prefix_cap = Some(PrefixCap::new(50.0));
        });
    let (report, _) = run(&scan, &link(MemoryNetwork::default(), far));
    assert_eq!(report.sent.passes[0], 2048);
    assert!(report.sent.delayed > 0);
    let mut seen = seen.lock().unwrap();
    seen.sort();
    for net in seen.chunk_by(|a, b| a.0 == b.0) {
        assert_eq!(net.len(), 512);
        let took = (net[511].1 - net[0].1).as_secs_f64();
        assert!(511.0 / took <= 50.0 * 1.01, "{}", 511.0 / took);
        assert!(511.0 / took >= 50.0 * 0.95, "{}", 511.0 / took);
    }
}

#[test]
fn canaries_keep_to_the_cap_of_their_network() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let times = Arc::clone(&seen);
    let mut host = SynHost::new(|_| Some(SynState::Open));
    let far = move |now: Moment, frame: &[u8], reply: &mut dyn FnMut(&[u8])| {
        times.lock().unwrap().push(now);
        host.answer(now, frame, reply);
    };
    let scan = scan(targets("198.18.0.0/24", "80")).with(|config| {
        config.prefix_cap = Some(PrefixCap::new(10.0));
        config.close = Close::Others;
    });
    let (report, _) = run(&scan, &link(MemoryNetwork::default(), far));
    assert_eq!(report.class("open"), 256);
    let seen = seen.lock().unwrap();
    let took = (*seen.last().unwrap() - seen[0]).as_secs_f64();
    let rate = (seen.len() - 1) as f64 / took;
    assert!(rate <= 10.1, "{rate}");
}

#[test]
fn senders_take_turns_at_a_low_rate() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let times = Arc::clone(&seen);
    let far =
        move |now: Moment, _: &[u8], _: &mut dyn FnMut(&[u8])| times.lock().unwrap().push(now);
    let scan = scan(targets("198.18.0.0/24", "80"))
        .rate(10.0)
        .passes(1)
        .senders(8);
    run(&scan, &link(MemoryNetwork::default(), far));
    let seen = seen.lock().unwrap();
    assert_eq!(seen.len(), 256);
    // One in 100 ms, and one that is on the edge.
    assert!(busiest(&seen) <= 2, "{}", busiest(&seen));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 50, ..ProptestConfig::default() })]

    #[test]
    fn no_stall_makes_a_burst(
        rate in 2_000.0f64..500_000.0, stalls in prop::collection::vec(0u64..300_000, 1..50),
    ) {
        let mut turn = 0;
        let went = departures(rate, 2, || {
            turn += 1;
            stalls[turn % stalls.len()]
        });
        prop_assert!(busiest(&went) as f64 <= (rate * 0.1 * 1.02).ceil(), "{}", busiest(&went));
    }

    #[test]
    fn no_stall_makes_a_burst_of_the_lowest_rates(
        rate in 1.0f64..2_000.0, stalls in prop::collection::vec(0u64..300_000, 1..50),
    ) {
        // Late to ask, late to send, or punctual.
        let mut turn = 0;
        let mut stall = || {
            turn += 1;
            if turn % 7 < 5 { stalls[turn % stalls.len()] } else { 0 }
        };
        let promised = (rate * 0.1 * 1.02).ceil();
        let went = departures(rate, 20, &mut stall);
        prop_assert!(busiest(&went) as f64 <= promised, "{} of {promised}", busiest(&went));
        let went = late_departures(rate, 20, &mut stall);
        prop_assert!(busiest(&went) as f64 <= promised, "{} of {promised}", busiest(&went));
    }

    #[test]
    fn no_stall_on_the_way_to_the_link_makes_a_burst(
        rate in 200.0f64..80_000.0, stalls in prop::collection::vec(0u64..300_000, 1..50),
    ) {
        let mut turn = 0;
        let went = late_departures(rate, 2, || {
            turn += 1;
            // Late to ask, so the bucket is full; then late to send.
            if turn % 20 < 2 { stalls[turn % stalls.len()] } else { 20 }
        });
        prop_assert!(busiest(&went) as f64 <= (rate * 0.1 * 1.02).ceil(), "{}", busiest(&went));
    }
}
