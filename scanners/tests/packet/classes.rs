//! Each target ends in the class that it is of, and the classes add up.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use sortie_scanners::engine::{Close, Found, Received};
use sortie_scanners::link::{FarSide, Faults, Faulty, MemoryNetwork, Moment};
use sortie_scanners::syn::{Reason, SynAnswer, SynHost, SynState, SynStyle};
use sortie_scanners::wire::{Ethernet, Ipv4, Tcp, TcpFlags};

use crate::support::{assert_truth, info, link, run, scan, sixteenths, targets};

#[test]
fn every_target_ends_in_its_class_and_the_classes_add_up() {
    let targets = targets("198.18.0.0/20, 2001:db8::/120", "22,443");
    let total = targets.len() as u64;
    let link = link(MemoryNetwork::default(), SynHost::new(sixteenths));
    let (report, found) = run(&scan(targets), &link);
    assert_truth(&found, sixteenths);
    assert!(report.complete);
    let sixteenth = total / 16;
    assert_eq!(report.class("open"), sixteenth);
    assert_eq!(report.class("closed"), 3 * sixteenth);
    assert_eq!(report.class("decoy"), sixteenth);
    assert_eq!(report.class("unreachable"), sixteenth);
    assert_eq!(report.silent, 10 * sixteenth);
    // The second pass goes to the silent only.
    assert_eq!(report.sent.passes[..2], [total, 10 * sixteenth]);
    assert_eq!(report.received.by_pass[1], 0);
    assert_eq!(report.received.forged + report.received.malformed, 0);
}

#[test]
fn every_reason_is_told_apart() {
    let reasons = [
        Reason::Network,
        Reason::Host,
        Reason::Protocol,
        Reason::Port,
        Reason::Prohibited,
        Reason::HopLimit,
        Reason::Other,
    ];
    let link = link(
        MemoryNetwork::default(),
        SynHost::new(move |target: std::net::SocketAddr| {
            let reason = reasons.get(usize::from(target.port()) - 1);
            reason.map(|&reason| SynState::Unreachable(reason))
        }),
    );
    let (_, mut found) = run(&scan(targets("198.18.0.1", "1-7")), &link);
    found.sort_by_key(|found| found.target.port());
    let states: Vec<_> = found.iter().map(|found| found.answer.state).collect();
    assert_eq!(states, reasons.map(SynState::Unreachable));
    // Who says so is the router, not the target.
    assert!(
        found
            .iter()
            .all(|found| found.answer.from != found.target.addr())
    );
}

#[test]
fn every_style_is_answered_and_has_its_size() {
    let styles = [
        (SynStyle::Windows, 66),
        (SynStyle::Linux, 74),
        (SynStyle::SegmentSize, 58),
        (SynStyle::Bare, 54),
    ];
    for (style, len) in styles {
        let sizes = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&sizes);
        let mut host = SynHost::new(|_| Some(SynState::Open));
        let far = move |now: Moment, frame: &[u8], reply: &mut dyn FnMut(&[u8])| {
            seen.lock().unwrap().push(frame.len());
            host.answer(now, frame, reply);
        };
        let link = link(MemoryNetwork::default(), far);
        let (report, _) = run(&scan(targets("198.18.0.1", "80")).style(style), &link);
        assert_eq!(report.class("open"), 1, "{style:?}");
        assert_eq!(sizes.lock().unwrap()[0], len, "{style:?}");
    }
}

#[test]
fn connections_are_reset_with_the_number_that_the_target_waits_for() {
    let resets = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&resets);
    let mut host = SynHost::new(sixteenths);
    let far = move |now: Moment, frame: &[u8], reply: &mut dyn FnMut(&[u8])| {
        let packet = Ipv4::parse(Ethernet::parse(frame).unwrap().payload).unwrap();
        Tcp::verify(
            packet.payload,
            packet.source.into(),
            packet.destination.into(),
        )
        .unwrap();
        let segment = Tcp::parse(packet.payload).unwrap();
        if segment.flags == TcpFlags::RST {
            seen.lock()
                .unwrap()
                .push((packet.destination, segment.destination, segment.seq));
        }
        // SYN-ACKs of the host acknowledge the SYN's number plus one.
        host.answer(now, frame, reply);
    };
    let scan = scan(targets("198.18.0.0/24", "80")).with(|config| {
        config.close = Close::Ours;
        config.canaries = false;
    });
    let link = link(MemoryNetwork::default(), far);
    let (report, found) = run(&scan, &link);
    let answered_syn_ack = report.class("open") + report.class("decoy");
    assert_eq!(report.received.closed, answered_syn_ack);
    assert_eq!(report.received.left_open, 0);
    let resets = resets.lock().unwrap();
    assert_eq!(resets.len() as u64, answered_syn_ack);
    let open = |found: &&Found<SynAnswer>| found.answer.state == SynState::Open;
    for found in found.iter().filter(open) {
        let of = |reset: &&(std::net::Ipv4Addr, u16, u32)| reset.0 == found.target.addr();
        assert_eq!(resets.iter().filter(of).count(), 1);
    }
}

