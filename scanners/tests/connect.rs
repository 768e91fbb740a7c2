//! The fallback without privilege, against loopback and, where it can be, the bed of the lab.
#![allow(clippy::unwrap_used, reason = "the helpers of tests are tests")]

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::ops::ControlFlow;
use std::time::Duration;

use sortie_scanners::connect::{ConnectReport, ConnectScan, PortOutcome};
use sortie_scanners::engine::{Found, Observer, Progress};
use sortie_scanners::scope::Scope;
use sortie_scanners::target::TargetSet;

type States = BTreeMap<(std::net::IpAddr, u16), PortOutcome>;

fn targets(net: &str, ports: &str) -> TargetSet {
    let scope = Scope::builder().allow_net(net.parse::<ipnet::IpNet>().unwrap());
    let targets = TargetSet::builder().addrs(net).ports(ports);
    targets.build(&scope.build().unwrap()).unwrap()
}

async fn run(scan: &ConnectScan) -> (States, ConnectReport) {
    let mut states = States::new();
    let mut observer = |found: &Found<PortOutcome>| {
        let target = (found.target.addr(), found.target.port());
        assert_eq!(
            states.insert(target, found.answer.clone()),
            None,
            "{target:?} twice"
        );
    };
    let report = scan.run(&mut observer).await.unwrap();
    let heard = report.open + report.closed + report.unreachable;
    let others = report.no_route + report.silent + report.not_tried;
    assert_eq!(heard + others, report.targets);
    (states, report)
}

#[tokio::test]
async fn open_and_closed_ports_are_told_apart() {
    let listeners = [(); 3].map(|()| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap());
    let ports = listeners
        .each_ref()
        .map(|listener| listener.local_addr().unwrap().port());
    // The port of a client is taken, and nobody listens there.
    let client = TcpStream::connect((Ipv4Addr::LOCALHOST, ports[0])).unwrap();
    let closed = client.local_addr().unwrap().port();
    let list = format!("{},{},{},{closed}", ports[0], ports[1], ports[2]);
    let (states, report) =
        run(&ConnectScan::new(targets("127.0.0.1/32", &list)).rate(1000.0)).await;
    assert_eq!((report.open, report.closed), (3, 1));
    for (port, answer) in ports
        .map(|port| (port, PortOutcome::Open))
        .into_iter()
        .chain([(closed, PortOutcome::Closed)])
    {
        assert_eq!(states[&(Ipv4Addr::LOCALHOST.into(), port)], answer);
    }
}

#[tokio::test]
async fn a_scan_keeps_its_rate() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    let (_, report) = run(&ConnectScan::new(targets("127.0.0.0/25", &port)).rate(200.0)).await;
    // 128 at 200 a second: the last goes after 635 ms, and never before.
    assert!(report.elapsed >= Duration::from_millis(625), "{report:?}");
}

#[tokio::test]
async fn an_observer_stops_a_scan_and_it_goes_on_where_it_was() {
    struct Stop;
    impl Observer<PortOutcome> for Stop {
        fn found(&mut self, _: &Found<PortOutcome>) {}

        fn progress(&mut self, _: &Progress) -> ControlFlow<()> {
            ControlFlow::Break(())
        }
    }
    let scan = ConnectScan::new(targets("127.0.0.0/18", "9")).rate(100_000.0);
    let report = scan.run(&mut Stop).await.unwrap();
    assert!(report.not_tried > 0, "{report:?}");
    assert_eq!(report.next, 16_384 - report.not_tried);
    let (_, rest) = run(&scan.from(report.next)).await;
    assert_eq!((rest.not_tried, rest.next), (0, 16_384));
    assert_eq!(report.closed + rest.closed, 16_384);
}

#[cfg(target_os = "linux")]
#[test]
fn it_finds_what_is_there_on_the_bed() {
    use lab::bed::{Bed, Fate, Responder};

    let responder = Responder::kernel([80]);
    if let Some(why) = Bed::missing(&responder) {
        eprintln!("skipped: {why}");
        return;
    }
    let bed = Bed::up(responder).unwrap();
    let run_there = |scan: &ConnectScan| {
        bed.enter(|| {
            let runtime = tokio::runtime::Builder::new_current_thread();
            let runtime = { runtime }.enable_all().build().unwrap();
            runtime.block_on(run(scan))
        })
    };
    let scan = ConnectScan::new(targets("198.18.0.0/26", "80,81")).rate(1000.0);
    let (states, report) = run_there(&scan);
    for addr in (0..64).map(|last| [198, 18, 0, last].into()) {
        for port in [80, 81] {
            let expected = match bed.fate(addr, port).unwrap() {
                Fate::Open => Some("open"),
                Fate::Closed => Some("closed"),
                Fate::Unreachable => Some("unreachable"),
                Fate::Silent => None,
            };
            assert_eq!(
                states.get(&(addr, port)).map(PortOutcome::as_str),
                expected,
                "{addr} {port}"
            );
        }
    }
    assert_eq!((report.silent, report.not_tried), (32, 0));

    // The bed has no route but to its own, and says so; a router would speak of the peer.
    for (net, addr) in [
        ("198.51.100.1/32", "198.51.100.1"),
        ("2001:db8:2::1/128", "2001:db8:2::1"),
    ] {
        let (states, report) = run_there(&ConnectScan::new(targets(net, "80")));
        let state = states.get(&(addr.parse().unwrap(), 80));
        assert!(
            matches!(state, Some(PortOutcome::NoRoute(_))),
            "{addr}: {state:?}"
        );
        assert_eq!((report.no_route, report.unreachable), (1, 0));
    }
}
