//! A real interface, with a kernel behind it that answers for a hundred thousand addresses. Needs
//! root; says so where it is not there.

use std::collections::BTreeMap;
use std::net::TcpStream;
use std::process::Command;
use std::time::{Duration, Instant};

use lab::bed::{Bed, Fate, Responder, SCAN_INTERFACE};
use sortie_scanners::engine::{Found, Report};
use sortie_scanners::link::{AfPacket, AfPacketOptions, Filter, Link as _};
use sortie_scanners::scope::Scope;
use sortie_scanners::syn::{SynAnswer, SynScan, SynState};
use sortie_scanners::target::TargetSet;

/// A bed, or the reason why there is none, said aloud.
pub(crate) fn bed(responder: Responder) -> Option<Bed> {
    if let Some(why) = Bed::missing(&responder) {
        eprintln!("skipped: {why}");
        return None;
    }
    Some(Bed::up(responder).unwrap())
}

pub(crate) fn scope(deny: &[&str]) -> Scope {
    let allow = ["198.18.0.0/15", "2001:db8:1::/48"];
    let builder = allow.iter().fold(Scope::builder(), |b, net| {
        b.allow_net(net.parse::<ipnet::IpNet>().unwrap())
    });
    deny.iter()
        .fold(builder, |b, net| {
            b.deny_net(net.parse::<ipnet::IpNet>().unwrap())
        })
        .build()
        .unwrap()
}

/// Runs `scan` on the bed.
pub(crate) fn run(bed: &Bed, scan: &SynScan, scope: &Scope) -> (Report, Vec<Found<SynAnswer>>) {
    bed.enter(|| {
        let toward = ["198.18.0.1", "2001:db8:1::1"]
            .map(|addr| scope.admit_ip(addr.parse().unwrap()).unwrap());
        let options = AfPacketOptions {
            ring_bytes: 4 << 20,
            ..AfPacketOptions::default()
        };
        let link = AfPacket::toward(&toward, &options).unwrap();
        let mut all = Vec::new();
        let mut keep = |found: &Found<SynAnswer>| all.push(*found);
        let report = scan.run(&link, &mut keep).unwrap();
        (report, all)
    })
}

pub(crate) fn fate(state: SynState) -> Fate {
    match state {
        SynState::Open | SynState::Decoy => Fate::Open,
        SynState::Closed => Fate::Closed,
        SynState::Unreachable(_) => Fate::Unreachable,
    }
}

#[test]
fn what_a_kernel_answers_is_found_and_nothing_else() {
    let Some(bed) = bed(Responder::kernel([80])) else {
        return;
    };
    let scope = scope(&[]);
    let targets = TargetSet::builder()
        .addrs("198.18.4.0/22, 2001:db8:1::/120")
        .ports("80,81")
        .build(&scope)
        .unwrap();
    let chunk = sortie_scanners::target::Chunk::all(&targets, 1);
    let all = targets.chunk(&chunk).unwrap();
    let mut expected = BTreeMap::new();
    for position in all.positions() {
        let target = all.get(position).unwrap();
        let fate = bed.fate(target.addr(), target.port()).unwrap();
        *expected.entry(fate).or_insert(0u64) += 1;
    }
    let scan = SynScan::new(targets).rate(5000.0).passes(3).with(|config| {
        config.cooldown = Duration::from_secs(1);
    });
    let (report, found) = run(&bed, &scan, &scope);
    for found in &found {
        let truth = bed.fate(found.target.addr(), found.target.port());
        assert_eq!(Some(fate(found.answer.state)), truth, "{}", found.target);
    }
    let of = |fate: Fate| expected.get(&fate).copied().unwrap_or_default();
    assert_eq!(report.class("open"), of(Fate::Open));
    assert_eq!(report.class("closed"), of(Fate::Closed));
    assert_eq!(report.class("decoy"), 0);
    // The kernel limits how many errors it sends: those that it spared us look silent.
    assert!(report.class("unreachable") > 0);
    assert!(report.class("unreachable") <= of(Fate::Unreachable));
    assert_eq!(report.received.forged, 0);
    assert_eq!(report.received.malformed, 0);
    assert_eq!(report.dropped, 0);
}

/// Denied, and what it lies in; of both versions of IP.
#[test]
fn nothing_is_sent_to_what_is_denied() {
    let watched = [
        "198.18.8.64/26",
        "198.18.8.0/24",
        "2001:db8:1::40/122",
        "2001:db8:1::/120",
    ];
    let responder = Responder::Kernel {
        ports: vec![80],
        loss: 0,
        watched: watched.map(|net| net.parse().unwrap()).to_vec(),
    };
    let Some(bed) = bed(responder) else {
        return;
    };
    let scope = scope(&["198.18.8.64/26", "2001:db8:1::40/122"]);
    let targets = TargetSet::builder()
        .addrs("198.18.8.0/24, 2001:db8:1::/120")
        .ports("80");
    let targets = targets.build(&scope).unwrap();
    let scan = SynScan::new(targets).rate(2000.0).with(|config| {
        config.cooldown = Duration::from_secs(1);
    });
    let ((report, _), arrivals) = bed.arrivals(|| run(&bed, &scan, &scope)).unwrap();
    let counts = bed.watched().unwrap();
    assert_eq!((counts[0], counts[2]), (0, 0));
    assert!(counts[1] + counts[3] >= report.sent.probes());
    assert_eq!((counts[1] > 192, counts[3] > 192), (true, true));
    assert_eq!(report.targets, 2 * 192);
    // Every frame, by its own address, and not by the rules of the far side.
    assert_eq!(arrivals.len() as u64, report.sent.probes());
    for arrival in &arrivals {
        assert!(scope.admit_ip(arrival.to.ip()).is_ok(), "{}", arrival.to);
    }
}

#[test]
fn the_rate_is_never_passed_on_a_real_clock() {
    let Some(bed) = bed(Responder::kernel([80])) else {
        return;
    };
    let scope = scope(&[]);
    let targets = TargetSet::builder().addrs("198.18.0.0/19").ports("9");
    let targets = targets.build(&scope).unwrap();
    let scan = SynScan::new(targets).rate(4000.0).passes(1).with(|config| {
        config.cooldown = Duration::ZERO;
        config.canaries = false;
    });
    let start = Instant::now();
    let (report, _) = run(&bed, &scan, &scope);
    assert!(start.elapsed() >= report.sending);
    let rate = 8192.0 / report.sending.as_secs_f64();
    // How much slower it is depends on who else uses the machine; see the tests in virtual time.
    assert!(rate < 4041.0, "{rate}");
}

#[test]
fn a_wait_may_be_without_end() {
    let Some(bed) = bed(Responder::kernel([80])) else {
        return;
    };
    bed.run(Command::new("ip").args(["neigh", "del", "192.0.2.2", "dev", SCAN_INTERFACE]))
        .unwrap();
    let target = scope(&[]).admit_ip([198, 18, 0, 0].into()).unwrap();
    let count = bed.enter(|| {
        let options = AfPacketOptions {
            patience: Duration::MAX,
            ..AfPacketOptions::default()
        };
        let link = AfPacket::toward(&[target], &options).unwrap();
        let filter = Filter {
            v4: Some([192, 0, 2, 1].into()),
            ..Filter::new(0..=u16::MAX)
        };
        let mut receive = link.receive(&filter).unwrap();
        TcpStream::connect("198.18.0.0:80").unwrap();
        receive.receive(Duration::MAX, &mut |_, _| ()).unwrap()
    });
    assert!(count > 0);
}
