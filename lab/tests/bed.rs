//! The bed does what its truth says. Needs root; says so where it is not there.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "the helpers of tests are tests")]

use std::io::ErrorKind;
use std::net::{IpAddr, Ipv6Addr, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use sortie_lab::bed::{Bed, Fate, Relay, Responder};

/// A bed, or the reason why there is none, said aloud.
fn bed(responder: Responder) -> Option<Bed> {
    if let Some(why) = Bed::missing(&responder) {
        eprintln!("skipped: {why}");
        return None;
    }
    Some(Bed::up(responder).unwrap())
}

fn probe(addr: IpAddr, port: u16) -> Fate {
    let address = SocketAddr::new(addr, port);
    match TcpStream::connect_timeout(&address, Duration::from_millis(300)) {
        Ok(_) => Fate::Open,
        Err(error) => match error.kind() {
            ErrorKind::ConnectionRefused => Fate::Closed,
            ErrorKind::TimedOut => Fate::Silent,
            _ => Fate::Unreachable,
        },
    }
}

#[test]
fn every_address_does_what_is_known_of_it() {
    let Some(bed) = bed(Responder::kernel([80, 443])) else {
        return;
    };
    for last in 0..16 {
        for port in [80, 81] {
            let v6 = Ipv6Addr::new(0x2001, 0xdb8, 1, 0, 0, 0, 0, last.into());
            for addr in [IpAddr::from([198, 19, 200, last]), v6.into()] {
                let found = bed.enter(|| probe(addr, port));
                let expected = match bed.fate(addr, port) {
                    // The kernel takes the error for a passing trouble and goes on trying.
                    Some(Fate::Unreachable) if addr.is_ipv6() => Some(Fate::Silent),
                    fate => fate,
                };
                assert_eq!(Some(found), expected, "{addr} {port}");
            }
        }
    }
    assert_eq!(bed.fate([198, 20, 0, 0].into(), 80), None);
}

#[test]
fn a_responder_in_the_driver_answers_as_the_kernel_would() {
    for responder in [Responder::AllOpen, Responder::Sparse, Responder::Silence] {
        let Some(bed) = bed(responder) else {
            return;
        };
        for last in [0, 6, 7, 8, 15] {
            for port in [80, 81] {
                let addr = IpAddr::from([198, 18, 3, last]);
                let found = bed.enter(|| probe(addr, port));
                assert_eq!(Some(found), bed.fate(addr, port), "{bed:?} {addr} {port}");
            }
        }
        assert!(bed.reached().unwrap() >= 10);
    }
}

#[test]
fn what_reaches_a_watched_net_is_counted() {
    let Some(bed) = bed(Responder::Kernel {
        ports: vec![80],
        loss: 0,
        watched: vec![
            "198.18.5.0/24".parse().unwrap(),
            "198.18.6.0/24".parse().unwrap(),
        ],
    }) else {
        return;
    };
    let found = bed.enter(|| probe([198, 18, 6, 1].into(), 81));
    assert_eq!(found, Fate::Closed);
    let counts = bed.watched().unwrap();
    assert_eq!(counts[0], 0);
    assert_ne!(counts[1], 0);
}

/// A bed behind a relay, or the reason why there is none, said aloud.
fn behind(delay: u64, loss: f64) -> Option<Bed> {
    let responder = Responder::kernel([80]);
    if let Some(why) = Bed::missing(&responder) {
        eprintln!("skipped: {why}");
        return None;
    }
    let delay = Duration::from_millis(delay);
    let seed = 1;
    Some(Bed::behind(Relay { delay, loss, seed }, responder).unwrap())
}

#[test]
fn a_relay_takes_its_time_and_changes_nothing_else() {
    let Some(bed) = behind(20, 0.0) else {
        return;
    };
    let v6 = |last| IpAddr::from(Ipv6Addr::new(0x2001, 0xdb8, 1, 0, 0, 0, 0, last));
    let v4 = [0, 8, 12, 14].map(|last| IpAddr::from([198, 18, 9, last]));
    // Whether an error of ICMPv6 ends an attempt of the kernel's depends on when it comes.
    for addr in v4.into_iter().chain([0, 8, 14].map(v6)) {
        let started = Instant::now();
        let found = bed.enter(|| probe(addr, 80));
        assert!(started.elapsed() >= Duration::from_millis(40), "{addr}");
        assert_eq!(Some(found), bed.fate(addr, 80), "{addr}");
    }
    assert_eq!(bed.lost(), 0);
}

#[test]
fn a_relay_that_loses_everything_leaves_silence() {
    let Some(bed) = behind(0, 1.0) else {
        return;
    };
    assert_eq!(
        bed.enter(|| probe([198, 18, 9, 0].into(), 80)),
        Fate::Silent
    );
    assert!(bed.lost() > 0);
}

#[test]
fn every_syn_that_arrives_is_kept_in_order() {
    let Some(bed) = bed(Responder::default()) else {
        return;
    };
    let v6 = IpAddr::from(Ipv6Addr::new(0x2001, 0xdb8, 1, 0, 0, 0, 0, 1));
    let all = [IpAddr::from([198, 18, 9, 0]), v6, [198, 18, 9, 1].into()];
    let inside = || all.map(|addr| probe(addr, 80));
    let (found, arrivals) = bed.arrivals(inside).unwrap();
    assert_eq!(found, [Fate::Open; 3]);
    let to: Vec<_> = arrivals.iter().map(|arrival| arrival.to).collect();
    assert_eq!(to, all.map(|addr| SocketAddr::new(addr, 80)));
    assert!(arrivals.is_sorted_by_key(|arrival| arrival.at));
}

#[test]
fn nothing_leads_out_of_a_bed() {
    let Some(bed) = bed(Responder::default()) else {
        return;
    };
    for addr in ["192.0.2.200:80", "203.0.113.1:80", "127.0.0.1:80"] {
        let address = addr.parse().unwrap();
        let limit = Duration::from_millis(100);
        let error = bed.enter(|| TcpStream::connect_timeout(&address, limit));
        assert!(error.is_err(), "{addr}");
    }
}
