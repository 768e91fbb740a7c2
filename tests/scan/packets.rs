//! Ports by packets, on the bed of the lab, whose every address is known. Needs root; says so where
//! it is not there.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::process::Command;
use std::time::Duration;

use ::lab::bed::{Bed, Fate, Responder};
use serde_json::json;
use sortie::defs::data::InsertData;
use sortie::defs::scan::{
    Aggregate, AskedBy, Counted, Generate, Generated, Method, PortClass, PortRow, PortRows,
    Summary, TcpSyn,
};
use sortie::prelude::*;

use crate::support::{engine, rows, runs, scope};

const PORTS: [u16; 2] = [80, 81];

/// A bed where port 80 is open, and what reaches a net is counted.
fn bed() -> Option<Bed> {
    let responder = Responder::Kernel {
        ports: vec![80],
        loss: 0,
        watched: vec!["198.18.1.0/24".parse().unwrap()],
    };
    if let Some(why) = Bed::missing(&responder) {
        eprintln!("skipped: {why}");
        return None;
    }
    Some(Bed::up(responder).unwrap())
}

/// Runs `test` on a runtime whose threads are all behind the link.
fn inside<F: Future<Output = ()>>(bed: &Bed, test: impl FnOnce() -> F + Send) {
    bed.enter(|| {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(test());
    });
}

fn workflow(hosts: Vec<serde_json::Value>, options: TcpSyn, deny: &[&str]) -> Workflow {
    let mut spec = scope(&["in.example"], &["198.18.0.0/15", "2001:db8:1::/48"]);
    spec.deny_nets = deny.iter().map(|net| net.parse().unwrap()).collect();
    Workflow::new("packets")
        .scope(spec.to_json())
        .task("hosts", InsertData { rows: hosts })
        .generate(
            "ports",
            Generate::new("hosts", options).chunk(500),
            |scans| scans,
        )
        .aggregate("outcomes", Aggregate::<TcpSyn>::new("ports"))
}

type Found = BTreeMap<(IpAddr, u16), PortClass>;

/// What was found of each port, and how many have no row; each port once.
fn sort(rows: Vec<PortRow>, by: AskedBy) -> (Found, Vec<Counted>) {
    let (mut found, mut counted) = (Found::new(), Vec::new());
    for row in rows {
        match row {
            PortRow::Port(port) => {
                assert_eq!(port.method, by);
                let at = (port.address, port.port);
                assert_eq!(found.insert(at, port.outcome), None, "{at:?} twice");
            }
            PortRow::Counted(many) => counted.push(many),
        }
    }
    (found, counted)
}

/// What there is to be found, by the lab's word; how many are silent.
fn truth(bed: &Bed, hosts: impl Iterator<Item = IpAddr>) -> (Found, u64) {
    let (mut found, mut silent) = (Found::new(), 0);
    for (addr, port) in hosts.flat_map(|addr| PORTS.map(|port| (addr, port))) {
        let class = match bed.fate(addr, port).unwrap() {
            Fate::Open => PortClass::Open,
            Fate::Closed => PortClass::Closed,
            Fate::Unreachable => PortClass::Unreachable,
            Fate::Silent => {
                silent += 1;
                continue;
            }
        };
        found.insert((addr, port), class);
    }
    (found, silent)
}

fn total(counted: &[Counted], class: PortClass) -> u64 {
    let of_class = counted.iter().filter(|many| many.outcome == class);
    of_class.map(|many| many.count).sum()
}

/// Holds the rows of 198.18.2.0/25 against the truth: the open ports are told one by one, as they are
/// unless more is asked for, and the others counted. Returns the counts.
fn only_open_ones_are_told(bed: &Bed, rows: Vec<PortRow>, by: AskedBy) -> Vec<Counted> {
    let (mut expected, silent) = truth(bed, hosts(2).take(128));
    let (found, counted) = sort(rows, by);
    for class in [PortClass::Closed, PortClass::Unreachable] {
        let of_class = expected.values().filter(|found| **found == class);
        assert_eq!(total(&counted, class), of_class.count() as u64);
    }
    expected.retain(|_, class| *class == PortClass::Open);
    assert_eq!(found, expected);
    assert_eq!(total(&counted, PortClass::Silent), silent);
    counted
}