#[test]
fn answers_that_come_all_at_once_are_all_reset() {
    const COUNT: usize = 8192;
    let mut host = SynHost::new(|_| Some(SynState::Open));
    let (mut probes, mut resets) = (Vec::new(), 0);
    let far = move |now: Moment, frame: &[u8], reply: &mut dyn FnMut(&[u8])| {
        let packet = Ipv4::parse(Ethernet::parse(frame).unwrap().payload).unwrap();
        if Tcp::parse(packet.payload).unwrap().flags == TcpFlags::RST {
            resets += 1;
            assert!(resets <= COUNT, "one for each");
            return;
        }
        probes.push(frame.to_vec());
        if probes.len() == COUNT {
            for probe in &probes {
                host.answer(now, probe, reply);
            }
        }
    };
    let scan = scan(targets("198.18.0.0/19", "80"))
        .passes(1)
        .with(|config| {
            config.close = Close::Ours;
            config.canaries = false;
        });
    let (report, _) = run(&scan, &link(MemoryNetwork::default(), far));
    assert_eq!(report.class("open"), COUNT as u64);
    let Received {
        closed, left_open, ..
    } = report.received;
    assert_eq!((closed, left_open), (COUNT as u64, 0));
}

#[test]
fn resets_that_a_full_link_does_not_take_go_later() {
    let scan = scan(targets("198.18.0.0/22", "80")).with(|config| {
        config.close = Close::Ours;
        config.canaries = false;
    });
    let host = SynHost::new(|_| Some(SynState::Open));
    let faults = Faults {
        seed: 3,
        full: 0.5,
        short: 0.5,
        ..Faults::default()
    };
    let link = Faulty::new(link(MemoryNetwork::default(), host), faults);
    let report = scan
        .run_by_turns(&link, &mut |_: &Found<SynAnswer>| {})
        .unwrap();
    let Received {
        closed, left_open, ..
    } = report.received;
    assert_eq!((report.class("open"), closed, left_open), (1024, 1024, 0));
}

#[test]
fn a_second_pass_comes_from_other_ports_a_second_later() {
    let probes = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&probes);
    let far = move |now: Moment, frame: &[u8], _: &mut dyn FnMut(&[u8])| {
        let packet = Ipv4::parse(Ethernet::parse(frame).unwrap().payload).unwrap();
        let segment = Tcp::parse(packet.payload).unwrap();
        seen.lock()
            .unwrap()
            .push((packet.destination, now, segment.source, segment.seq));
    };
    let link = link(MemoryNetwork::default(), far);
    run(&scan(targets("198.18.0.0/26", "80")).passes(3), &link);
    let mut probes = probes.lock().unwrap();
    probes.sort();
    assert_eq!(probes.len(), 64 * 3);
    for probe in probes.chunks(3) {
        let [first, second, third] = probe else {
            panic!("three each")
        };
        for (early, late) in [(first, second), (second, third)] {
            assert!((late.1 - early.1).as_secs_f64() >= 1.0);
            assert!(early.2 != late.2 && early.3 != late.3);
        }
    }
}

#[test]
fn a_checkpoint_may_never_be_due() {
    let scan = scan(targets("198.18.0.0/24", "80"));
    let scan = scan.with(|config| config.checkpoint_every = Some(Duration::MAX));
    let link = link(MemoryNetwork::default(), SynHost::new(sixteenths));
    assert!(run(&scan, &link).0.complete);
}

#[test]
fn targets_without_a_way_are_refused_before_anything_is_sent() {
    let mut info = info();
    info.v6 = None;
    let far = |_: Moment, _: &[u8], _: &mut dyn FnMut(&[u8])| panic!("something was sent");
    let link = sortie_scanners::link::MemoryLink::new(info, MemoryNetwork::default(), far);
    let scan = scan(targets("198.18.0.1, 2001:db8::1", "80"));
    let error = scan
        .run_by_turns(&link, &mut |_: &Found<SynAnswer>| {})
        .unwrap_err();
    assert!(error.to_string().contains("V6 targets"), "{error}");
}

#[test]
fn threads_find_what_turns_find() {
    let scan = scan(targets("198.18.0.0/20", "80")).senders(3).rate(1e6);
    let link = link(MemoryNetwork::default(), SynHost::new(sixteenths));
    let mut found = Vec::new();
    // The clock of this link goes when the receiver waits, so it is soon over.
    let report = scan
        .run(&link, &mut |one: &Found<SynAnswer>| found.push(*one))
        .unwrap();
    assert_truth(&found, sixteenths);
    assert_eq!(report.class("open"), 256);
    assert_eq!(report.silent, 2560);
    assert_eq!(report.sent.passes[0], 4096);
}
