//! A network whose truth is known.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use sortie_scanners::engine::{Found, Report};
use sortie_scanners::link::{FarSide, LinkInfo, MacAddr, MemoryLink, MemoryNetwork, Path};
use sortie_scanners::probe::CookieKey;
use sortie_scanners::scope::Scope;
use sortie_scanners::syn::{Reason, SynAnswer, SynScan, SynState};
use sortie_scanners::target::TargetSet;

pub(crate) const OURS: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);

pub(crate) fn info() -> LinkInfo {
    let mut info = LinkInfo::new("memory", MacAddr([2, 0, 0, 0, 0, 1]));
    let next_hop = MacAddr([2, 0, 0, 0, 0, 2]);
    info.v4 = Some(Path {
        source: OURS,
        next_hop,
    });
    info.v6 = Some(Path {
        source: "2001:db8:ffff::1".parse().unwrap(),
        next_hop,
    });
    info
}

pub(crate) fn link(network: MemoryNetwork, far: impl FarSide + 'static) -> MemoryLink {
    MemoryLink::new(info(), network, far)
}

pub(crate) fn scope() -> Scope {
    ["198.18.0.0/15", "2001:db8::/32"]
        .iter()
        .fold(Scope::builder(), |b, net| {
            b.allow_net(net.parse::<ipnet::IpNet>().unwrap())
        })
        .build()
        .unwrap()
}

pub(crate) fn targets(addrs: &str, ports: &str) -> TargetSet {
    TargetSet::builder()
        .addrs(addrs)
        .ports(ports)
        .build(&scope())
        .unwrap()
}

/// A scan that goes the same way each time.
pub(crate) fn scan(targets: TargetSet) -> SynScan {
    SynScan::new(targets)
        .seed(1)
        .key(CookieKey::fixed([7; 16]))
        .rate(20_000.0)
}

/// Runs `scan` by turns; the report, and all that was found.
pub(crate) fn run(scan: &SynScan, link: &MemoryLink) -> (Report, Vec<Found<SynAnswer>>) {
    let mut all = Vec::new();
    let mut keep = |found: &Found<SynAnswer>| all.push(*found);
    let report = scan.run_by_turns(link, &mut keep).unwrap();
    (report, all)
}

/// One in sixteen is open, three closed, one prohibited, one a decoy; the others are silent.
pub(crate) fn sixteenths(target: SocketAddr) -> Option<SynState> {
    let low = match target.ip() {
        IpAddr::V4(v4) => v4.octets()[3],
        IpAddr::V6(v6) => v6.octets()[15],
    };
    match low % 16 {
        7 => Some(SynState::Open),
        0..=2 => Some(SynState::Closed),
        9 => Some(SynState::Unreachable(Reason::Prohibited)),
        12 => Some(SynState::Decoy),
        _ => None,
    }
}

/// Whether every answer is the truth, and none came twice.
pub(crate) fn assert_truth(
    found: &[Found<SynAnswer>],
    truth: impl Fn(SocketAddr) -> Option<SynState>,
) {
    let mut seen = std::collections::HashSet::new();
    for found in found {
        let target = SocketAddr::new(found.target.addr(), found.target.port());
        assert_eq!(Some(found.answer.state), truth(target), "{target}");
        assert!(seen.insert(target), "{target} twice");
    }
}
