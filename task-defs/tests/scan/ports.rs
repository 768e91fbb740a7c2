//! Ports by connections, on sockets of this test.

use std::collections::BTreeSet;
use std::fs::File;
use std::net::TcpListener;
use std::process::Command;
use std::time::Duration;

use sortie_task_defs::scan::{Addrs, Method, Part, PortClass, PortRow, PortRows, PortScan, TcpSyn};
use task_core::message::Outcome;
use task_core::{TaskDefinition as _, registry};

use crate::bench::{Bench, Told, in_virtual_time};

fn bench() -> Bench {
    let mut bench = Bench::new(|| registry![PortScan]);
    bench.scope.allow_nets = vec!["127.0.0.0/8".parse().unwrap()];
    bench
}

/// One port of 256 addresses, where somebody listens at the last one.
fn scan(listener: &TcpListener, rate: u32) -> PortScan {
    let part = Part {
        addresses: "127.1.2.0/24".parse::<Addrs>().unwrap(),
        ..Part::default()
    };
    let options = TcpSyn {
        ports: vec![listener.local_addr().unwrap().port()],
        method: Method::Connect,
        rows: PortRows::Answered,
        rate,
        ..TcpSyn::default()
    };
    PortScan::new(part, options)
}

fn listener() -> TcpListener {
    TcpListener::bind("127.1.2.255:0").unwrap()
}

/// How many addresses have a row, each one; and which are open.
fn found(bench: &Bench) -> (usize, Vec<String>) {
    let rows = bench.data.written.lock().unwrap();
    let rows: Vec<PortRow> = rows.iter().map(|row| row.decode().unwrap()).collect();
    let (mut all, mut open) = (BTreeSet::new(), Vec::new());
    for row in rows {
        let PortRow::Port(port) = row else {
            panic!("{row:?}")
        };
        assert!(all.insert(port.address), "{} twice", port.address);
        if port.outcome == PortClass::Open {
            open.push(port.address.to_string());
        }
    }
    (all.len(), open)
}

#[test]
fn a_worker_that_leaves_hands_over_a_scan_by_connections_and_no_port_is_told_twice() {
    in_virtual_time(async {
        let (mut bench, listener) = (bench(), listener());
        // Two and a half seconds of work.
        let scan = scan(&listener, 100);
        let told = Told::ToLeave(Duration::from_secs(1));
        let first = bench.attempt_of(&scan, PortScan::VERSION, told).await;
        assert!(
            matches!(first.outcome, Outcome::Deadline { .. }),
            "{:?}",
            first.outcome
        );
        let (before, _) = found(&bench);
        assert!(
            (90..120).contains(&before),
            "{before} in a second at 100 a second"
        );
        assert_eq!(first.coverage.total(), before as u64);
        let second = bench.attempt(&scan).await;
        assert_eq!(second.outcome, Outcome::Succeeded { children: None });
        assert_eq!(first.coverage.total() + second.coverage.total(), 256);
        assert_eq!(found(&bench), (256, vec!["127.1.2.255".to_owned()]));
    });
}

#[test]
fn a_leg_ends_and_the_next_one_goes_on() {
    in_virtual_time(async {
        let (mut bench, listener) = (bench(), listener());
        let mut scan = scan(&listener, 60);
        scan.options.leg = Duration::from_secs(3);
        let first = bench.attempt(&scan).await;
        assert!(
            matches!(first.outcome, Outcome::Deadline { .. }),
            "{:?}",
            first.outcome
        );
        let second = bench.attempt(&scan).await;
        assert_eq!(second.outcome, Outcome::Succeeded { children: None });
        assert_eq!(found(&bench), (256, vec!["127.1.2.255".to_owned()]));
    });
}

const CHILD: &str = "SORTIE_TEST_STARVED";

/// Runs itself again in a process of its own: the limit would starve the tests beside it.
#[test]
fn a_machine_without_files_for_a_while_asks_every_port_once_in_one_attempt() {
    if std::env::var_os(CHILD).is_some() {
        return starve();
    }
    let child = Command::new("sh")
        .args(["-c", "ulimit -n 64 && exec \"$0\" --exact \"$1\""])
        .arg(std::env::current_exe().unwrap())
        .arg("ports::a_machine_without_files_for_a_while_asks_every_port_once_in_one_attempt")
        .env(CHILD, "1")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&child.stdout);
    assert!(
        child.status.success() && said.contains("1 passed"),
        "{said}"
    );
}

fn starve() {
    in_virtual_time(async {
        let (mut bench, listener) = (bench(), listener());
        let scan = scan(&listener, 10_000);
        let mut hoard: Vec<File> = std::iter::from_fn(|| File::open("/dev/null").ok()).collect();
        assert!(!hoard.is_empty());
        let mut let_go = || hoard.clear();
        let told = Told::Meanwhile(Duration::from_secs(5), &mut let_go);
        let ended = bench.attempt_of(&scan, PortScan::VERSION, told).await;
        assert_eq!(ended.outcome, Outcome::Succeeded { children: None });
        assert_eq!(ended.coverage.total(), 256);
        assert_eq!(found(&bench), (256, vec!["127.1.2.255".to_owned()]));
    });
}