fn hosts(third: u8) -> impl Iterator<Item = IpAddr> {
    (0..=255).map(move |last| [198, 18, third, last].into())
}

#[test]
fn packets_find_what_is_there_and_never_go_where_it_is_denied() {
    let Some(bed) = bed() else { return };
    let rows_of = vec![
        json!("198.18.0.0/23"),
        json!({"name": "www.in.example", "addresses": ["198.18.4.0"]}),
        // In a net that is denied, whatever its name.
        json!({"name": "no.in.example", "addresses": ["198.18.1.7"]}),
        json!({"addresses": ["2001:db8:1::-2001:db8:1::1f", "198.18.0.3"]}),
    ];
    let options = TcpSyn {
        ports: PORTS.to_vec(),
        rate: 5000,
        method: Method::Syn,
        rows: PortRows::Answered,
        ..TcpSyn::default()
    };
    inside(&bed, || async {
        let engine = engine().await;
        let run = runs(&engine, workflow(rows_of, options, &["198.18.1.0/24"])).await;
        let generated: Generated = run.result("ports.generator").await.unwrap().unwrap();
        assert_eq!(generated.targets, (512 + 1 + 32) * 2);

        let v6 = (0..0x20)
            .map(|last| std::net::Ipv6Addr::new(0x2001, 0xdb8, 1, 0, 0, 0, 0, last).into());
        let named: IpAddr = [198, 18, 4, 0].into();
        let (expected, silent) = truth(&bed, hosts(0).chain([named]).chain(v6));
        let all: Vec<PortRow> = rows(&run, "ports").await;
        let open = all.iter().find_map(|row| match row {
            PortRow::Port(port) if (port.address, port.port) == (named, 80) => Some(port),
            _ => None,
        });
        assert_eq!(
            open.unwrap().names,
            ["www.in.example".parse().unwrap()].into()
        );
        let (found, counted) = sort(all, AskedBy::Syn);
        assert_eq!(found, expected);
        assert_eq!(total(&counted, PortClass::Silent), silent);
        assert_eq!(total(&counted, PortClass::OutOfScope), 512);

        let summary: Summary = run.result("outcomes").await.unwrap().unwrap();
        assert_eq!(summary.method, "syn");
        assert_eq!(summary.records, generated.targets);
        let ledger = run.report().await.unwrap().ledger;
        assert_eq!(ledger.targets, generated.targets);
        for (class, count) in &summary.outcomes {
            assert_eq!(ledger.outcomes.get(class), *count, "{class}");
        }
        engine.shutdown().await;
    });
    assert_eq!(bed.watched().unwrap()[0], 0);
}

#[test]
fn a_scan_that_stops_again_and_again_tells_every_port_once() {
    let Some(bed) = bed() else { return };
    let options = TcpSyn {
        ports: PORTS.to_vec(),
        // 256 targets and the silent ones again: eight seconds, and legs of three.
        rate: 40,
        leg: Duration::from_secs(3),
        ..TcpSyn::default()
    };
    inside(&bed, || async {
        let engine = engine().await;
        let run = runs(
            &engine,
            workflow(vec![json!("198.18.2.0/25")], options, &[]),
        )
        .await;
        let counted = only_open_ones_are_told(&bed, rows(&run, "ports").await, AskedBy::Syn);
        // Each leg leaves its own count behind.
        let legs = counted
            .iter()
            .filter(|many| many.outcome == PortClass::Closed);
        assert!(legs.count() > 1, "{counted:?}");
        engine.shutdown().await;
    });
}

#[test]
fn an_engine_that_goes_down_in_the_middle_of_a_scan_goes_on_with_it() {
    let Some(bed) = bed() else { return };
    let folder = tempfile::tempdir().unwrap();
    let options = TcpSyn {
        ports: PORTS.to_vec(),
        rate: 100,
        rows: PortRows::Answered,
        method: Method::Syn,
        ..TcpSyn::default()
    };
    let start = async || {
        let engine = Engine::embedded(sortie::defs::registry()).at(folder.path());
        engine.start().await.unwrap()
    };
    inside(&bed, || async {
        let engine = start().await;
        let workflow = workflow(vec![json!("198.18.1.0-198.18.1.249")], options, &[]);
        let run = engine.submit(workflow).await.unwrap();
        let id = run.id();
        // Half of the first pass.
        while bed.watched().unwrap()[0] < 250 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        drop(run);
        engine.shutdown().await;

        let engine = start().await;
        let run = engine.run(id).await.unwrap();
        let report = run.wait().await.unwrap();
        assert_eq!(report.state, TaskState::Succeeded);
        assert_eq!(report.ledger.unaccounted() + report.ledger.overcounted(), 0);
        let (expected, silent) = truth(&bed, hosts(1).take(250));
        let (found, counted) = sort(rows(&run, "ports").await, AskedBy::Syn);
        assert_eq!(found, expected);
        assert_eq!(total(&counted, PortClass::Silent), silent);
        engine.shutdown().await;
    });
    // Both passes, those of the silent only, and what was sent since the last checkpoint, twice.
    let sent = bed.watched().unwrap()[0];
    assert!(sent < 500 + 125 + 250, "{sent} packets");
}

#[test]
fn a_link_that_goes_down_for_a_while_takes_nothing_of_what_was_found_with_it() {
    let Some(bed) = bed() else { return };
    let options = TcpSyn {
        ports: PORTS.to_vec(),
        rate: 100,
        rows: PortRows::Answered,
        method: Method::Syn,
        ..TcpSyn::default()
    };
    let ip = |line: &str| {
        bed.run(Command::new("ip").args(line.split(' '))).unwrap();
    };
    inside(&bed, || async {
        let engine = engine().await;
        let workflow = workflow(vec![json!("198.18.1.0-198.18.1.249")], options, &[]);
        let run = engine.submit(workflow).await.unwrap();
        while bed.watched().unwrap()[0] < 250 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        ip("link set scan0 down");
        // So long is it down.
        tokio::time::sleep(Duration::from_secs(2)).await;
        ip("link set scan0 up");
        // The system forgets these with the link.
        ip("neigh replace 192.0.2.2 lladdr 02:00:00:00:00:02 dev scan0 nud permanent");
        ip("route replace 198.18.0.0/15 via 192.0.2.2");
        let report = run.wait().await.unwrap();
        assert_eq!(report.state, TaskState::Succeeded);
        assert_eq!(report.ledger.unaccounted() + report.ledger.overcounted(), 0);
        let (expected, silent) = truth(&bed, hosts(1).take(250));
        let (found, counted) = sort(rows(&run, "ports").await, AskedBy::Syn);
        assert_eq!(found, expected);
        assert_eq!(total(&counted, PortClass::Silent), silent);
        engine.shutdown().await;
    });
    // A scan that had begun anew would have sent the first half once more.
    let sent = bed.watched().unwrap()[0];
    assert!(sent < 500 + 125 + 225, "{sent} packets");
}

#[test]
fn connections_find_the_same_and_say_so() {
    let Some(bed) = bed() else { return };
    let options = TcpSyn {
        ports: PORTS.to_vec(),
        method: Method::Connect,
        ..TcpSyn::default()
    };
    inside(&bed, || async {
        let engine = engine().await;
        let run = runs(
            &engine,
            workflow(vec![json!("198.18.2.0/25")], options, &[]),
        )
        .await;
        only_open_ones_are_told(&bed, rows(&run, "ports").await, AskedBy::Connect);
        let summary: Summary = run.result("outcomes").await.unwrap().unwrap();
        assert_eq!(summary.method, "connect");
        engine.shutdown().await;
    });
}
